import { Announcement, Endpoint, PeerIgnored, SignedAnnouncement, Transport } from '../../proto/index.ts'
import { networkTag, peerIdOf, verify, type LocalPeer } from '../identity/index.ts'
import { Lru } from '../shared/lru.ts'
import { Seldom } from '../shared/seldom.ts'
import { parseAnnouncement, type ParsedAnnouncement } from './announcement.ts'
import { ANNOUNCEMENT_CONTEXT, ANNOUNCEMENT_VERSION } from './wire.ts'

/** Peers of which an earlier life is heard. */
const STALE_MAX = 256
/** For so long an earlier life that was heard once is remembered, in milliseconds. */
const STALE_KEPT_MS = 60_000
/** An earlier life that is heard for so long is none that was still on its way, in milliseconds. */
const STALE_MS = 500

interface Source {
  readonly address: string
  readonly port: number
}

/** What {@link PassedOver} is to know of the filter. */
interface Known {
  readonly local: LocalPeer
  /** When the life began that was verified last of this key, by its own word; undefined where none was. */
  startedAt(publicKey: Uint8Array): number | undefined
}

/**
 * Says of whom announcements are dropped for good: peers of other networks and of other versions, and those whose clock went
 * back. Otherwise nobody could tell that they are there.
 */
export class PassedOver {
  readonly #known: Known
  readonly #seldom: Seldom
  /** When an earlier life was heard first. */
  readonly #stale = new Lru<string, number>(STALE_MAX)

  constructor(known: Known, now: number) {
    this.#known = known
    this.#seldom = new Seldom(now)
  }

  /**
   * @param drop the filter's verdict
   * @param now in milliseconds
   * @returns undefined where there is nothing to tell, or it was told a moment ago
   */
  look(drop: string, datagram: Uint8Array, source: Source, now: number): PeerIgnored | undefined {
    if (drop === 'version') return this.#version(datagram, source, now)
    if (drop !== 'network' && drop !== 'stale') return undefined
    const told = parseAnnouncement(datagram)
    if (typeof told === 'string') return undefined
    const key = `${drop} ${Buffer.from(told.publicKey).toString('latin1')}`
    const reason = drop === 'network' ? this.#network(told) : this.#clock(told, key, now)
    if (reason === undefined || !this.#seldom.due(key, now)) return undefined
    if (!verify(told.publicKey, ANNOUNCEMENT_CONTEXT, told.announcement, told.signature)) return undefined
    this.#seldom.told(key, now)
    return new PeerIgnored({
      peerId: peerIdOf(told.publicKey), name: told.name, remote: new Endpoint({ host: source.address, port: told.port }), via: viaOf(told.transport),
      code: drop === 'network' ? 'other-network' : 'clock-behind', reason
    })
  }

  #version(datagram: Uint8Array, { address, port }: Source, now: number): PeerIgnored | undefined {
    const key = `version ${address}`
    if (!this.#seldom.due(key, now)) return undefined
    this.#seldom.told(key, now)
    const { announcement, transport } = SignedAnnouncement.decode(datagram)
    return new PeerIgnored({
      remote: new Endpoint({ host: address, port }), via: viaOf(transport), code: 'version',
      reason: `it announces itself by version ${Announcement.decode(announcement).version}, and this side understands version ${ANNOUNCEMENT_VERSION}`
    })
  }

  #network({ network }: ParsedAnnouncement): string {
    const { network: name } = this.#known.local
    const is = (tag: Uint8Array): boolean => Buffer.compare(tag, network) === 0
    if (is(networkTag(name))) return `it is of a network that is called '${name}' too, and has no key`
    if (is(networkTag('p2pnet'))) return "it is of the network that is taken where none is named, 'p2pnet' without a key"
    return 'it is of a network of another name, or of another key'
  }

  #clock({ publicKey, startedAt }: ParsedAnnouncement, key: string, now: number): string | undefined {
    const known = this.#known.startedAt(publicKey)
    // One of the same life that came late says nothing about clocks.
    if (known === undefined || startedAt >= known) return undefined
    const since = this.#stale.get(key)
    if (since === undefined || now - since > STALE_KEPT_MS) this.#stale.set(key, now)
    if (since === undefined || now - since < STALE_MS || now - since > STALE_KEPT_MS) return undefined
    return `it says that it began at ${isoTime(startedAt)}, and an earlier life of it, heard before, at ${isoTime(known)}`
  }
}

function viaOf(transport: Transport): string {
  return transport === Transport.TRANSPORT_MULTICAST ? 'multicast' : 'broadcast'
}

function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no time at all' : date.toISOString()
}
