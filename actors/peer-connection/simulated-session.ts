import {
  DeadLetter, Disconnect, FrameRefused, Identify, Initiator, Instance, Level, LinkClosed, LinkTraffic, Ping, Pong, PongReceived,
  type Envelope, type Message, type SetGate
} from '../../proto/index.ts'
import { LocalPeer } from '../identity/index.ts'
import type { DriverContext } from '../seam/index.ts'
import { SimulatedHost, type SimulatedStream, type StreamEnd } from '../simulated/host.ts'
import type { SimulatedSecured } from '../tls/simulated.ts'
import { Budget } from './budget.ts'
import { builtIn, builtInNumbers, DISCONNECT, FIRST_ACCEPTED, IDENTIFY, PING, PONG, VERIFIED } from './built-in.ts'
import { Delivery } from './delivery.ts'
import { Gate } from './gate.ts'
import { LinkFullError, MessageTooLargeError, NotAcceptedError } from './link-errors.ts'
import type { LinkOptions } from './link-options.ts'
import type { Link } from './link.ts'
import { Links, type LinkTable, type OpenLink } from './links.ts'
import { Outbox } from './outbox.ts'
import { WireTypes, type WireEntry } from './wire-types.ts'

/** As a real link's: what it keeps above its bound for its own messages, and how long it says goodbye. */
const RESERVE_BYTES = 128 * 1024
const FAREWELL_MS = 500
/** Of a frame's head and its TLS record, in bytes. */
const OVERHEAD_BYTES = 32

/** A frame as it crosses a simulated link. */
interface SimulatedFrame {
  readonly number: number
  readonly bytes: Uint8Array
}

interface Asked {
  readonly id: number
  readonly from: string
  readonly left: number
  readonly rttUs: number
}

export interface SimulatedSessionOptions {
  readonly context: DriverContext<unknown>
  readonly options: LinkOptions
  readonly secured: SimulatedSecured
  /** Called once, before LinkClosed is published. */
  readonly ended: () => void
}

/** A link from LinkSecured to LinkClosed over a simulated stream; it keeps the promises of the real one. */
export class SimulatedSession implements OpenLink {
  readonly peerId: string
  readonly #context: DriverContext<unknown>
  readonly #host: SimulatedHost
  readonly #stream: SimulatedStream
  readonly #given: SimulatedSessionOptions
  readonly #options: LinkOptions
  readonly #types: WireTypes
  readonly #links: LinkTable
  readonly #gate: Gate
  readonly #delivery: Delivery
  readonly #outbox: Outbox
  readonly #pings = new Map<number, Asked & { readonly at: number }>()
  readonly #pingBudget: Budget
  readonly #timers = new Set<() => void>()
  #lastPing = 0
  #held: SimulatedFrame[] | undefined
  #identified = false
  #goodbye = false
  #closing = false
  #over = false
  #refused = 0
  #reporting = false
  #traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }
  #bytesInSincePing = 0

  constructor(stream: SimulatedStream, given: SimulatedSessionOptions) {
    const { context, options, secured: { peerId } } = given
    this.peerId = peerId
    this.#stream = stream
    this.#given = given
    this.#context = context
    this.#options = options
    this.#host = context.services.get(SimulatedHost)
    this.#types = context.services.get(WireTypes)
    this.#links = context.services.get(Links)
    this.#gate = new Gate(options, this.#types)
    this.#delivery = new Delivery(context, this.#links, this.#gate, peerId)
    this.#pingBudget = new Budget(options.pingsPerSecond, this.#host.now())
    const { send, ready } = { send: this.#send.bind(this), ready: () => this.ready }
    // What of the real link an outbox uses.
    this.#outbox = new Outbox({ send, get ready() { return ready() } } as unknown as Link, this.#gate, peerId)
    stream.acknowledged = () => this.#outbox.settle()
    this.#host.tell({ fact: 'link-opened', ...this.#named })
  }

  get level(): Level {
    return this.#gate.level
  }

  get ready(): boolean {
    return this.#stream.inFlight < this.#options.highWaterBytes
  }

  get #named(): { linkId: string; remote: string } {
    return { linkId: this.#given.secured.linkId, remote: this.peerId }
  }

  /** Begins to read; what arrived before has waited. */
  start(): void {
    this.#stream.listen({ message: message => this.#arrived(message as SimulatedFrame), ended: how => this.#streamEnded(how) })
  }

  /** @throws NotAcceptedError, LinkFullError, MessageTooLargeError */
  send(entry: WireEntry, message: Message | undefined, bytes: Uint8Array | undefined): boolean {
    this.#traffic.framesOut++
    this.#report()
    return this.#outbox.send(entry, message, bytes)
  }

  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  setGate(body: SetGate): void {
    if (this.#over) return
    const before = this.level
    this.#gate.set(body)
    this.#host.tell({ fact: 'link-gate', ...this.#named, level: this.level })
    if (this.level !== before && this.level >= Level.LEVEL_BASIC && !this.#closing) this.#links.attach(this)
    this.#delivery.gateChanged()
    if (this.level < Level.LEVEL_IDENTIFIED) return
    const held = this.#held ?? []
    this.#held = undefined
    for (const frame of held) this.#arrived(frame)
  }

  /** Sends a ping, and after its answer those that are left. */
  ping(asked: Asked): void {
    const id = ++this.#lastPing
    this.#bytesInSincePing = 0
    this.#pings.set(id, { ...asked, at: this.#host.now() })
    this.#sendOwn(PING, Ping.encode(new Ping({ id })).finish(), 'pings-not-sent')
  }

  sendFor({ type, body, bytes, from, to }: Envelope): void {
    try {
      const number = builtInNumbers.get(type)
      if (number !== undefined) {
        this.#host.tell({ fact: 'link-said', ...this.#named, type })
        return this.#send(number, number === IDENTIFY ? this.#identify(body as Identify) : bytes)
      }
      const entry = this.#types.named(type)
      if (entry === undefined) throw new NotAcceptedError(`${type} is not declared for the wire`)
      this.send(entry, undefined, bytes)
    } catch (error) {
      const reason = error instanceof NotAcceptedError ? 'not-accepted' : error instanceof LinkFullError ? 'link-full'
        : error instanceof MessageTooLargeError ? 'too-large' : undefined
      if (reason === undefined) throw error
      this.#context.publish(new DeadLetter({ type, from, to, reason, count: 1 }), '')
    }
  }

  /** Says that nothing more comes, and waits for the other side to do the same. */
  close(lingerMs: number): void {
    this.#links.detach(this)
    if (this.#over || this.#closing) return
    this.#closing = true
    if (this.#goodbye) return this.#closedByOther()
    if (!(lingerMs > 0)) return this.#closedByUs()
    this.#after(lingerMs, () => this.#closedByUs())
    this.#stream.finish()
  }

  /** Ends it without a word to anyone. */
  destroy(): void {
    this.#release()
    this.#stream.destroy()
  }

  #arrived(frame: SimulatedFrame): void {
    if (this.#over || this.#goodbye) return
    if (this.#held !== undefined) return void this.#held.push(frame)
    this.#traffic.bytesIn += frame.bytes.length
    this.#bytesInSincePing += frame.bytes.length
    const { number } = frame
    if (number >= FIRST_ACCEPTED) return this.#arrivedAccepted(frame)
    const type = builtIn[number]
    if (type === undefined) return this.#refuse(`#${number}`, 'unknown-type', `no message of a link has number ${number}`)
    if (number === IDENTIFY) {
      if (this.#identified) return this.#refuse('Identify', 'protocol', 'it has identified itself already')
      this.#identified = true
      // What follows waits until the machine has judged it; its answer may be nested in this very call.
      this.#held = []
      this.#context.publish(type.decode(frame.bytes))
    } else if (number === DISCONNECT) {
      this.#goodbye = true
      this.#context.publish(type.decode(frame.bytes))
    } else if (this.level < Level.LEVEL_IDENTIFIED) {
      this.#refuse(type.name, 'level', 'it has not identified itself')
    } else {
      this.#arrivedOwn(number, type.decode(frame.bytes))
    }
  }

  #arrivedOwn(number: number, body: Message): void {
    if (number === VERIFIED) {
      if (this.#gate.verifiedUs) return this.#refuse('Verified', 'protocol', 'it has verified us already')
      this.#gate.verifiedUs = true
      this.#context.publish(body)
      if (!this.#over) this.#outbox.verified()
    } else if (number === PING) {
      if (!this.#pingBudget.take(this.#host.now())) this.#context.count('pings-over-budget')
      else this.#sendOwn(PONG, Pong.encode(new Pong({ id: (body as Ping).id })).finish(), 'pongs-not-sent')
    } else {
      this.#pong((body as Pong).id)
    }
  }

  #pong(wireId: number): void {
    const asked = this.#pings.get(wireId)
    if (asked === undefined) return this.#context.count('pongs-unasked')
    this.#pings.delete(wireId)
    const rttUs = Math.min(asked.rttUs, Math.round((this.#host.now() - asked.at) * 1000))
    if (asked.left > 0) this.ping({ ...asked, left: asked.left - 1, rttUs })
    else this.#context.publish(new PongReceived({ id: asked.id, rttUs }), asked.from)
  }

  #arrivedAccepted({ number, bytes }: SimulatedFrame): void {
    const entry = this.#types.at(number - FIRST_ACCEPTED)
    if (entry === undefined) return this.#refuse(`#${number}`, 'unknown-type', 'the type was not among those that we accept')
    if (entry.level > this.level) return this.#refuse(entry.name, 'level', `it may pass from ${Level[entry.level]} on, the link is at ${Level[this.level]}`)
    this.#traffic.framesIn++
    this.#report()
    this.#host.tell({ fact: 'link-passed', ...this.#named, type: entry.name, needs: entry.level })
    // Who answers with a promise is not waited for: a simulation has no time of its own to wait in.
    void this.#delivery.deliver(entry, { type: number, buffer: bytes, start: 0, end: bytes.length } as Parameters<Delivery['deliver']>[1])
  }

  #identify(body: Identify): Uint8Array {
    const { name, instance, agent } = this.#context.services.get(LocalPeer)
    const { maxFrameBytes } = this.#options
    return Identify.encode(new Identify({ ...body, name, instance: new Instance(instance), agent, accepts: [...this.#types.accepts], maxFrameBytes })).finish()
  }

  /** @throws LinkFullError */
  #send(number: number, body: Uint8Array, length = body.length): void {
    if (this.#over) return
    const room = this.#options.maxQueuedBytes + (number <= DISCONNECT ? RESERVE_BYTES : 0)
    const bytes = length + OVERHEAD_BYTES
    if (this.#stream.inFlight + bytes > room) throw new LinkFullError(this.#stream.inFlight)
    this.#traffic.bytesOut += length
    // The body is only lent where its sender encodes into memory that it uses again.
    const own = length === body.length && number < FIRST_ACCEPTED ? body : Uint8Array.prototype.slice.call(body, 0, length)
    this.#stream.send({ number, bytes: own } satisfies SimulatedFrame, bytes)
    if (this.#stream.inFlight > this.#options.highWaterBytes) {
      this.#host.tell({ fact: 'link-queued', ...this.#named, bytes: this.#stream.inFlight, limit: this.#options.maxQueuedBytes + RESERVE_BYTES })
    }
  }

  #sendOwn(number: number, body: Uint8Array, lost: string): void {
    try {
      this.#send(number, body)
    } catch (error) {
      if (!(error instanceof LinkFullError)) throw error
      this.#context.count(lost)
    }
  }

  #refuse(type: string, code: string, reason: string): void {
    if (this.#closing) return
    this.#context.publish(new FrameRefused({ type, code, reason }))
    if (++this.#refused < this.#options.refusalsMax || this.#closing || this.#over) return
    const why = `${this.#refused} messages were not allowed; the last was ${type}: ${reason}`
    this.#sendOwn(DISCONNECT, Disconnect.encode(new Disconnect({ code: 'protocol', reason: why })).finish(), 'goodbyes-not-sent')
    this.#finish('protocol', why, Initiator.INITIATOR_SELF, FAREWELL_MS)
  }

  #streamEnded(how: StreamEnd): void {
    if (this.#over) return
    if (this.#closing) return this.#closedByUs()
    if (this.#goodbye) return this.#closedByOther()
    const reason = how === 'closed' ? 'the connection ended without a goodbye'
      : 'the other side or the network reset the connection (ECONNRESET)'
    this.#finish('lost', reason, Initiator.INITIATOR_NETWORK)
  }

  #closedByUs(): void {
    this.#finish('closed', 'closed by this side', Initiator.INITIATOR_SELF)
  }

  #closedByOther(): void {
    this.#finish('closed', 'closed by the other side', Initiator.INITIATOR_REMOTE, FAREWELL_MS)
  }

  #finish(code: string, reason: string, initiator: Initiator, farewellMs = 0): void {
    if (this.#over) return
    this.#given.ended()
    this.#release()
    this.#stream.listen({ message: () => {}, ended: () => {} })
    if (farewellMs > 0) {
      this.#stream.finish()
      this.#after(farewellMs, () => this.#stream.destroy())
    } else {
      this.#stream.destroy()
    }
    this.#context.publish(new LinkClosed({ code, reason, initiator }))
  }

  #release(): void {
    if (this.#over) return
    this.#over = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
    this.#links.detach(this)
    this.#outbox.close()
    this.#pings.clear()
    this.#host.tell({ fact: 'link-closed', ...this.#named })
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.#host.after(ms, () => {
      this.#timers.delete(cancel)
      run()
    })
    this.#timers.add(cancel)
  }

  #report(): void {
    if (this.#reporting || this.#over) return
    this.#reporting = true
    this.#after(this.#options.trafficEveryMs, () => {
      this.#reporting = false
      const traffic = this.#traffic
      this.#traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }
      this.#context.publish(new LinkTraffic({ ...traffic, unacknowledged: this.#stream.inFlight, bytesInSincePing: Math.min(traffic.bytesIn, this.#bytesInSincePing) }))
    })
  }
}
