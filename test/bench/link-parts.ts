import type { WireType } from '../../actors/seam/index.ts'
import { FileChunk, Level, TextMessage } from '../../proto/index.ts'
import { Side } from '../actors/peer-connection/link-sides.ts'

/** What the other process is to wait for. */
export interface Expect {
  /** Over which: a link of ours, or TLS as it is. */
  readonly over: 'link' | 'tls'
  /** Messages (link) or bytes (TLS) after which it says that it has them all. */
  readonly count: number
  /** Decode each message. */
  readonly decode?: boolean
}

const wire: readonly WireType[] = [{ type: TextMessage, level: Level.LEVEL_BASIC, via: 'pump' }, { type: FileChunk, via: 'pump' }]

/** One end: both types go to plain code, and pings are not limited, since they are what is measured. */
export function benchSide(id: string): Side {
  return new Side(id, Level.LEVEL_ENHANCED, { pingsPerSecond: 1e9 }, wire)
}
