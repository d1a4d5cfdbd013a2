import type { Message } from '../proto/index.ts'
import type { DirectoryRow } from './directory-row.ts'
import type { MachineInput } from './publish.ts'
import { emptyTable, type Table } from './table.ts'

export interface PeerDirectoryOptions {
  /** This peer, which is never in its own directory. @default '' */
  readonly peerId: string
  /** Most peers remembered. The least useful goes first; who was verified and seen of late stays longest. @default 10000, some 5 MB on disk */
  readonly maxPeers: number
  /** Of those, most that are only hearsay of other peers. @default 2500 */
  readonly maxHearsay: number
  /** Hearsay that one source may have in the directory. @default 64 */
  readonly maxPerSource: number
  /** Hearsay about one /24 or /48. @default 32 */
  readonly maxPerSubnet: number
  /** Addresses remembered of a peer. @default 8 */
  readonly maxAddresses: number
  /** A verified peer not heard of or seen for so long is forgotten, in milliseconds. @default 2592000000, 30 days */
  readonly expireMs: number
  /** The same for one that was never verified. @default 86400000, a day */
  readonly unverifiedMs: number
  /** How often the expired are looked for, in milliseconds. @default 600000 */
  readonly sweepMs: number
  /** Changes are gathered for so long before they are written, in milliseconds, at least {@link FLUSH_MS_MIN}. @default 1000 */
  readonly flushMs: number
  /** Most records in one write, at least 1. @default 500, some 200 KB */
  readonly batchMax: number
  /** Known peers are offered only while fewer are connected. @default 8 */
  readonly linksWanted: number
  /** Known peers offered when discovery starts. @default 64 */
  readonly offersAtStart: number
  /** Known peers offered at once, at least 1; the others come a second later. @default 8 */
  readonly offersPerRound: number
  /** How often it is looked at later whether links are wanted, in milliseconds. @default 10000 */
  readonly roundMs: number
  /** Who has not been connected so long after it was offered has failed, in milliseconds. @default 30000 */
  readonly offerWaitMs: number
  /** First wait before who failed is offered again, doubled with each failure, in milliseconds. @default 60000 */
  readonly backoffMs: number
  /** Longest such wait, in milliseconds. @default 21600000, six hours */
  readonly backoffMaxMs: number
  /** Peers known by hearsay that are offered in a minute. @default 6 */
  readonly hearsayPerMinute: number
  /** Offers of one address by hearsay in an hour, so that nobody is made a weapon. @default 3 */
  readonly hearsayPerTarget: number
  /** A peer seen within this time may be told of to others, in milliseconds. @default 86400000 */
  readonly sampleMs: number
}

/** Oftener than twice a second a disk need not be written. */
export const FLUSH_MS_MIN = 500

export const peerDirectoryDefaults: PeerDirectoryOptions = {
  peerId: '',
  maxPeers: 10_000,
  maxHearsay: 2_500,
  maxPerSource: 64,
  maxPerSubnet: 32,
  maxAddresses: 8,
  expireMs: 30 * 86_400_000,
  unverifiedMs: 86_400_000,
  sweepMs: 600_000,
  flushMs: 1_000,
  batchMax: 500,
  linksWanted: 8,
  offersAtStart: 64,
  offersPerRound: 8,
  roundMs: 10_000,
  offerWaitMs: 30_000,
  backoffMs: 60_000,
  backoffMaxMs: 6 * 3_600_000,
  hearsayPerMinute: 6,
  hearsayPerTarget: 3,
  sampleMs: 86_400_000
}

export interface DirectoryContext {
  readonly driver: string
  readonly options: PeerDirectoryOptions
  readonly random: number
  /** What the time since the epoch is ahead of logical time, in milliseconds; 0 until the driver has said it. */
  readonly offset: number
  readonly rows: Table<DirectoryRow>
  /** PeerIds whose row is to be written, true, or removed from the store, false. */
  readonly changed: Table<boolean>
  /** How many rows are hearsay: in all, by who told and by the subject's subnet. */
  readonly hearsay: number
  readonly bySource: Table<number>
  readonly bySubnet: Table<number>
  /** Who is connected. */
  readonly connected: Table<true>
  /** Who was offered and has not been connected since, and when it was. */
  readonly offered: Table<number>
  /** Offers left of those for the start. */
  readonly atStart: number
  /** Hearsay offered in the minute since `minuteAt`, and by address in the hour since `hourAt`. */
  readonly minuteAt: number
  readonly inMinute: number
  readonly hourAt: number
  readonly targets: Table<number>
  readonly batch: number
  /** The behaviour flag {@link TELLS_BLOCKED} is in force. */
  readonly tellsBlocked: boolean
  readonly failure: { readonly code: string; readonly reason: string }
  /** The store has been read, or cannot be. */
  readonly opened: boolean
  /** False where nothing is kept. */
  readonly durable: boolean
  /** A batch is being written. */
  readonly inFlight: boolean
}

/** Behaviour flag: that the directory is open says whom it holds as blocked. */
export const TELLS_BLOCKED = 1

export function directoryContext({ address, options, random, flags }: MachineInput<Partial<PeerDirectoryOptions>>): DirectoryContext {
  const all = { ...peerDirectoryDefaults, ...options }
  return {
    driver: `${address}#store`,
    options: { ...all, flushMs: Math.max(FLUSH_MS_MIN, all.flushMs), offersPerRound: Math.max(1, all.offersPerRound), batchMax: Math.max(1, all.batchMax) },
    random,
    offset: 0,
    rows: emptyTable(),
    changed: emptyTable(),
    hearsay: 0,
    bySource: emptyTable(),
    bySubnet: emptyTable(),
    connected: emptyTable(),
    offered: emptyTable(),
    atStart: 0,
    minuteAt: 0,
    inMinute: 0,
    hourAt: 0,
    targets: emptyTable(),
    batch: 0,
    tellsBlocked: flags.includes(TELLS_BLOCKED),
    failure: { code: '', reason: '' },
    opened: false,
    durable: true,
    inFlight: false
  }
}

/** One event being dealt with: a copy of the context that may be changed, the time since the epoch, and what is to be said. */
export interface DirectoryTurn {
  readonly book: { -readonly [K in keyof DirectoryContext]: DirectoryContext[K] }
  readonly now: number
  readonly says: { readonly to: string; readonly body: Message }[]
}
