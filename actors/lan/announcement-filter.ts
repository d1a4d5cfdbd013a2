import { AnnouncementHeard, Endpoint, Instance, Transport, type PeerIgnored } from '../../proto/index.ts'
import { Identity, LocalPeer, peerIdOf, verify } from '../identity/index.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import { Lru } from '../shared/lru.ts'
import { serviceKey } from '../seam/index.ts'
import { parseAnnouncement, type ParsedAnnouncement } from './announcement.ts'
import type { LocalAddress, LocalNetworks } from './local-networks.ts'
import { TokenBucket, TokenBuckets } from '../shared/token-buckets.ts'
import { PassedOver } from './passed-over.ts'
import { ANNOUNCEMENT_CONTEXT, DATAGRAM_MAX_BYTES } from './wire.ts'

/** Why a datagram is dropped, in the order in which it is looked at; each is counted by this name. */
export const DROPS = [
  'oversize', 'blocked-address', 'off-link', 'source-rate', 'total-rate', 'malformed', 'version', 'port', 'network', 'self',
  'same-identity', 'stale', 'repeated', 'verify-rate', 'forged'
] as const
export type Drop = (typeof DROPS)[number]

/** Datagrams that are read at all. A hundred peers that start at once on one LAN stay below. */
const READ_PER_SOURCE = { burst: 256, perSecond: 128 }
const READ_IN_ALL = { burst: 4096, perSecond: 2048 }

/** Signatures that are checked, each about 0.1 ms: no flood takes more than a few percent of one core. */
const VERIFY_PER_SOURCE = { burst: 64, perSecond: 32 }
const VERIFY_IN_ALL = { burst: 512, perSecond: 256 }

const SOURCES_MAX = 1024
const PEERS_MAX = 1024
const HOSTS_MAX = 8
/** Datagrams that were judged, of 256 bytes each: more than all copies of a hundred peers' bursts. */
const SEEN_MAX = 1024

/**
 * So long one place is enough to dial a peer that is new, in milliseconds; its burst says the same again
 * after 600 ms, when further places are told.
 */
const ONE_SOURCE_MS = 500

/** As long as the discovery channel remembers a peer by default, in milliseconds. */
const FORGET_MS = 600_000

/** The last announcement of a peer whose signature was right. */
interface Verified {
  readonly key: string
  readonly peerId: string
  readonly startedAt: number
  readonly nonce: Buffer
  readonly sequence: number
  readonly announcement: Buffer
  readonly signature: Buffer
  /** Where it was heard from. */
  readonly hosts: Set<string>
  readonly heardAt: number
  /** When a place to dial this instance was told first; -Infinity where none was. */
  readonly placedAt: number
}

export interface Source {
  readonly address: string
  readonly port: number
}

/**
 * Decides by fixed rules which datagrams are announcements worth telling, the cheapest rule first.
 * Shared by the drivers that hear, so that a signature is checked once, over however many sockets,
 * interfaces and groups its announcement comes.
 */
export class AnnouncementFilter {
  readonly #identity: Identity
  readonly #local: LocalPeer
  readonly #now: () => number
  readonly #blocks: (host: string) => boolean
  readonly #read = new TokenBuckets(READ_PER_SOURCE, SOURCES_MAX)
  readonly #readInAll: TokenBucket
  readonly #verify = new TokenBuckets(VERIFY_PER_SOURCE, SOURCES_MAX)
  readonly #verifyInAll: TokenBucket
  readonly #peers = new Lru<string, Verified>(PEERS_MAX)
  /** What whole datagrams turned out to be: copies come by every group, address and socket. */
  readonly #seen = new Lru<string, Verified | 'self'>(SEEN_MAX)
  readonly #passedOver: PassedOver

  /**
   * @param now milliseconds on any clock that only goes forward
   * @param blocks whether the policy blocks an address
   */
  constructor(identity: Identity, local: LocalPeer, now: () => number = () => performance.now(), blocks: (host: string) => boolean = () => false) {
    this.#identity = identity
    this.#local = local
    this.#now = now
    this.#blocks = blocks
    this.#readInAll = new TokenBucket(READ_IN_ALL, now())
    this.#verifyInAll = new TokenBucket(VERIFY_IN_ALL, now())
    this.#passedOver = new PassedOver({ local, startedAt: publicKey => this.#current(latin1(publicKey), now())?.startedAt }, now())
  }

  /** What is held for others: sources and peers, each at most 1,024. */
  get held(): { sources: number; peers: number } {
    return { sources: this.#read.size, peers: this.#peers.size }
  }

  /**
   * Checks an announcement of our own. The first in a process takes ten times as long as those that
   * follow, and when discovery starts everyone is heard at once.
   */
  rehearse(datagram: Uint8Array): void {
    const told = parseAnnouncement(datagram)
    if (typeof told !== 'string') verify(told.publicKey, ANNOUNCEMENT_CONTEXT, told.announcement, told.signature)
  }

  judge(datagram: Uint8Array, source: Source, networks: LocalNetworks): AnnouncementHeard | Drop {
    if (datagram.length > DATAGRAM_MAX_BYTES) return 'oversize'
    if (this.#blocks(source.address)) return 'blocked-address'
    const local = networks.of(source.address)
    if (local === undefined) return 'off-link'
    const now = this.#now()
    const who = budgetKey(source, local)
    if (!this.#read.take(who, now)) return 'source-rate'
    if (!this.#readInAll.take(now)) return 'total-rate'
    const text = latin1(datagram)
    const seen = this.#seen.get(text)
    if (seen === 'self') return 'self'
    if (seen !== undefined && seen.hosts.has(source.address) && this.#current(seen.key, now) === seen) return 'repeated'
    const told = parseAnnouncement(datagram)
    if (typeof told === 'string') return told
    if (!same(told.network, this.#local.networkTag)) return 'network'
    if (same(told.publicKey, this.#identity.publicKey)) {
      if (!same(told.nonce, this.#local.instance.nonce)) return 'same-identity'
      this.#seen.set(text, 'self')
      return 'self'
    }
    const verified = this.#check(told, source, who, now, text)
    if (typeof verified === 'string') return verified
    return new AnnouncementHeard({
      peerId: verified.peerId,
      instance: new Instance({ startedAt: told.startedAt, nonce: verified.nonce }),
      sequence: told.sequence,
      name: told.name,
      endpoint: new Endpoint({ host: source.address, port: told.port }),
      source: new Endpoint({ host: source.address, port: source.port }),
      via: told.transport === Transport.TRANSPORT_MULTICAST ? 'multicast' : 'broadcast',
      bytes: datagram.length,
      answer: told.answer
    })
  }

  /** Who was dropped by that verdict, where that is worth telling; see {@link PassedOver}. */
  explain(drop: Drop, datagram: Uint8Array, source: Source): PeerIgnored | undefined {
    return this.#passedOver.look(drop, datagram, source, this.#now())
  }

  #current(key: string, now: number): Verified | undefined {
    const held = this.#peers.get(key)
    return held !== undefined && now - held.heardAt <= FORGET_MS ? held : undefined
  }

  #check(told: ParsedAnnouncement, source: Source, who: string, now: number, text: string): Verified | Drop {
    const key = latin1(told.publicKey)
    const known = this.#current(key, now)
    const life = known === undefined ? 1 : told.startedAt - known.startedAt || Buffer.compare(told.nonce, known.nonce)
    if (known !== undefined && life <= 0) {
      // Claims, not checked yet: but such an announcement would tell nothing if its signature were right.
      if (life < 0 || told.sequence < known.sequence) return 'stale'
      if (told.sequence === known.sequence) {
        const further = !known.hosts.has(source.address)
        if (further && (known.hosts.size >= HOSTS_MAX || now - known.placedAt < ONE_SOURCE_MS)) return 'repeated'
        if (same(told.announcement, known.announcement) && same(told.signature, known.signature)) {
          this.#seen.set(text, known)
          if (!further) return 'repeated'
          known.hosts.add(source.address)
          return known
        }
        if (!further) return 'repeated'
      }
    }
    if (!this.#verify.take(who, now) || !this.#verifyInAll.take(now)) return 'verify-rate'
    if (!verify(told.publicKey, ANNOUNCEMENT_CONTEXT, told.announcement, told.signature)) return 'forged'
    const again = known !== undefined && life === 0 && told.sequence === known.sequence
    const verified: Verified = {
      key,
      peerId: known?.peerId ?? peerIdOf(told.publicKey),
      startedAt: told.startedAt,
      // Copies: what was parsed lies within the datagram.
      nonce: Buffer.from(told.nonce),
      sequence: told.sequence,
      announcement: Buffer.from(told.announcement),
      signature: Buffer.from(told.signature),
      hosts: new Set(again ? known.hosts : []).add(source.address),
      heardAt: now,
      placedAt: known !== undefined && life === 0 && known.placedAt > -Infinity ? known.placedAt : told.port === 0 ? -Infinity : now
    }
    this.#peers.set(key, verified)
    this.#seen.set(text, verified)
    return verified
  }
}

/** Peers on this machine share the loopback address; elsewhere a port is free to choose, an address less so. */
function budgetKey({ address, port }: Source, local: LocalAddress): string {
  return local.internal ? `${address} ${port}` : address
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

export const Announcements = serviceKey<AnnouncementFilter>(
  'announcements', services => {
    const blocked = services.get(BlockedAddresses)
    return new AnnouncementFilter(services.get(Identity), services.get(LocalPeer), undefined, host => blocked.blocks(host))
  }
)
