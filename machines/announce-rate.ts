/** How often a peer announces itself once its burst is over. All in milliseconds but the percentage. */
export interface AnnounceRate {
  /** Shortest interval of the wave. @default 1000 */
  readonly fastMs: number
  /** Longest interval of the wave. @default 20000 */
  readonly slowMs: number
  /** Length of one wave, from fast to slow and back. @default 120000 */
  readonly periodMs: number
  /** No interval gets longer than this, however many links there are. @default 60000 */
  readonly quietMs: number
}

/** What {@link sine} gives for a quarter turn. */
export const SINE_ONE = 65_536

// A quarter of a sine in 64 steps. Integers, because Math.sin may differ between engines.
const QUARTER: readonly number[] = [
  0, 1608, 3216, 4821, 6424, 8022, 9616, 11204, 12785, 14359, 15924, 17479, 19024, 20557, 22078, 23586,
  25080, 26558, 28020, 29466, 30893, 32303, 33692, 35062, 36410, 37736, 39040, 40320, 41576, 42806, 44011, 45190,
  46341, 47464, 48559, 49624, 50660, 51665, 52639, 53581, 54491, 55368, 56212, 57022, 57798, 58538, 59244, 59914,
  60547, 61145, 61705, 62228, 62714, 63162, 63572, 63944, 64277, 64571, 64827, 65043, 65220, 65358, 65457, 65516,
  65536
]

/** The sine of an angle in 1/65536 of a turn, as an integer from -65536 to 65536; within 21 of the true value. */
export function sine(turn: number): number {
  const angle = turn & 0xffff
  const along = angle & 0x3fff
  const mirrored = (angle & 0x4000) === 0 ? along : 0x4000 - along
  const step = mirrored >> 8
  const below = QUARTER[step] as number
  const above = QUARTER[step + 1] ?? below
  const value = below + (((above - below) * (mirrored & 0xff)) >> 8)
  return angle < 0x8000 ? value : -value
}

/** The interval at a moment of the wave, which starts fast: an integer from `fastMs` to `slowMs`. */
export function waveMs(rate: AnnounceRate, elapsedMs: number): number {
  const turn = Math.floor(((elapsedMs % rate.periodMs) * 0x10000) / rate.periodMs)
  const cosine = sine(turn + 0x4000)
  return rate.fastMs + Math.floor(((rate.slowMs - rate.fastMs) * (SINE_ONE - cosine)) / (2 * SINE_ONE))
}

/**
 * The interval of a peer that has links: with `n` of them about `n` others announce too, so each
 * waits `n + 1` times as long and the LAN as a whole hears no more than one peer alone would send.
 */
export function throttledMs(rate: AnnounceRate, intervalMs: number, links: number): number {
  return Math.max(intervalMs, Math.min(intervalMs * (1 + links), rate.quietMs))
}
