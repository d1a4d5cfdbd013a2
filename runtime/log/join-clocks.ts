/** A message that stands in two logs, each with the time of its own clock, in milliseconds. */
export interface Crossing {
  readonly from: number
  readonly to: number
  readonly sent: number
  readonly arrived: number
}

/**
 * What to add to each clock, so that no message arrives before it was sent. A clock that contradicts no message is left
 * as it is; another is put into the middle of what the messages in both directions allow (as NTP does, RFC 5905 section 8),
 * or to the edge where they went in one direction only. The first clock is the measure, and what no message reaches keeps
 * its own.
 */
export function alignClocks(count: number, crossings: readonly Crossing[]): number[] {
  // Least time from one clock to another that a message seems to take.
  const least = new Map<number, number>()
  const key = (from: number, to: number) => from * count + to
  for (const { from, to, sent, arrived } of crossings) {
    least.set(key(from, to), Math.min(least.get(key(from, to)) ?? Infinity, arrived - sent))
  }
  const corrections: (number | undefined)[] = Array.from({ length: count }, () => undefined)
  for (let start = 0; start < count; start++) {
    if (corrections[start] !== undefined) continue
    corrections[start] = 0
    const reached = [start]
    for (const known of reached) {
      for (let other = 0; other < count; other++) {
        if (corrections[other] !== undefined) continue
        // `other`'s clock may be moved by at least -there and at most back.
        const there = least.get(key(known, other)) ?? Infinity
        const back = least.get(key(other, known)) ?? Infinity
        if (there === Infinity && back === Infinity) continue
        const base = corrections[known]!
        const [low, high] = [base - there, base + back]
        corrections[other] = low <= 0 && 0 <= high ? 0
          : Number.isFinite(low) && Number.isFinite(high) ? Math.round((low + high) / 2)
          : Number.isFinite(low) ? low : high
        reached.push(other)
      }
    }
  }
  return corrections.map(correction => correction ?? 0)
}
