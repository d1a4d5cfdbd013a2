import type { Observable } from 'rxjs'
import {
  ActorStopped, Direction, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerConnected, PeerDisconnected, PeerRtt, PeerVerified, TrustRevoked,
  type Envelope, type Message, type MessageClass
} from '../../proto/index.ts'
import { GuardedObservable } from '../kernel/faces.ts'
import type { Report } from '../kernel/index.ts'
import { BehaviorSubject } from '../kernel/rx.ts'
import { AmbiguousPeerError, UnknownPeerError } from './errors.ts'

/** How far a link has climbed. */
export type LevelName = 'secured' | 'identified' | 'basic' | 'enhanced'

/** A connected peer. */
export interface PeerInfo {
  readonly peerId: string
  /** As the other side calls itself; not verified. */
  readonly name: string
  readonly level: LevelName
  /** `tcp`, `tcp-punched`, `udp-punched` or `relay`. */
  readonly path: string
  /** `HOST:PORT`, with brackets around IPv6. */
  readonly address: string
  readonly direction: 'in' | 'out'
  /** The last round trip, in milliseconds; undefined until one was measured. */
  readonly rttMs: number | undefined
  /** When it connected, in milliseconds since the epoch. */
  readonly sinceMs: number
}

/** One link; a peer has two for a moment when both sides dialled. */
export interface LinkInfo {
  /** Hash of a TLS exporter value, in hex: the same on both ends. */
  readonly linkId: string
  readonly peerId: string
  readonly name: string
  readonly level: LevelName
  readonly address: string
  readonly direction: 'in' | 'out'
}

/** A value that changes: emits the present one on subscribing and each that follows. */
export interface Live<T> extends Observable<T> {
  readonly value: T
}

const LEVELS: Readonly<Record<number, LevelName>> = {
  [Level.LEVEL_SECURED]: 'secured',
  [Level.LEVEL_IDENTIFIED]: 'identified',
  [Level.LEVEL_BASIC]: 'basic',
  [Level.LEVEL_ENHANCED]: 'enhanced'
}

/** A value that changes, whose subscribers cannot disturb who changes it. */
class LiveValue<T> extends GuardedObservable<T> implements Live<T> {
  readonly #subject: BehaviorSubject<T>

  constructor(first: T, report: Report) {
    const subject = new BehaviorSubject(first)
    super(report, subscriber => subject.subscribe(subscriber))
    this.#subject = subject
  }

  get value(): T {
    return this.#subject.value
  }

  next(value: T): void {
    this.#subject.next(value)
  }

  complete(): void {
    this.#subject.complete()
  }
}

/** Keeps the lists of peers and links from what is said on the bus. */
export class Roster {
  readonly peers: LiveValue<readonly PeerInfo[]>
  readonly links: LiveValue<readonly LinkInfo[]>
  readonly #wallZero: () => number
  /** Link ids by the address of their connection. */
  readonly #linkIds = new Map<string, string>()
  /** The last round trip to each peer with a link, in milliseconds: verification measures it before the peer counts as connected. */
  readonly #rtts = new Map<string, number>()

  constructor(bus: { of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>> }, wallZero: () => number, report: Report = () => {}) {
    this.#wallZero = wallZero
    this.peers = new LiveValue<readonly PeerInfo[]>([], report)
    this.links = new LiveValue<readonly LinkInfo[]>([], report)
    bus.of(PeerConnected).subscribe(({ body, time }) => this.#connected(body, time))
    bus.of(PeerVerified).subscribe(({ body }) => this.#change(body.peerId, { level: levelName(body.level) }))
    bus.of(PeerRtt).subscribe(({ body }) => {
      const rttMs = body.rttUs / 1_000
      this.#rtts.set(body.peerId, rttMs)
      this.#change(body.peerId, { rttMs })
    })
    bus.of(PeerDisconnected).subscribe(({ body }) => {
      this.#rtts.delete(body.peerId)
      this.peers.next(this.peers.value.filter(({ peerId }) => peerId !== body.peerId))
    })
    // Several links of one peer may come and go: what the connections tell their keeper.
    bus.of(LinkIdentified).subscribe(({ body, from }) => this.#identified(body, from))
    bus.of(LinkLevelReached).subscribe(({ body, from }) => this.#climbed(body, from))
    bus.of(TrustRevoked).subscribe(({ body, from }) => this.#climbed(body, from))
    bus.of(LinkEnded).subscribe(({ from, body }) => {
      if (!this.peers.value.some(({ peerId }) => peerId === body.peerId)) this.#rtts.delete(body.peerId)
      this.#ended(from)
    })
    // A connection that failed could not tell its end itself.
    bus.of(ActorStopped).subscribe(({ body }) => {
      this.#ended(body.address)
      // With the keeper go all links, and nobody is left to say so.
      if (body.address.startsWith('link-keeper/') && this.peers.value.length > 0) this.peers.next([])
    })
  }

  /**
   * The PeerId of the connected peer that is meant by a PeerId, an unambiguous prefix of one, or a name.
   * @throws UnknownPeerError, AmbiguousPeerError
   */
  find(wanted: string): string {
    const peers = this.peers.value
    const exact = peers.find(({ peerId }) => peerId === wanted)
    if (exact !== undefined) return exact.peerId
    const byName = peers.filter(({ name }) => name === wanted)
    const found = byName.length > 0 ? byName : wanted === '' ? [] : peers.filter(({ peerId }) => peerId.startsWith(wanted))
    if (found.length === 1) return found[0]!.peerId
    if (found.length === 0) throw new UnknownPeerError(`no connected peer is called '${wanted}', by PeerId, prefix or name: see peer.peers`)
    throw new AmbiguousPeerError(`'${wanted}' fits ${found.map(({ peerId }) => peerId).join(', ')}: give more of the PeerId`)
  }

  /** Empties both lists and completes them. */
  stop(): void {
    if (this.peers.value.length > 0) this.peers.next([])
    if (this.links.value.length > 0) this.links.next([])
    this.peers.complete()
    this.links.complete()
  }

  #connected(body: PeerConnected, time: number): void {
    const { peerId } = body
    const known = this.peers.value.filter(other => other.peerId !== peerId)
    this.peers.next([...known, {
      peerId,
      name: body.name,
      level: levelName(body.level),
      path: body.path,
      address: formatEndpoint(body.remote),
      direction: directionName(body.direction),
      rttMs: this.#rtts.get(peerId),
      sinceMs: this.#wallZero() + time
    }])
  }

  #change(peerId: string, change: Partial<PeerInfo>): void {
    const peers = this.peers.value
    if (!peers.some(peer => peer.peerId === peerId)) return
    this.peers.next(peers.map(peer => peer.peerId === peerId ? { ...peer, ...change } : peer))
  }

  #identified(body: LinkIdentified, connection: string): void {
    this.#ended(connection)
    this.#linkIds.set(connection, body.linkId)
    this.links.next([...this.links.value, {
      linkId: body.linkId,
      peerId: body.peerId,
      name: body.name,
      level: 'identified',
      address: formatEndpoint(body.remote),
      direction: directionName(body.direction)
    }])
  }

  #climbed(body: Pick<LinkLevelReached, 'level'>, connection: string): void {
    const linkId = this.#linkIds.get(connection)
    this.links.next(this.links.value.map(link => link.linkId === linkId ? { ...link, level: levelName(body.level) } : link))
  }

  #ended(connection: string): void {
    const linkId = this.#linkIds.get(connection)
    if (linkId === undefined) return
    this.#linkIds.delete(connection)
    this.links.next(this.links.value.filter(link => link.linkId !== linkId))
  }
}

/** `HOST:PORT`, with brackets around IPv6; empty for none. */
export function formatEndpoint(endpoint: { host?: string | null; port?: number | null } | null | undefined): string {
  if (endpoint?.host == null || endpoint.host === '') return ''
  return `${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port ?? 0}`
}

export function levelName(level: number): LevelName {
  return LEVELS[level] ?? 'secured'
}

function directionName(direction: number): 'in' | 'out' {
  return direction === Direction.DIRECTION_IN ? 'in' : 'out'
}
