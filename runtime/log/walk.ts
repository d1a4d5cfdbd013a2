import type { AnyMachineSnapshot } from 'xstate'
import type { Envelope } from '../../proto/index.ts'
import { isOutside } from '../kernel/address.ts'
import type { MachineStep } from '../kernel/index.ts'
import type { Divergence } from './divergence.ts'
import type { LogReader, LogSource } from './reader.ts'
import { Replay, type ReplayOptions, type ReplayResult } from './replay.ts'

/**
 * One thing that happened in a replayed run: a message was delivered to one receiver, an actor started, or a timer of an
 * actor fired. An announcement that several actors hear is a step for each. Where a log begins at a checkpoint, its actors start
 * there.
 */
export class WalkStep {
  readonly kind: 'start' | 'message' | 'timer'
  /** The start of an actor that ran already when the log begins, at a checkpoint. */
  readonly restored: boolean
  /** Logical time of the step, in milliseconds. */
  readonly time: number
  /** The message; undefined at a start and a timer. */
  readonly envelope: Envelope | undefined
  /** The actor whose machine took the step; undefined for mail to a driver, a remote peer, the host, the system or nobody. */
  readonly actor: string | undefined
  /**
   * Seq of the message that led here: the cause of this one, or where a timer lies between, the message at which that
   * timer was set; 0 where nothing led here but the start of the run, or a timer that was set before the log begins. A
   * message may come from one before the log. Of an actor that ran already, the last message that it was given.
   */
  readonly origin: number
  readonly #before: AnyMachineSnapshot | undefined
  readonly #after: AnyMachineSnapshot | undefined

  constructor(step: Partial<MachineStep>, time: number, origin: number, restored = false) {
    const { envelope, actor, before, after } = step
    this.kind = envelope !== undefined ? 'message' : before === undefined ? 'start' : 'timer'
    this.restored = restored
    this.time = time
    this.envelope = envelope
    this.actor = actor
    this.origin = origin
    this.#before = before
    this.#after = after
  }

  /** 0 where there is no message. */
  get seq(): number {
    return this.envelope?.seq ?? 0
  }

  /** Empty where there is no message, as `to` and `type` are. */
  get from(): string {
    return this.envelope?.from ?? ''
  }

  get to(): string {
    return this.envelope?.to ?? ''
  }

  get type(): string {
    return this.envelope?.type ?? ''
  }

  get cause(): number {
    return this.envelope?.cause ?? 0
  }

  /** Whether the message came from outside, left the core, or went from machine to machine, which no log holds. */
  get boundary(): 'input' | 'output' | 'inside' {
    if (isOutside(this.from)) return 'input'
    return this.envelope !== undefined && (this.to === '' || isOutside(this.to)) ? 'output' : 'inside'
  }

  /** State value of the actor's statechart before the step; undefined at a start. */
  get before(): unknown {
    return this.#before?.value
  }

  /** State value after the step, in which one that throws stays where it was. */
  get after(): unknown {
    return this.#after?.value
  }

  /** Context before the step, not a copy. */
  get contextBefore(): unknown {
    return this.#before?.context
  }

  /** Context after the step, not a copy. */
  get contextAfter(): unknown {
    return this.#after?.context
  }

  /** The machine threw: its actor fails. */
  get failed(): boolean {
    return this.#after?.status === 'error'
  }
}

/** What a timer published has no cause; the timer has. */
interface Fired {
  readonly origin: number
  /** Seqs from this on are not the timer's. */
  readonly end: number
}

/**
 * Steps a log through fresh machines: `for (const step of new Walk(log, options))`, once. It ends with the log, or with the
 * step in which the replay diverged from it. Memory holds what one input or one instant of timers set going.
 */
export class Walk implements Iterable<WalkStep> {
  /** The replay beneath; its kernel is as far ahead as the input at hand reaches. */
  readonly replay: Replay
  readonly #iterator = this.#walk()
  #steps: WalkStep[] = []
  /** Starts at the message at hand, which comes first. */
  #starts: WalkStep[] = []
  /** By the actor whose timers they were, in order. */
  #fired = new Map<string, Fired[]>()
  /** The message at hand, while its machines take it. */
  #seq = 0
  #origin = 0
  /** The last message that a machine took. */
  #taken = 0
  #over = false
  /** The replay brings back the actors of a checkpoint. */
  #restoring = false

  /** @throws as {@link replay}, for the header */
  constructor(log: LogSource | LogReader, options: ReplayOptions) {
    this.replay = new Replay(log, { ...options, witness: { step: step => this.#step(step) } })
    // After the machines that took it.
    this.replay.kernel.bus.all.subscribe(envelope => this.#delivered(envelope))
  }

  /** Where the replay left the log; known when the walk has come to its end. */
  get divergence(): Divergence | undefined {
    return this.replay.divergence
  }

  result(): ReplayResult {
    return this.replay.result()
  }

  /** @throws LogCorruptError, UnknownMessageError after the steps that stand before the fault */
  [Symbol.iterator](): Generator<WalkStep, void, void> {
    return this.#iterator
  }

  /** Closes the log; not needed once it is walked to its end. */
  close(): void {
    this.replay.close()
  }

  *#walk(): Generator<WalkStep, void, void> {
    try {
      for (let more = true, first = true; more; first = false) {
        let fault: { error: unknown } | undefined
        try {
          this.#restoring = first && this.replay.checkpoint !== undefined
          more = this.replay.step()
        } catch (error) {
          fault = { error }
        }
        this.#restoring = false
        const steps = this.#steps
        this.#steps = []
        this.#fired = new Map()
        yield* steps
        if (fault !== undefined) throw fault.error
      }
    } finally {
      this.close()
    }
  }

  #step(step: MachineStep): void {
    const { envelope, actor, origin } = step
    const { kernel } = this.replay
    if (envelope === undefined) {
      if (this.#restoring) return this.#push(new WalkStep(step, kernel.clock.now(), kernel.system.cell(actor)?.heard.at(-1)?.seq ?? 0, true))
      const fired = { origin, end: kernel.nextSeq }
      const before = this.#fired.get(actor)
      if (before === undefined) this.#fired.set(actor, [fired])
      else before.push(fired)
      const own = new WalkStep(step, kernel.clock.now(), origin)
      if (own.kind === 'start' && origin !== 0) return void this.#starts.push(own)
      return this.#push(own)
    }
    this.#taken = envelope.seq
    this.#push(new WalkStep(step, envelope.time, this.#originOf(envelope)))
  }

  #delivered(envelope: Envelope): void {
    if (envelope.seq !== this.#taken) this.#push(new WalkStep({ envelope }, envelope.time, this.#originOf(envelope)))
    for (const start of this.#starts.splice(0)) this.#push(start)
  }

  #push(step: WalkStep): void {
    if (this.#over) return
    this.#steps.push(step)
    // What follows is no part of the recorded run.
    this.#over = this.replay.divergence !== undefined
  }

  #originOf({ seq, cause, from }: Envelope): number {
    if (cause !== 0 || isOutside(from)) return cause
    if (seq !== this.#seq) {
      this.#seq = seq
      const fired = this.#fired.get(from) ?? []
      while (fired[0] !== undefined && fired[0].end <= seq) fired.shift()
      this.#origin = fired[0]?.origin ?? 0
    }
    return this.#origin
  }
}
