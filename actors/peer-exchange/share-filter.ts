import { Endpoint, PeerClaim, PeerIgnored, SignedPeerRecord, type CollectionShare } from '../../proto/index.ts'
import { peerIdOf } from '../identity/index.ts'
import { Lru } from '../shared/lru.ts'
import { Seldom } from '../shared/seldom.ts'
import { TokenBucket, TokenBuckets } from '../shared/token-buckets.ts'
import { parseRecord, type ParsedRecord } from './record.ts'

/** Signatures that are checked, each about 0.1 ms: no more than a hundredth of one core, for however many sources. */
const VERIFY_PER_SOURCE = { burst: 64, perSecond: 2 }
const VERIFY_IN_ALL = { burst: 512, perSecond: 64 }
const SOURCES_MAX = 1_024
/** At most 1.2 KB each. */
const PEERS_MAX = 4_096
/** Clocks may be wrong by so much, in milliseconds. */
const SKEW_MS = 3_600_000
/** Larger shares are not decoded, in bytes: the most entries of the largest size. */
export const SHARE_BYTES_MAX = 64 * 1_024

export interface ShareFilterOptions {
  readonly networkTag: Uint8Array
  readonly publicKey: Uint8Array
  readonly maxEntries: number
  readonly sharesPerMinute: number
  readonly recordMs: number
  /** Milliseconds on any clock that only goes forward, and since the epoch. */
  readonly now: () => number
  readonly wallTime: () => number
  readonly verify: (publicKey: Uint8Array, record: Uint8Array, signature: Uint8Array) => boolean
  readonly count: (name: string, by?: number) => void
  /** Told of whom a record is dropped for good, because of a clock; of one peer once a minute at most. */
  readonly ignored?: (peer: PeerIgnored) => void
}

interface Known {
  readonly peerId: string
  readonly sequence: number
  readonly record: Buffer
  readonly signature: Buffer
  /** Who told it last. */
  source: string
}

/** Decides by fixed rules which records of a share are worth telling, the cheapest rule first; what it drops it counts. */
export class ShareFilter {
  readonly #options: ShareFilterOptions
  readonly #shares: TokenBuckets
  readonly #verify = new TokenBuckets(VERIFY_PER_SOURCE, SOURCES_MAX)
  readonly #verifyInAll: TokenBucket
  /** The newest record of each key whose signature was right. */
  readonly #known = new Lru<string, Known>(PEERS_MAX)
  readonly #seldom: Seldom

  constructor(options: ShareFilterOptions) {
    this.#options = options
    const { sharesPerMinute } = options
    this.#shares = new TokenBuckets({ burst: Math.max(2, Math.ceil(sharesPerMinute / 2)), perSecond: sharesPerMinute / 60 }, SOURCES_MAX)
    this.#verifyInAll = new TokenBucket(VERIFY_IN_ALL, options.now())
    this.#seldom = new Seldom(options.now())
  }

  /** Whether a share of so many bytes is read at all. */
  admits(source: string, bytes: number): boolean {
    const { now, count } = this.#options
    if (bytes > SHARE_BYTES_MAX) count('share-oversize')
    else if (!this.#shares.take(source, now())) count('share-rate')
    else return true
    return false
  }

  judge(source: string, { entries }: CollectionShare): PeerClaim[] {
    const { maxEntries, count } = this.#options
    if (entries.length > maxEntries) count('share-entries', entries.length - maxEntries)
    return entries.slice(0, maxEntries).flatMap(entry => {
      const claim = this.#claim(source, entry as SignedPeerRecord)
      if (typeof claim !== 'string') return [claim]
      count(claim)
      return []
    })
  }

  #claim(source: string, entry: SignedPeerRecord): PeerClaim | string {
    const { networkTag, publicKey, recordMs, now, wallTime, verify } = this.#options
    const told = parseRecord(entry)
    if (told === undefined) return 'record-malformed'
    if (!same(told.network, networkTag)) return 'record-network'
    if (same(told.publicKey, publicKey)) return 'record-self'
    const wall = wallTime()
    if (told.expiresAt <= wall) return 'record-expired'
    const key = Buffer.from(told.publicKey).toString('latin1')
    if (told.sequence > wall + SKEW_MS) {
      this.#clockAhead(told, key, wall)
      return 'record-future'
    }
    if (told.expiresAt > told.sequence + Math.max(recordMs, 7 * 86_400_000)) return 'record-future'
    const known = this.#known.get(key)
    if (known !== undefined && told.sequence < known.sequence) return 'record-stale'
    if (known !== undefined && told.sequence === known.sequence) {
      if (!same(told.signature, known.signature) || !same(told.record, known.record) || known.source === source) return 'record-repeated'
      // Told by somebody else: it is right, but whether it is of use there depends on who tells it.
      known.source = source
      return claimOf(told, entry, known.peerId)
    }
    if (!this.#verify.take(source, now()) || !this.#verifyInAll.take(now())) return 'record-verify-rate'
    if (!verify(told.publicKey, told.record, told.signature)) return 'record-forged'
    const peerId = peerIdOf(told.publicKey)
    this.#known.set(key, { peerId, sequence: told.sequence, record: Buffer.from(told.record), signature: Buffer.from(told.signature), source })
    return claimOf(told, entry, peerId)
  }

  #clockAhead({ publicKey, record, signature, sequence, addresses }: ParsedRecord, key: string, wall: number): void {
    const { ignored, now, verify } = this.#options
    if (ignored === undefined || !this.#seldom.due(key, now()) || !verify(publicKey, record, signature)) return
    this.#seldom.told(key, now())
    ignored(new PeerIgnored({
      peerId: peerIdOf(publicKey), remote: addresses[0] ? new Endpoint(addresses[0]) : null, via: 'exchange', code: 'clock-ahead',
      reason: `it signed its record at ${isoTime(sequence)}, and it is ${isoTime(wall)} here`
    }))
  }
}

function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no time at all' : date.toISOString()
}

function claimOf({ sequence, expiresAt, addresses }: ParsedRecord, { record, signature }: SignedPeerRecord, peerId: string): PeerClaim {
  return new PeerClaim({
    peerId, sequence, expiresAt,
    endpoints: addresses.map(({ host, port }) => new Endpoint({ host, port })),
    // A copy: what was decoded lies within the link's memory.
    record: SignedPeerRecord.encode(new SignedPeerRecord({ record, signature })).finish()
  })
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
