import {
  DeadLetter, FrameRefused, Level, LinkClosed, Ping, Pong, PongReceived,
  type Envelope, type Identify, type Message, type SetGate
} from '../../proto/index.ts'
import type { DriverContext } from '../seam/index.ts'
import { TokenBucket } from '../shared/token-buckets.ts'
import { decodeBody } from './arrived-message.ts'
import { withinBounds } from './bounds.ts'
import { builtIn, builtInNumbers, DISCONNECT, FIRST_ACCEPTED, HELD, IDENTIFY, PING, PONG, VERIFIED, VERIFY_AGAIN, WITHDRAWN } from './built-in.ts'
import { Delivery } from './delivery.ts'
import type { FrameView } from './frame-codec.ts'
import type { LinkWorld, SecuredStream } from './frame-stream.ts'
import { Gate } from './gate.ts'
import { LinkError, LinkFullError, NotAcceptedError } from './link-errors.ts'
import type { LinkOptions } from './link-options.ts'
import { Link, type LinkEnd, type LinkUser } from './link.ts'
import { identifyBytes } from './identify.ts'
import { Links, type LinkTable, type OpenLink } from './links.ts'
import { Outbox } from './outbox.ts'
import { Pings } from './pings.ts'
import { Sessions } from './sessions.ts'
import { TrafficReports } from './traffic-reports.ts'
import { WireTypes, type WireEntry } from './wire-types.ts'

/** Messages of the other side about its steps and its trust: taken at once, and a second; more break the rules. */
const TRUST_BURST = 16
const TRUST_PER_SECOND = 1

export interface SessionOptions {
  readonly context: DriverContext<unknown>
  readonly options: LinkOptions
  readonly world: LinkWorld
  /** Called once, before LinkClosed is published. */
  readonly ended: () => void
  /** Called once, when its stream is gone. */
  readonly gone: () => void
  readonly crashed: (error: unknown) => void
}

/** One link from LinkSecured to LinkClosed: what may pass it, and where that goes. */
export class LinkSession implements LinkUser, OpenLink {
  readonly peerId: string
  readonly link: Link
  readonly #context: DriverContext<unknown>
  readonly #options: LinkOptions
  readonly #given: SessionOptions
  readonly #types: WireTypes
  readonly #links: LinkTable
  readonly #gate: Gate
  readonly #delivery: Delivery
  readonly #outbox: Outbox
  readonly #world: LinkWorld
  readonly #linkId: string
  readonly #pings: Pings
  readonly #traffic: TrafficReports
  readonly #pingBudget: TokenBucket
  readonly #busBudget: TokenBucket
  readonly #trustBudget: TokenBucket
  #cancelBusWait: (() => void) | undefined
  #identified = false
  #awaitingGate = false
  /** We have withdrawn our trust, and the other side has not shown yet that it knows. */
  #settling = false
  #refused = 0
  #released = false
  readonly #closeSession: () => void

  constructor(stream: SecuredStream, given: SessionOptions) {
    const { context, options, world } = given
    const { peerId, linkId, sessionBinding } = stream
    const links = context.services.get(Links)
    this.peerId = peerId
    this.#linkId = linkId
    this.#world = world
    this.#given = given
    this.#context = context
    this.#options = options
    this.#types = context.services.get(WireTypes)
    this.#links = links
    this.#gate = new Gate(options, this.#types)
    this.#delivery = new Delivery(context, links, this.#gate, peerId)
    this.link = new Link(stream, world, this)
    this.#outbox = new Outbox(this.link, this.#gate, peerId)
    this.#traffic = new TrafficReports(this.link, this.#outbox, options, world, traffic => context.publish(traffic))
    this.#pings = new Pings(world.random)
    this.#pingBudget = new TokenBucket({ burst: options.pingsPerSecond, perSecond: options.pingsPerSecond }, world.now())
    this.#trustBudget = new TokenBucket({ burst: TRUST_BURST, perSecond: TRUST_PER_SECOND }, world.now())
    this.#busBudget = new TokenBucket({ burst: options.busBurst, perSecond: options.busMessagesPerSecond }, world.now())
    this.#closeSession = context.services.get(Sessions).add(linkId, { peerId, binding: sessionBinding })
    world.tell?.({ fact: 'link-opened', linkId, remote: peerId })
  }

  get level(): Level {
    return this.#gate.level
  }

  /** @throws NotAcceptedError, LinkFullError, MessageTooLargeError */
  send(entry: WireEntry, message: Message | undefined, bytes: Uint8Array | undefined): boolean {
    const ready = this.#outbox.send(entry, message, bytes)
    this.#traffic.passed()
    return ready
  }

  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  setGate(body: SetGate): void {
    if (this.link.over) return
    const before = this.#gate.level
    this.#gate.set(body)
    this.link.frames.limit = this.#gate.takes
    const { level } = this.#gate
    this.#world.tell?.({ fact: 'link-gate', linkId: this.#linkId, remote: this.peerId, level })
    if (level !== before && level >= Level.LEVEL_BASIC && !this.link.closing) this.#links.attach(this)
    if (level < before) this.#fell()
    this.#delivery.gateChanged()
    if (!this.#awaitingGate || level < Level.LEVEL_IDENTIFIED) return
    this.#awaitingGate = false
    this.link.frames.resume()
  }

  /** Trust was withdrawn: nothing of before passes any more. */
  #fell(): void {
    this.#links.detach(this)
    this.#outbox.fell()
    this.#delivery.fell()
  }

  /** Sends pings, all at once: a round of many takes no longer than one. Whoever asked is told when the last is answered. */
  ping(id: number, from: string, count: number): void {
    this.#traffic.pinged()
    for (const wireId of this.#pings.ask(id, from, count, this.#world.now())) this.#sendOwn(PING, Ping.encode(new Ping({ id: wireId })).finish(), 'pings-not-sent')
  }

  /** Puts a message of the connection, or of one of its verification steps, on the wire. */
  sendFor({ type, body, bytes, from, to }: Envelope): void {
    try {
      const number = builtInNumbers.get(type)
      if (number !== undefined) {
        this.#world.tell?.({ fact: 'link-said', linkId: this.#linkId, remote: this.peerId, type })
        this.link.send(number, number === IDENTIFY ? identifyBytes(body as Identify, this.#context, this.#options) : bytes)
        return this.#said(number)
      }
      const entry = this.#types.named(type)
      if (entry === undefined) throw new NotAcceptedError(`${type} is not declared for the wire`)
      this.send(entry, undefined, bytes)
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      this.#context.publish(new DeadLetter({ type, from, to, reason: error.code, count: 1 }), '')
    }
  }

  /** What the other side has sent before it hears of this is no fault of its own. */
  #said(number: number): void {
    if (number !== WITHDRAWN && number !== VERIFY_AGAIN) return
    this.#gate.verifiedUs = false
    if (number !== WITHDRAWN) return
    this.#settling = true
    this.ping(0, '', 1)
  }

  close(lingerMs: number): void {
    this.#links.detach(this)
    this.link.close(lingerMs)
  }

  /** Ends it without a word to anyone. */
  destroy(): void {
    this.link.destroy()
    this.#release()
  }

  arrived(frame: FrameView): boolean {
    if (this.link.goodbye) return true
    const { type } = frame
    if (type >= FIRST_ACCEPTED) return this.#arrivedAccepted(frame)
    switch (type) {
      case IDENTIFY:
        if (this.#identified) return this.#refuse('Identify', 'protocol', 'it has identified itself already')
        this.#identified = this.#awaitingGate = true
        this.#context.publish(this.#own(frame))
        // What follows waits until the machine has judged it.
        return !this.#awaitingGate
      case DISCONNECT:
        this.link.goodbye = true
        this.#context.publish(this.#own(frame))
        return true
      case VERIFIED:
      case PING:
      case PONG:
      case HELD:
      case WITHDRAWN:
      case VERIFY_AGAIN:
        if (this.level < Level.LEVEL_IDENTIFIED) return this.#refuse(builtIn[type].name, 'level', 'it has not identified itself')
        if (type === VERIFIED && this.#settling) return true
        if (type === VERIFIED && this.#gate.verifiedUs) return this.#refuse('Verified', 'protocol', 'it has verified us already')
        this.#arrivedOwn(type, frame)
        return true
      default:
        return this.#refuse(`#${type}`, 'unknown-type', `no message of a link has number ${type}`)
    }
  }

  passing(): void {
    this.#outbox.settle()
    this.#traffic.moved()
  }

  ready(): void {
    this.#outbox.settle()
  }

  ended(end: LinkEnd): void {
    this.#given.ended()
    this.#traffic.tellRest()
    this.#release()
    this.#context.publish(new LinkClosed(end))
  }

  gone(): void {
    this.#given.gone()
  }

  crashed(error: unknown): void {
    this.#given.crashed(error)
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#closeSession()
    this.#world.tell?.({ fact: 'link-closed', linkId: this.#linkId, remote: this.peerId })
    this.#traffic.stop()
    this.#cancelBusWait?.()
    this.#links.detach(this)
    this.#outbox.close()
  }

  #arrivedAccepted(frame: FrameView): boolean {
    const entry = this.#types.at(frame.type - FIRST_ACCEPTED)
    if (entry === undefined) return this.#refuse(`#${frame.type}`, 'unknown-type', 'the type was not among those that we accept')
    if (entry.level > this.level && this.#settling) {
      this.#context.count('messages-after-trust')
      return true
    }
    if (entry.level > this.level) return this.#refuse(entry.name, 'level', `it may pass from ${Level[entry.level]} on, the link is at ${Level[this.level]}`)
    this.#traffic.framesIn++
    this.#world.tell?.({ fact: 'link-passed', linkId: this.#linkId, remote: this.peerId, type: entry.name, needs: entry.level })
    const wait = this.#delivery.deliver(entry, frame)
    if (wait === undefined || !this.link.frames.awaits) return entry.via === 'pump' || this.#withinBudget(frame)
    void wait.then(() => this.link.frames.resume())
    return false
  }

  /** False where the link is read on only when the bus has had time for what came. */
  #withinBudget({ start, end }: FrameView): boolean {
    const waitMs = this.#busBudget.spend(1 + Math.floor((end - start) / 1024), this.#world.now())
    if (waitMs === 0) return true
    this.#context.count('bus-over-budget')
    this.#cancelBusWait = this.#world.after(waitMs, () => this.link.frames.resume())
    return false
  }

  #arrivedOwn(type: typeof VERIFIED | typeof PING | typeof PONG | typeof HELD | typeof WITHDRAWN | typeof VERIFY_AGAIN, frame: FrameView): void {
    const body = this.#own(frame)
    if (type === VERIFIED) {
      this.#gate.verifiedUs = true
      this.#context.publish(body)
      if (!this.link.over) this.#outbox.verified()
    } else if (type === HELD || type === WITHDRAWN || type === VERIFY_AGAIN) {
      if (!this.#trustBudget.take(this.#world.now())) return void this.#refuse(builtIn[type].name, 'protocol', 'trust changes too often')
      if (type !== HELD) this.#gate.verifiedUs = false
      // What comes after it was sent by the new rules.
      if (type === VERIFY_AGAIN) this.#settling = false
      this.#context.publish(body)
    } else if (type === PING) {
      if (!this.#pingBudget.take(this.#world.now())) this.#context.count('pings-over-budget')
      else this.#sendOwn(PONG, Pong.encode(new Pong({ id: (body as Ping).id })).finish(), 'pongs-not-sent')
    } else {
      const round = this.#pings.answer((body as Pong).id, this.#world.now())
      if (round === undefined) this.#context.count('pongs-unasked')
      else if (round.from === '') this.#settling = false
      else if (round.left === 0) this.#context.publish(new PongReceived({ id: round.id, rttUs: round.rttUs }), round.from)
    }
  }

  #own({ type, buffer, start, end }: FrameView): Message {
    const cls = builtIn[type] as NonNullable<(typeof builtIn)[number]>
    return withinBounds(decodeBody({ type: cls, name: cls.name }, Uint8Array.prototype.slice.call(buffer, start, end)), this.#types)
  }

  #sendOwn(type: number, body: Uint8Array, lost: string): void {
    try {
      this.link.send(type, body)
    } catch (error) {
      if (!(error instanceof LinkFullError)) throw error
      this.#context.count(lost)
    }
  }

  #refuse(type: string, code: string, reason: string): boolean {
    if (this.link.closing) return true
    this.#context.publish(new FrameRefused({ type, code, reason }))
    // The machine ends such a link too; this holds whatever it does.
    if (++this.#refused >= this.#options.refusalsMax && !this.link.closing) {
      this.link.breakOff('protocol', `${this.#refused} messages were not allowed; the last was ${type}: ${reason}`)
    }
    return true
  }
}
