import { Lru } from './lru.ts'
import { TokenBucket, type BucketLimits } from './token-buckets.ts'

/** One thing is told of this often at most, in milliseconds: a person looks rarely. */
const AGAIN_MS = 60_000
/** All things together; what is told may need a signature checked, 0.1 ms. */
const IN_ALL = { burst: 32, perSecond: 1 }
const KEYS_MAX = 256

/** Says whether it is time to tell of something: of one thing once a minute, and of all of them as often as a person can read. */
export class Seldom {
  readonly #inAll: TokenBucket
  readonly #told = new Lru<string, number>(KEYS_MAX)

  /**
   * @param now milliseconds on any clock that only goes forward
   * @param inAll how often all things together
   */
  constructor(now: number, inAll: BucketLimits = IN_ALL) {
    this.#inAll = new TokenBucket(inAll, now)
  }

  /** Takes from the budget where it says yes; {@link told} says that it was worth it. */
  due(key: string, now: number): boolean {
    const last = this.#told.get(key)
    return (last === undefined || now - last >= AGAIN_MS) && this.#inAll.take(now)
  }

  told(key: string, now: number): void {
    this.#told.set(key, now)
  }
}
