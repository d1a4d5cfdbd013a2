import { jsonText } from '../json-text.ts'

let gone = false
let onGone = (): void => process.exit(0)

/** Ends the program quietly when whoever reads its output goes away (EPIPE), as in `p2pnet … | head`. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (gone) return
    gone = true
    onGone()
  })
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
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
