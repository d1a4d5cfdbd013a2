import type { Observable } from 'rxjs'
import {
  DiscoveryStarted, DropPeer, Listening, classOf, typeName, type Endpoint, type Envelope, type Message, type MessageClass
} from '../../proto/index.ts'
import type { Policy } from '../../machines/policy.ts'
import { isPeerId } from '../../actors/identity/index.ts'
import { GuardedObservable } from '../kernel/faces.ts'
import { filter, map } from '../kernel/rx.ts'
import type { Missed } from './driver-host.ts'
import { PeerStateError, UnknownTypeError } from './errors.ts'
import { whenListening } from './when-listening.ts'
import type { BusFace, PeerParts, Received } from './peer-parts.ts'
import type { LinkInfo, Live, PeerInfo } from './roster.ts'
import type { Diagnosis } from '../doctor/diagnosis.ts'
import { Inbound } from './inbound.ts'
import { PeerPolicy } from './peer-policy.ts'
import { PeerWords } from './peer-words.ts'
import { Routines } from './routines.ts'
import type { PeerStatus } from './status.ts'

type State = 'new' | 'started' | 'stopping' | 'stopped'

/**
 * A peer in this process: made by createPeer, alive from start() to stop().
 *
 * ```ts
 * await using peer = createPeer({ name: 'ann' })
 * await peer.start()
 * ```
 */
export class Peer extends PeerWords implements AsyncDisposable {
  readonly peerId: string
  readonly network: string
  readonly bus: BusFace
  /** Connected peers, now and whenever they change. */
  readonly peers: Live<readonly PeerInfo[]>
  /** Links from identification on, now and whenever they change. */
  readonly links: Live<readonly LinkInfo[]>
  /** Announcements, from PeerFound to DeadLetter: all that has no addressee. */
  readonly events: Observable<Envelope>
  /** What it does ever and again: list, start, stop and re-time it, or add something. */
  readonly routines: Routines
  /** Peers that dialled us and wait to be taken, where the policy has it so. */
  readonly inbound: Inbound
  readonly #parts: PeerParts
  readonly #policy: PeerPolicy
  #state: State = 'new'
  #listening: readonly Endpoint[] = []
  #discovering = false
  #finished: Promise<void> | undefined
  /** Rejects what start() waits for. */
  #abandon: ((reason: Error) => void) | undefined

  /** @internal */
  constructor(parts: PeerParts) {
    super()
    this.#parts = parts
    this.peerId = parts.peerId
    this.network = parts.network
    this.bus = parts.kernel.bus
    this.peers = parts.roster.peers
    this.links = parts.roster.links
    const publish = (body: Message, to: string) => this.publish(body, { to })
    this.routines = new Routines(parts.kernel.bus, publish)
    this.#policy = new PeerPolicy(parts, publish)
    this.inbound = new Inbound(parts, publish)
    this.events = this.bus.all.pipe(filter(({ to }) => to === ''))
    this.bus.of(Listening).subscribe(({ body }) => { this.#listening = body.endpoints as Endpoint[] })
    parts.kernel.onStopped(() => {
      this.#finished = this.#finish()
      // Whoever awaits stop() is told; a peer that stopped by itself may have nobody who does.
      this.#finished.catch(() => {})
    })
  }

  /** What people call this peer; see the policy's `identifier`. */
  get name(): string {
    return this.#policy.name
  }

  /** Has it called otherwise, on links and in announcements from now on. @param name 1 to 64 characters; throws PolicyError where the policy does not let the host program */
  rename(name: string): void {
    this.#policy.rename(name)
  }

  /** Has it called what its authority calls it in a certificate of this peer. @throws CertificateError, and PolicyError where the policy does not let an authority */
  renameBy(certificate: Uint8Array): void {
    this.#policy.renameBy(certificate)
  }

  /** Where links are accepted; empty before start() and where none are. */
  get listening(): readonly Endpoint[] {
    return this.#listening
  }

  /**
   * Binds everything and, unless `wait` is set, begins to find and dial peers. Resolves when links
   * are accepted.
   * @param options.wait leaves finding and dialling to {@link discover}
   * @throws PeerStateError when it was started before, or is stopped meanwhile
   * @throws ListenError when the address to listen at cannot be had; the peer is stopped then
   */
  async start(options: { wait?: boolean } = {}): Promise<this> {
    if (this.#state !== 'new') throw new PeerStateError(`this peer was ${this.#state === 'started' ? 'started already' : 'stopped'}: make another with createPeer`)
    const { clock, kernel } = this.#parts
    this.#parts.open()
    this.#state = 'started'
    const ready = this.#parts.listens ? whenListening(this.bus, abandon => { this.#abandon = abandon }) : Promise.resolve()
    clock.start(() => kernel.start())
    try {
      await ready
    } catch (error) {
      await this.stop('could not start')
      throw error
    }
    if (options.wait !== true) this.discover()
    return this
  }

  /** Begins to find and dial peers, after `start({ wait: true })`; once is enough. */
  discover(): void {
    if (this.#discovering) return
    this.publish(new DiscoveryStarted())
    this.#discovering = true
  }

  /**
   * Stops in order: peers are told, links flushed and closed, actors stopped, the log completed.
   * Resolves when nothing is left; safe to call twice.
   * @throws DriverStuckError when a driver did not close in time
   */
  async stop(reason = 'stopped'): Promise<void> {
    const { clock, kernel } = this.#parts
    if (this.#state === 'new') {
      this.#state = 'stopping'
      kernel.stop(reason)
    } else if (this.#state === 'started') {
      this.#state = 'stopping'
      this.#abandon?.(new PeerStateError('the peer was stopped while it started'))
      clock.enter(() => kernel.stop(reason))
    }
    await this.stopped
  }

  /** Resolves when the peer has stopped, for whatever reason. */
  get stopped(): Promise<void> {
    if (this.#finished !== undefined) return this.#finished
    return new Promise((resolve, reject) => {
      this.#parts.kernel.onStopped(() => queueMicrotask(() => this.#finished!.then(resolve, reject)))
    })
  }

  /**
   * Sends a message to one connected peer.
   * @param to a PeerId, an unambiguous prefix of one, or a name
   * @returns false when the link is above its high-water mark: it is sent all the same, but wait for {@link drained}
   * @throws UnknownPeerError, AmbiguousPeerError, UnknownTypeError
   * @throws NotConnectedError, NotAcceptedError, LinkFullError, MessageTooLargeError as the link says
   */
  send(to: string, body: Message): boolean {
    this.#mustRun()
    const peerId = this.#peerIdOf(to)
    if (this.#route(classOf(body)) === 'pump') return this.#parts.links.send(peerId, body)
    const envelope = this.publish(body, { to: `peer/${peerId}` })
    const delivery = this.#parts.host.delivery
    // Called while the bus drains, it is delivered in its turn.
    if (delivery?.seq !== envelope.seq) return true
    if (delivery.error !== undefined) throw delivery.error
    return delivery.ready
  }

  /**
   * Sends a message to every connected peer.
   * @returns those that could not take it, and why; none where it is called from within a subscriber, as it goes out in its turn
   */
  broadcast(body: Message): readonly Missed[] {
    this.#mustRun()
    if (this.#route(classOf(body)) === 'pump') {
      const missed: Missed[] = []
      this.#parts.links.broadcast(body, (peerId, error) => missed.push({ peerId, error }))
      return missed
    }
    const { seq } = this.publish(body, { to: 'peer/*' })
    const { delivery } = this.#parts.host
    return delivery?.seq === seq ? delivery.missed ?? [] : []
  }

  /** Resolves when the link to a peer takes more without queueing. */
  drained(to: string): Promise<void> {
    return this.#parts.links.drained(this.#peerIdOf(to))
  }

  /**
   * Messages of one type that other peers send, while subscribed.
   * @throws UnknownTypeError when the type is not among createPeer's `messages`
   */
  messages<T extends Message>(type: MessageClass<T>): Observable<Received<T>> {
    if (this.#route(type) === 'bus') {
      return this.bus.of(type).pipe(
        filter(({ from }) => from.startsWith('peer/')),
        map(({ from, body }) => ({ peerId: from.slice('peer/'.length), body: body as T }))
      )
    }
    return new GuardedObservable(this.#parts.report, subscriber => this.#parts.links.subscribe(type, (peerId, message) => { subscriber.next({ peerId, body: message.body }) }))
  }

  /**
   * Puts a message of the host program on the bus: an input, so that it is in the log.
   * @param address.to an actor, a driver or `peer/PEERID`; announced without
   */
  publish(body: Message, address: { to?: string } = {}): Envelope {
    this.#mustRun()
    const { clock, kernel } = this.#parts
    return clock.enter(() => kernel.input(body, { from: 'host', to: address.to ?? '' }))
  }

  /** Closes every link to a peer, those too that are being verified, and has none for a minute. @param to a PeerId, an unambiguous prefix of one, or a name */
  drop(to: string): void {
    this.#mustRun()
    this.publish(new DropPeer({ peerId: this.#peerIdOf(to) }), { to: this.#parts.linkKeeper })
  }

  /**
   * Closes every link to a peer or to an address, and neither dials nor admits it again. A PeerId is remembered in the data folder.
   * @param entry a whole PeerId, an address, or a subnet such as `192.0.2.0/24`; else throws PolicyError
   */
  block(entry: string): void {
    this.#policy.block(entry)
  }

  /** Takes back a {@link block}, by the same text. @throws PolicyError */
  unblock(entry: string): void {
    this.#policy.unblock(entry)
  }

  /** What is decided about others; see docs/policies.md. */
  get policy(): Policy {
    return this.#policy.value
  }

  /** Changes parts of the policy, from now on. @throws PolicyError when the whole would contradict itself; nothing is changed then */
  setPolicy(change: Partial<Policy>): void {
    this.#policy.set(change)
  }

  /**
   * Copies the log as it is now to a file beside it, with the time in its name: `run.p2plog` to
   * `run-20250301T091500Z.p2plog`. The peer goes on, and its log too.
   * @returns the path
   * @throws PeerStateError when nothing is recorded
   * @throws LogFileError when the copy cannot be written
   */
  async saveLog(): Promise<string> {
    const path = await this.#parts.save()
    if (path === undefined) throw new PeerStateError('nothing is recorded: pass record to createPeer, or --record to p2pnet up')
    return path
  }

  /**
   * How it stands with a peer, and what decided that there is no link; see docs/doctor.md.
   * @param peer a PeerId, the start of one, a name, or `HOST:PORT` that was dialled
   * @throws UnknownPeerError, AmbiguousPeerError
   */
  why(peer: string): Diagnosis {
    return this.#parts.why(peer)
  }

  status(): PeerStatus {
    const { kernel, host } = this.#parts
    const { actors, timers, queued, watches, subscriptions, deadLetters } = kernel.inspect()
    return {
      actors: actors.length,
      drivers: host.drivers,
      links: this.links.value.length,
      peers: this.peers.value.length,
      timers,
      queued,
      watches,
      subscriptions,
      deadLetters: deadLetters + host.deadLetters,
      rss: process.memoryUsage.rss()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** A whole PeerId costs no search. */
  #peerIdOf(to: string): string {
    return isPeerId(to) ? to : this.#parts.roster.find(to)
  }

  #mustRun(): void {
    if (this.#state === 'new') throw new PeerStateError('the peer is not started: await peer.start() first')
    if (this.#parts.kernel.stopped) throw new PeerStateError('the peer was stopped: make another with createPeer')
  }

  #route(type: MessageClass): 'bus' | 'pump' {
    const wire = this.#parts.wire.of(type)
    if (wire === undefined) {
      throw new UnknownTypeError(`${typeName(type)} is not among this peer's message types: pass it to createPeer({ messages: [...] }), on both sides`)
    }
    return wire.via
  }

  async #finish(): Promise<void> {
    this.#state = 'stopping'
    this.#abandon?.(new PeerStateError('the peer stopped while it started'))
    const { clock, host, roster } = this.#parts
    try {
      await host.stopped()
    } finally {
      clock.stop()
      this.#state = 'stopped'
      this.#listening = []
      await this.#parts.close()
      roster.stop()
    }
  }
}
