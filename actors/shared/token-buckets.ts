import { Lru } from './lru.ts'

export interface BucketLimits {
  /** Most at once. */
  readonly burst: number
  /** Regained each second. */
  readonly perSecond: number
}

/** A budget that refills with time (a token bucket). */
export class TokenBucket {
  readonly #limits: BucketLimits
  #tokens: number
  #at: number

  constructor(limits: BucketLimits, now: number) {
    this.#limits = limits
    this.#tokens = limits.burst
    this.#at = now
  }

  /** Takes one where there is one; times in milliseconds. */
  take(now: number): boolean {
    this.#refill(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Takes so many, on credit where they are not left. @returns milliseconds until the credit is paid back */
  spend(count: number, now: number): number {
    this.#refill(now)
    this.#tokens -= count
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#limits.perSecond)
  }

  #refill(now: number): void {
    const { burst, perSecond } = this.#limits
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000)
    this.#at = now
  }
}

/** A budget for each source; the source heard longest ago is forgotten first. */
export class TokenBuckets {
  readonly #limits: BucketLimits
  readonly #buckets: Lru<string, TokenBucket>

  constructor(limits: BucketLimits, sources: number) {
    this.#limits = limits
    this.#buckets = new Lru(sources)
  }

  get size(): number {
    return this.#buckets.size
  }

  take(source: string, now: number): boolean {
    let bucket = this.#buckets.get(source)
    if (bucket === undefined) this.#buckets.set(source, bucket = new TokenBucket(this.#limits, now))
    return bucket.take(now)
  }
}
