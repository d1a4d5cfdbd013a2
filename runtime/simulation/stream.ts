import type { SimulatedPlace, SimulatedStream, StreamEnd, StreamListener } from '../../actors/simulated/index.ts'
import type { HeapClock } from '../kernel/index.ts'
import type { Faults } from './faults.ts'
import type { Nic, OpenStream, Program } from './machine.ts'
import type { Random } from './random.ts'
import type { Trace, TracedMessage } from './trace.ts'

/** What carries segments. */
export interface Carrier {
  readonly clock: HeapClock
  readonly faults: Faults
  readonly trace: Trace | undefined
  passes(from: Nic, to: Nic): boolean
  luck(from: Nic, to: Nic): Random
  delayUs(from: Nic, to: Nic, luck?: Random): number
}

type Segment =
  | { readonly kind: 'data'; readonly message: unknown; readonly bytes: number; readonly sent: TracedMessage | undefined }
  | { readonly kind: 'opened' | 'fin'; readonly bytes: 0; readonly sent: TracedMessage | undefined }

/** As TCP does: the first wait before a segment is sent again, doubled each time up to the last, in microseconds. */
const RETRY_US = 200_000
const RETRY_US_MAX = 60_000_000
/** Tries that the system makes for a process that has closed the stream already. */
const ORPHAN_TRIES = 8

/** One end of a simulated TCP connection. */
export class Stream implements SimulatedStream, OpenStream {
  readonly local: SimulatedPlace
  readonly remote: SimulatedPlace
  readonly nic: Nic
  readonly process: Program
  readonly #network: Carrier
  other!: Stream
  acknowledged: (() => void) | undefined
  inFlight = 0
  /** Called once when the other side has answered the dial. */
  opened: (() => void) | undefined
  #listener: StreamListener | undefined
  #luck: Random | undefined
  #waiting: (Segment | StreamEnd)[] = []
  /** Nothing more is sent. */
  #finished = false
  /** Nothing more is heard. */
  #gone = false
  #vanished = false
  /** What waits until the path is open again. */
  #stalled: Segment[] | undefined
  #tries = 0
  #busyUntil = 0
  #lastArrival = 0

  constructor(network: Carrier, process: Program, nic: Nic, local: SimulatedPlace, remote: SimulatedPlace) {
    this.#network = network
    this.process = process
    this.nic = nic
    this.local = local
    this.remote = remote
    process.streams.add(this)
  }

  get gone(): boolean {
    return this.#gone
  }

  listen(listener: StreamListener | undefined): void {
    this.#listener = listener
    while (this.#listener === listener && listener !== undefined && this.#waiting.length > 0 && !this.#gone) this.#hand(this.#waiting.shift()!)
  }

  send(message: unknown, bytes: number): void {
    if (this.#finished) return
    this.inFlight += bytes
    this.#transmit({ kind: 'data', message, bytes, sent: this.#traced(message) })
  }

  finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#transmit({ kind: 'fin', bytes: 0, sent: this.#traced('end of stream') })
  }

  destroy(): void {
    this.finish()
    this.#leave()
  }

  /** Tells the dialer that somebody accepted. */
  accepted(): void {
    this.#transmit({ kind: 'opened', bytes: 0, sent: this.#traced('accepted') })
  }

  vanish(): void {
    this.#vanished = this.#finished = true
    this.#stalled = undefined
    this.#leave()
  }

  /** The network or the other side's system has reset it. */
  reset(): void {
    if (this.#gone) return
    this.#finished = true
    this.#stalled = undefined
    this.process.run(() => this.#take('reset'))
  }

  #leave(): void {
    this.#gone = true
    this.#listener = this.opened = this.acknowledged = undefined
    this.#waiting = []
    this.process.streams.delete(this)
  }

  #transmit(segment: Segment): void {
    if (this.#vanished) return
    if (this.#stalled !== undefined) return void this.#stalled.push(segment)
    if (this.#network.passes(this.nic, this.other.nic)) return this.#go(segment)
    this.#stall([segment])
  }

  #go(segment: Segment): void {
    const { clock, faults } = this.#network
    const random = this.#luck ??= this.#network.luck(this.nic, this.other.nic)
    const now = clock.now()
    if (faults.bandwidth > 0) this.#busyUntil = Math.max(now, this.#busyUntil) + Math.ceil((segment.bytes * 1_000_000) / faults.bandwidth)
    let delay = this.#network.delayUs(this.nic, this.other.nic, random)
    const bad = faults.lossPercent + faults.corruptPercent
    for (let wait = RETRY_US; random.percent(bad) && wait < RETRY_US_MAX; wait *= 2) delay += wait
    const left = Math.max(now, this.#busyUntil, this.nic.machine.cloggedUntil)
    this.#lastArrival = Math.max(this.#lastArrival, left + delay)
    clock.setTimeout(() => this.#arrive(segment), this.#lastArrival - now)
  }

  #arrive(segment: Segment): void {
    const { other } = this
    if (!other.nic.machine.on || other.#vanished) {
      if (!this.#gone && this.#stalled === undefined) this.#stall([])
    } else if (other.#gone) {
      if (segment.sent) segment.sent.arrivedUs = this.#network.clock.now()
      if (segment.kind === 'data' || segment.kind === 'opened') this.#resetBack()
    } else {
      other.process.run(() => {
        if (segment.sent === undefined) other.#take(segment)
        else this.#network.trace?.arrived(segment.sent, () => other.#take(segment))
      })
    }
  }

  #stall(segments: Segment[]): void {
    this.#stalled = segments
    this.#tries = 0
    this.#tryAgain()
  }

  #tryAgain(): void {
    const wait = Math.min(RETRY_US_MAX, RETRY_US * (1 << Math.min(this.#tries++, 12)))
    this.#network.clock.setTimeout(() => {
      if (this.#stalled === undefined || this.#vanished) return
      if (this.#gone && this.#tries > ORPHAN_TRIES) return
      const { other } = this
      if (!this.#network.passes(this.nic, other.nic)) return this.#tryAgain()
      const segments = this.#stalled
      this.#stalled = undefined
      // A machine that has started anew knows nothing of the connection.
      if (other.#vanished || other.#gone) return this.#resetBack()
      for (const segment of segments) this.#transmit(segment)
    }, wait)
  }

  /** The other side's system answers that there is no such connection; such an answer is not sent twice. */
  #resetBack(): void {
    if (!this.#network.passes(this.other.nic, this.nic)) return
    const sent = this.other.#traced('reset')
    if (sent) sent.arrivedUs = this.#network.clock.now()
    this.#network.clock.setTimeout(() => this.reset(), this.#network.delayUs(this.other.nic, this.nic))
  }

  #traced(payload: unknown): TracedMessage | undefined {
    return this.#network.trace?.sent(this.nic.machine, this.other.nic.machine, payload)
  }

  #take(what: Segment | StreamEnd): void {
    if (this.#gone) return
    if (typeof what === 'object' && what.kind === 'opened') {
      const { opened } = this
      this.opened = undefined
      return opened?.()
    }
    if (this.#listener === undefined) this.#waiting.push(what)
    else this.#hand(what)
  }

  /** The other side's program has taken some of what was sent. */
  #taken(bytes: number): void {
    this.inFlight -= bytes
    if (this.acknowledged !== undefined) this.process.run(() => this.acknowledged?.())
  }

  #hand(what: Segment | StreamEnd): void {
    if (typeof what === 'object') {
      if (what.kind !== 'data') return this.#listener?.ended('closed')
      this.other.#taken(what.bytes)
      this.#listener?.message(what.message)
      return
    }
    const listener = this.#listener
    this.#leave()
    listener?.ended(what)
  }
}
