import { jsonText } from '../json-text.ts'

let gone = false
let onGone = (): void => process.exit(0)

/** Ends the program quietly when whoever reads its output goes away (EPIPE), as in `p2pnet … | head`. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (gone) return
    gone = true
    if (error.code === 'EPIPE') return onGone()
    complain(`p2pnet: cannot write what it prints (${error.code}): is the disk full?`)
    process.exit(1)
  })
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    // Nobody is left to be told.
    if (error.code !== 'EPIPE') process.exit(1)
  })
}

/** What to do instead of an immediate end when the reader of stdout goes away: stop in order. */
export function whenReaderGone(then: () => void): void {
  onGone = then
  if (gone) then()
}

/** Writes a line to stdout. */
export function print(line: string): void {
  if (!gone) process.stdout.write(`${line}\n`)
}

/** Writes one JSON object on a line of stdout. */
export function printJson(object: object): void {
  print(jsonText(object))
}

/** Writes a line to stderr. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`)
}
