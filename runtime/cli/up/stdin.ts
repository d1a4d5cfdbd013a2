import { LineCutter } from '../lines.ts'
import { LINE_CHARS_MAX } from './commands.ts'

/**
 * Reads stdin line by line, for as long as it is open. Its end is not the peer's: a peer that was
 * started in the background has none.
 * @returns what gives stdin back
 */
export function readLines(onLine: (line: string) => void, onEnd?: () => void): () => void {
  const { stdin } = process
  const lines = new LineCutter(LINE_CHARS_MAX, line => {
    if (!over) onLine(line)
  })
  let over = false
  const end = (): void => {
    if (over) return
    lines.end()
    over = true
    onEnd?.()
  }
  stdin.on('data', chunk => lines.push(chunk))
  // A terminal that is gone, or a descriptor that cannot be read, is an end like any other.
  stdin.on('end', end).on('error', end)
  return () => {
    over = true
    stdin.destroy()
  }
}
