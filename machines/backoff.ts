import { jitter } from './random.ts'

export interface BackoffOptions {
  /** The first wait, in milliseconds. @default 500 */
  readonly backoffBaseMs: number
  /** The longest wait before jitter, in milliseconds. @default 60000 */
  readonly backoffMaxMs: number
}

/** Peers that lost each other at the same moment shall not dial at the same moment. */
const JITTER_PERCENT = 25

/** The wait after so many failures (from 1) without jitter, in milliseconds: doubled each time up to the longest. */
export function backoffStep(failures: number, options: BackoffOptions): number {
  // More doublings than this overflow 32 bits long after any sensible maximum.
  const doublings = Math.min(Math.max(failures - 1, 0), 20)
  return Math.min(options.backoffMaxMs, options.backoffBaseMs * (1 << doublings))
}

/** A wait of `base` milliseconds ± 25 %, and the next state of the random stream. */
export function backoffJitter(random: number, base: number): readonly [waitMs: number, random: number] {
  return jitter(random, base, JITTER_PERCENT)
}
