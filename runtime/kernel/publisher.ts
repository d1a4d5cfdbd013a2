import { classOf, typeName, type Message, type Registry } from '../../proto/index.ts'
import { isOutside } from './address.ts'
import type { Bus } from './bus.ts'
import type { HeapClock } from './clock.ts'
import type { Codec, Tap } from './contract.ts'
import type { DeadLetters } from './dead-letters.ts'
import { BusEnvelope, type EnvelopeHead } from './envelope.ts'
import type { Limits } from './limits.ts'

export interface PublisherParts {
  readonly bus: Bus
  readonly clock: HeapClock
  readonly registry: Registry
  readonly codec: Codec
  readonly limits: Limits
  readonly tap: Tap | undefined
  readonly deadLetters: DeadLetters
}

/** Gives every message its place in the order of the run, shows the boundary's to the tap, and posts it on the bus. */
export class Publisher {
  readonly #parts: PublisherParts
  #seq = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** Seq that the next envelope will get. */
  get nextSeq(): number {
    return this.#seq + 1
  }

  /** Goes on after a message. */
  resume(seq: number): void {
    this.#seq = seq
  }

  /**
   * Publishes for a machine, within the limits of the queue and the mailbox.
   * @throws TypeError for what is not an instance of a message class
   * @throws UnknownMessageError for a type that is not registered
   */
  machine(body: Message, from: string, to: string, cause: number): void {
    const { bus, limits, deadLetters } = this.#parts
    const envelope = this.#envelope(body, from, to, cause)
    // What is meant for the system is bounded by the queue alone: one step may spawn thousands.
    const full = bus.queued >= limits.maxQueue || (to !== 'system' && to !== '' && (bus.at(to)?.queued ?? 0) >= limits.maxMailbox)
    if (!full) return this.#output(envelope)
    this.#seq = envelope.seq
    deadLetters.add(envelope, 'mailbox-full')
  }

  /** Publishes for the system, whose messages are few and always pass. */
  system(body: Message, to: string, cause: number): void {
    this.#output(this.#envelope(body, 'system', to, cause))
  }

  /**
   * Publishes an input. Where a log is kept, the machines are given it as the log will give it to them.
   * @throws TypeError for what is not an instance of a message class, whatever the encoder throws for its fields
   * @throws UnknownMessageError for a type that is not registered
   */
  input(body: Message, from: string, to: string, cause: number, nested: boolean): BusEnvelope {
    const envelope = this.#envelope(body, from, to, cause)
    return this.#input(this.#parts.tap === undefined ? envelope : envelope.decoded(this.#parts.codec === 'always'), nested)
  }

  /**
   * Publishes an input that is encoded already.
   * @throws UnknownMessageError for a type that is not registered, whatever the decoder throws for malformed bytes
   */
  encodedInput(type: string, bytes: Uint8Array, from: string, to: string, cause: number, nested: boolean): BusEnvelope {
    const { registry, codec } = this.#parts
    const envelope = BusEnvelope.received(this.#head(type, from, to, cause), registry.get(type), bytes, codec === 'always')
    void envelope.body
    return this.#input(envelope, nested)
  }

  #input(envelope: BusEnvelope, nested: boolean): BusEnvelope {
    this.#parts.tap?.input(envelope, nested)
    return this.#post(envelope)
  }

  #output(envelope: BusEnvelope): void {
    const { tap } = this.#parts
    if (tap !== undefined && (envelope.to === '' || isOutside(envelope.to))) {
      // What cannot be encoded fails its publisher here, not the log.
      void envelope.bytes
      tap.output(envelope)
    }
    this.#post(envelope)
  }

  #post(envelope: BusEnvelope): BusEnvelope {
    this.#seq = envelope.seq
    this.#parts.bus.post(envelope)
    return envelope
  }

  #envelope(body: Message, from: string, to: string, cause: number): BusEnvelope {
    const { registry, codec } = this.#parts
    const type = typeof body === 'object' && body !== null ? classOf(body) : undefined
    if (typeof type?.getTypeUrl !== 'function') {
      throw new TypeError(`${from} published something that is no message: use an instance of a message class`)
    }
    const name = typeName(type)
    if (!registry.has(name)) registry.get(name)
    const envelope = BusEnvelope.of(this.#head(name, from, to, cause), type, body)
    return codec === 'always' ? envelope.decoded(true) : envelope
  }

  #head(type: string, from: string, to: string, cause: number): EnvelopeHead {
    return { type, seq: this.#seq + 1, time: this.#parts.clock.now(), from, to, cause }
  }
}
