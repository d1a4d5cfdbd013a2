import { Lru } from '../identity/lru.ts'

export interface AcceptRateLimits {
  /** Connections that a source may open at once. */
  readonly burst: number
  /** Connections a second that it may open in the long run. */
  readonly perSecond: number
  /** Sources that are remembered; whoever was silent longest is forgotten. */
  readonly sources: number
}

/** A token bucket for each source. */
export class AcceptRate {
  readonly #limits: AcceptRateLimits
  readonly #buckets: Lru<string, { tokens: number; at: number }>

  constructor(limits: AcceptRateLimits) {
    this.#limits = limits
    this.#buckets = new Lru(limits.sources)
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#buckets.size
  }

  /** Whether the source may open one more connection at this time (ms, never going back). */
  take(source: string, now: number): boolean {
    const { burst, perSecond } = this.#limits
    let bucket = this.#buckets.get(source)
    if (bucket === undefined) this.#buckets.set(source, (bucket = { tokens: burst, at: now }))
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
