import type { PeerExchangeOptions } from '../../machines/peer-exchange.ts'

export interface PeerExchangeDriverOptions extends PeerExchangeOptions {
  /** Names of the interfaces whose addresses may be told; empty for all. @default [] */
  readonly interfaces: readonly string[]
  /** A record is good for so long, in milliseconds; renewed after half of it. @default 86400000, a day */
  readonly recordMs: number
  /** Records taken of one share; the others are dropped. @default 32 */
  readonly maxEntries: number
  /** Shares taken of one peer in a minute; half as many more at once. @default 6 */
  readonly sharesPerMinute: number
}
