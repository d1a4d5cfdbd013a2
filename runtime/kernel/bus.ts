import type { Observable } from 'rxjs'
import { typeName, type Envelope, type Message, type MessageClass } from '../../proto/index.ts'
import type { Report } from './contract.ts'
import type { BusEnvelope } from './envelope.ts'
import { Faces } from './faces.ts'
import { Queue } from './queue.ts'

/** Who takes mail at an address, or listens for announcements. Must not throw. */
export interface Receiver {
  readonly address: string
  /** Addressed envelopes that wait for it; kept by the bus. */
  queued: number
  receive(envelope: Envelope): void
}

/** `drop` and `pass` (it is delivered) begin to count anew; `next` delivers it, and the one behind it is one too many. */
export type RunawayVerdict = 'drop' | 'pass' | 'next'

export interface BusHooks {
  /** Takes what is addressed to nobody on the bus: drivers, remote peers, the host, the gone. Must not throw. */
  readonly route: (envelope: Envelope) => void
  /** Told of the delivery that was one too many, and says what becomes of it. @default 'drop' */
  readonly runaway?: (envelope: Envelope) => RunawayVerdict
  readonly report?: Report
  /** @default 100000 */
  readonly maxDrain?: number
}

/**
 * One queue for everything. Envelopes are delivered one at a time in the order in which they were posted,
 * each to its end before the next: what is posted from inside a delivery waits its turn. Finding the
 * receivers is a map lookup however many there are; for an announcement they come in the order in which
 * they began to listen, and Observables come after them.
 */
export class Bus {
  readonly #hooks: BusHooks
  readonly #maxDrain: number
  readonly #queue = new Queue<BusEnvelope>()
  readonly #addresses = new Map<string, Receiver>()
  readonly #listeners = new Map<string, Set<Receiver>>()
  readonly #faces: Faces
  #draining = false
  #halted = false

  constructor(hooks: BusHooks) {
    this.#hooks = hooks
    this.#maxDrain = hooks.maxDrain ?? 100_000
    this.#faces = new Faces(hooks.report ?? (() => {}))
  }

  /** Every envelope of the type, announced or addressed. */
  of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>> {
    return this.#faces.type(typeName(type)) as Observable<Envelope<string, T>>
  }

  /** Every envelope to the address, whoever takes it there: an actor, a driver, a remote peer, `host`, `system`. */
  to(address: string): Observable<Envelope> {
    return this.#faces.address(address)
  }

  /** Every envelope. */
  get all(): Observable<Envelope> {
    return this.#faces.all
  }

  /** Envelopes that wait. */
  get queued(): number {
    return this.#queue.size
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Receivers at addresses, and listeners over all types; for tests that count what is left. */
  get receivers(): number {
    let count = this.#addresses.size
    for (const listeners of this.#listeners.values()) count += listeners.size
    return count
  }

  /** Observables that are subscribed to. */
  get observables(): number {
    return this.#faces.size
  }

  /** @internal */
  at(address: string): Receiver | undefined {
    return this.#addresses.get(address)
  }

  /** @internal */
  attach(receiver: Receiver, listens: readonly string[] = []): void {
    this.#addresses.set(receiver.address, receiver)
    for (const type of listens) {
      let listeners = this.#listeners.get(type)
      if (listeners === undefined) this.#listeners.set(type, listeners = new Set())
      listeners.add(receiver)
    }
  }

  /** @internal */
  detach(receiver: Receiver, listens: readonly string[] = []): void {
    if (this.#addresses.get(receiver.address) === receiver) this.#addresses.delete(receiver.address)
    for (const type of listens) {
      const listeners = this.#listeners.get(type)
      if (listeners?.delete(receiver) && listeners.size === 0) this.#listeners.delete(type)
    }
  }

  /** @internal puts an envelope at the end of the queue */
  post(envelope: BusEnvelope): void {
    if (envelope.to !== '') {
      const receiver = this.#addresses.get(envelope.to)
      if (receiver !== undefined) receiver.queued++
    }
    this.#queue.push(envelope)
  }

  /**
   * Runs `work`, then delivers until the queue is empty. From inside a delivery it only runs `work`.
   * @internal
   */
  run<T>(work: () => T): T {
    if (this.#draining) return work()
    this.#draining = true
    try {
      const result = work()
      this.#drain()
      return result
    } finally {
      this.#draining = false
    }
  }

  /** @internal delivers nothing more, from inside a delivery too */
  halt(): void {
    this.#halted = true
  }

  /** @internal completes every Observable */
  close(): void {
    this.#faces.close()
  }

  #drain(): void {
    let left = this.#maxDrain
    for (let envelope = this.#queue.shift(); envelope !== undefined && !this.#halted; envelope = this.#queue.shift()) {
      let verdict: RunawayVerdict = 'next'
      if (left > 0) {
        left--
      } else {
        verdict = this.#hooks.runaway?.(envelope) ?? 'drop'
        if (verdict !== 'next') left = this.#maxDrain
      }
      if (verdict !== 'drop') this.#deliver(envelope)
    }
  }

  #deliver(envelope: BusEnvelope): void {
    if (envelope.to === '') {
      const listeners = this.#listeners.get(envelope.type)
      // One that stops meanwhile leaves the set, and is passed over.
      if (listeners !== undefined) for (const listener of listeners) listener.receive(envelope.hop())
    } else {
      const receiver = this.#addresses.get(envelope.to)
      if (receiver === undefined) {
        this.#hooks.route(envelope.hop())
      } else {
        // Mail sent before the receiver was there was not counted.
        if (receiver.queued > 0) receiver.queued--
        receiver.receive(envelope.hop())
      }
    }
    if (this.#faces.watched) this.#faces.next(envelope, () => envelope.hop())
  }
}
