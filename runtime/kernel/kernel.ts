import { Registry, Stop, type Checkpoint, type Envelope, type Message } from '../../proto/index.ts'
import { isOutside } from './address.ts'
import { Bus } from './bus.ts'
import { restoreCheckpoint, takeCheckpoint } from './checkpoint.ts'
import { HeapClock } from './clock.ts'
import type { InputAddress, Inspection, KernelOptions, Tap } from './contract.ts'
import { DeadLetters } from './dead-letters.ts'
import { ClockBusyError, KernelNotStartedError, KernelStartedError, KernelStoppedError, RestoreError, TimerStormError } from './errors.ts'
import { limitsOf, type Limits } from './limits.ts'
import { Publisher } from './publisher.ts'
import { System } from './system.ts'

/**
 * The deterministic core of a peer: clock, bus and actors. It does nothing by itself: whoever drives it
 * advances the clock and gives inputs, and the same inputs at the same times, in the same order, give the
 * same outputs, byte for byte.
 *
 * An input that comes while the core is idle is given after advanceTo(now), which fires every timer due. One
 * that comes while it drains (from a driver or a subscriber that answers at once) waits in the one queue; to
 * repeat it, give it again from inside the same drain as soon as {@link Kernel.nextSeq} is its seq.
 */
export class Kernel {
  readonly clock: HeapClock
  readonly bus: Bus
  readonly limits: Limits
  readonly system: System
  readonly #publisher: Publisher
  readonly #deadLetters: DeadLetters
  readonly #tap: Tap | undefined
  readonly #registry: Registry
  readonly #report: (where: string, error: unknown) => void
  readonly #listeners = new Set<() => void>()
  /** The system's own on the bus, which go with the kernel. */
  readonly #receivers: number
  #started = false
  #stopped = false

  /**
   * @throws RangeError for a limit out of its range
   * @throws NameTakenError when two definitions have one kind, or two actors one address
   * @throws OptionsError for options that are not plain JSON, TypeError for an id that is none
   */
  constructor(options: KernelOptions) {
    const { seed, actors, registry = new Registry(), codec = 'lazy', shell, tap, report = () => {} } = options
    const limits = this.limits = limitsOf(options.limits)
    const clock = this.clock = new HeapClock(limits)
    const bus = this.bus = new Bus({
      maxDrain: limits.maxDrain,
      report,
      route: envelope => this.system.route(envelope),
      runaway: envelope => this.system.runaway(envelope)
    })
    const deadLetters = this.#deadLetters = new DeadLetters(clock, limits.deadLetterIntervalMs, (body, cause) => {
      this.#publisher.system(body, '', cause)
    })
    const publisher = this.#publisher = new Publisher({ bus, clock, registry, codec, limits, tap, deadLetters })
    this.#tap = tap
    this.#registry = registry
    this.#report = report
    this.system = new System({ actors, seed, clock, bus, publisher, deadLetters, limits, shell, report, witness: options.witness, flags: options.flags ?? [] })
    this.#receivers = bus.receivers
  }

  /** Seq that the next envelope will get. */
  get nextSeq(): number {
    return this.#publisher.nextSeq
  }

  /** Work is going on: an input given now waits its turn. */
  get draining(): boolean {
    return this.bus.draining
  }

  /** True from the moment when the last actor is gone after an ordered stop. */
  get stopped(): boolean {
    return this.#stopped
  }

  /**
   * Starts the actors in order, at logical time 0.
   * @throws KernelStartedError the second time
   */
  start(): void {
    if (this.#started) throw new KernelStartedError()
    this.#started = true
    this.#run(() => this.system.start())
  }

  /**
   * All that the core is at this moment, to go on from in another kernel; it changes nothing. It costs some milliseconds
   * for a hundred links.
   * @throws KernelNotStartedError, KernelStoppedError, ClockBusyError when there is nothing to go on from, or the core drains
   * @throws CheckpointError when an actor's machine holds what a checkpoint cannot
   */
  checkpoint(): Checkpoint {
    if (!this.#started) throw new KernelNotStartedError()
    if (this.#stopped) throw new KernelStoppedError()
    if (this.bus.draining) throw new ClockBusyError()
    return takeCheckpoint(this.system.core)
  }

  /**
   * Goes on from a checkpoint, in place of start(): made with the same seed, definitions and limits, and given the same
   * inputs, it does what the kernel did that the checkpoint was taken of. The shell is not told of actors that run already.
   * @throws KernelStartedError the second time
   * @throws RestoreError when the checkpoint does not fit
   */
  restore(checkpoint: Checkpoint): void {
    if (this.#started) throw new KernelStartedError()
    this.#started = true
    try {
      restoreCheckpoint(this.system.core, checkpoint, this.system, this.#registry)
    } catch (error) {
      throw new RestoreError(error)
    }
  }

  /**
   * Moves the clock, firing what comes due in order and draining after each timer. Does nothing but that
   * after the kernel has stopped.
   * @param time logical milliseconds, whole, not before now
   * @throws ClockBusyError while the core drains
   * @throws ClockBackwardsError, RangeError for a time that cannot be
   */
  advanceTo(time: number): void {
    if (!this.#started) throw new KernelNotStartedError()
    if (this.bus.draining) throw new ClockBusyError()
    for (;;) {
      try {
        this.clock.advanceTo(time, fire => this.#run(fire))
        return this.#rest()
      } catch (error) {
        if (!(error instanceof TimerStormError) || !this.#run(() => this.system.fail(error.owner, error))) throw error
      }
    }
  }

  /**
   * Gives the core a message at the present logical time, and drains unless it drains already. The body is
   * frozen, and must not be changed by other ways either.
   * @returns the envelope that it became
   * @throws TypeError for a sender inside the core, or what is not an instance of a message class
   * @throws UnknownMessageError for a type that is not registered
   * @throws KernelStoppedError after the last actor is gone
   */
  input(body: Message, { from, to = '', cause = 0 }: InputAddress): Envelope {
    this.#check(from)
    const nested = this.bus.draining
    const envelope = this.#run(() => this.#publisher.input(body, from, to, cause, nested))
    this.#rest()
    return envelope
  }

  /**
   * The same for a body that is encoded already; the bytes are passed on as they are and must not be changed.
   * @throws whatever the decoder throws for malformed bytes
   */
  inputEncoded(type: string, bytes: Uint8Array, { from, to = '', cause = 0 }: InputAddress): Envelope {
    this.#check(from)
    const nested = this.bus.draining
    const envelope = this.#run(() => this.#publisher.encodedInput(type, bytes, from, to, cause, nested))
    this.#rest()
    return envelope
  }

  /**
   * Ends all work where it stands, from inside of it too: nothing is delivered and no timer fires any more.
   * @internal for a replay that has left its log
   */
  halt(): void {
    this.clock.halt()
    this.bus.halt()
  }

  /** When the next timer is due, in logical milliseconds; undefined when none is pending. */
  nextDue(): number | undefined {
    return this.clock.nextDue()
  }

  /** Asks for an ordered stop: an input, Stop from host to system. Listen with onStopped; nothing happens the second time. */
  stop(reason: string): void {
    if (this.#stopped) return
    if (!this.#started) {
      this.#started = true
      this.#finish()
      return
    }
    this.input(new Stop({ reason }), { from: 'host', to: 'system' })
  }

  /** Calls the listener once when the kernel has stopped; at once when it has already. Returns a way to take it back. */
  onStopped(listener: () => void): () => void {
    if (this.#stopped) this.#call(listener)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A picture of the moment. */
  inspect(): Inspection {
    return {
      actors: this.system.inspect(),
      timers: this.clock.size,
      queued: this.bus.queued,
      watches: this.system.watches,
      subscriptions: this.bus.receivers + this.bus.observables - this.#receivers,
      deadLetters: this.#deadLetters.total
    }
  }

  #check(from: string): void {
    if (!this.#started) throw new KernelNotStartedError()
    if (this.#stopped) throw new KernelStoppedError()
    if (!isOutside(from)) throw new TypeError(`'${from}' is inside the core: inputs come from host, from kind/id#driver or from peer/PEERID`)
  }

  #run<T>(work: () => T): T {
    const result = this.bus.run(work)
    if (this.system.stopped && !this.#stopped && !this.bus.draining) this.#finish()
    return result
  }

  /** An input given from inside a timer's work is not the end of it. */
  #rest(): void {
    if (!this.bus.draining && !this.#stopped) this.#tap?.idle?.()
  }

  #finish(): void {
    this.#stopped = true
    this.#tap?.stopped(this.clock.now())
    this.bus.close()
    for (const listener of this.#listeners) this.#call(listener)
    this.#listeners.clear()
  }

  #call(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#report('host', error)
    }
  }
}
