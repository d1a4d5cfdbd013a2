import { jsonText } from '../json-text.ts'

let gone = false
/** Lines of the present turn of the event loop: a write costs more than a line, and what happens, happens in bursts. */
let waiting = ''
/** What waits is written at once from here on, in characters: as much as a pipe holds. */
const WAITING_MAX = 65_536
let onGone = (): void => process.exit(0)

/** Ends the program quietly when whoever reads its output goes away (EPIPE), as in `p2pnet … | head`. */
export function watchOutput(): void {
  process.on('exit', flush)
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

/** Writes a line to stdout, with the others of this turn of the event loop. */
export function print(line: string): void {
  if (gone) return
  if (waiting === '') setImmediate(flush)
  waiting += `${line}\n`
  if (waiting.length >= WAITING_MAX) flush()
}

function flush(): void {
  const lines = waiting
  waiting = ''
  if (lines !== '' && !gone) process.stdout.write(lines)
}

/** Writes one JSON object on a line of stdout. */
export function printJson(object: object): void {
  print(jsonText(object))
}

/** Writes a line to stderr. */
export function complain(line: string): void {
  flush()
  process.stderr.write(`${line}\n`)
}
