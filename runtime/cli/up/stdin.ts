import { createInterface } from 'node:readline'

/**
 * Reads stdin line by line, for as long as it is open. Its end is not the peer's: a peer that was
 * started in the background has none.
 * @returns what gives stdin back
 */
export function readLines(onLine: (line: string) => void, onEnd?: () => void): () => void {
  const lines = createInterface({ input: process.stdin, terminal: false, crlfDelay: Infinity })
  let closing = false
  lines.on('line', onLine)
  lines.on('close', () => {
    if (!closing) onEnd?.()
  })
  // A terminal that is gone, or a descriptor that cannot be read, is an end like any other.
  process.stdin.on('error', () => lines.close())
  return () => {
    closing = true
    lines.close()
    process.stdin.destroy()
  }
}
