import type { Strategy } from '../../actors/seam/index.ts'
import type { Envelope } from '../../proto/index.ts'

export type Verdict = { readonly decision: 'restart'; readonly delayMs: number } | { readonly decision: 'stop' | 'escalate' }

/** How actors are supervised where their definition does not say. */
export const strategyOfPeer: Strategy = { onFailure: 'restart' }
export const strategyOfSpawned: Strategy = { onFailure: 'stop' }

/**
 * Judges a failure. A restart waits `backoffMs`, twice that after the second failure within `windowMs`, and so
 * on, at most `windowMs`; the failure after `attempts` restarts in the window escalates.
 * @param failures logical times of the actor's earlier failures, in ms; the present one is added, old ones are dropped
 */
export function judge(strategy: Strategy, failures: number[], now: number): Verdict {
  const { onFailure, attempts = 3, windowMs = 60_000, backoffMs = 100 } = strategy
  if (onFailure !== 'restart') return { decision: onFailure }
  while (failures.length > 0 && (failures[0] as number) <= now - windowMs) failures.shift()
  failures.push(now)
  if (failures.length > attempts) return { decision: 'escalate' }
  let delayMs = backoffMs
  for (let n = 1; n < failures.length && delayMs < windowMs; n++) delayMs *= 2
  return { decision: 'restart', delayMs: Math.min(delayMs, windowMs) }
}

/** Commands without which something would not end. */
const ENDINGS: ReadonlySet<string> = new Set(['Stop', 'StopActor', 'Unwatch', 'DriverFailed'])

/**
 * What must be delivered though it is one too many in zero time, for an actor to end and others to hear so. Every cycle has other
 * messages too: whoever starts or watches actors again and again fails, or is not heard.
 */
export function isNeeded({ from, to, type }: Pick<Envelope, 'from' | 'to' | 'type'>): boolean {
  return from === 'system' || (to === 'system' && ENDINGS.has(type))
}
