import { createActor, type Actor, type AnyStateMachine } from 'xstate'
import type { MachineInput, Outgoing } from '../../machines/index.ts'
import { classOf, messageWriter, typeName, type BodyOf, type Envelope, type Message, type MessageName } from '../../proto/index.ts'
import { HeapClock, LIBRARY_FLAGS } from '../kernel/index.ts'
import type { TransitionCoverage } from './coverage.ts'

/** What a machine published, and when. */
export interface Said {
  /** Logical milliseconds since it started. */
  readonly time: number
  readonly to: string
  readonly type: string
  readonly body: Message
}

export interface MachineRunOptions extends Partial<MachineInput<object>> {
  /** Counts what it does, from its start. */
  readonly coverage?: TransitionCoverage
}

/** One machine on a clock that the test drives, with what it publishes: no bus, no drivers. */
export class MachineRun {
  readonly clock = new HeapClock()
  readonly actor: Actor<AnyStateMachine>
  /** All that it published, oldest first. */
  readonly said: Said[] = []
  #seq = 0
  #fault: { readonly error: unknown } | undefined

  /** Starts the machine at time 0. @param options its address is `MACHINE/main` unless said otherwise, its parent `system`, its flags those of this library in a new run */
  constructor(machine: AnyStateMachine, { coverage, ...input }: MachineRunOptions = {}) {
    this.actor = createActor(machine, {
      input: { address: `${machine.id}/main`, parent: 'system', flags: LIBRARY_FLAGS, incarnation: 0, random: 1, options: {}, ...input },
      clock: this.clock.ownedBy('machine') as never,
      ...(coverage === undefined ? {} : { inspect: coverage.note })
    })
    this.actor.on('publish', event => {
      const { to, body } = event as Outgoing
      this.said.push({ time: this.clock.now(), to, type: typeName(classOf(body)), body })
    })
    // Without an observer of errors XState throws them from a timer of the host.
    this.actor.subscribe({ error: error => { this.#fault ??= { error } } })
    this.actor.start()
    this.#check()
  }

  /** The state value. */
  get state(): unknown {
    return this.actor.getSnapshot().value
  }

  get context(): any {
    return this.actor.getSnapshot().context
  }

  /** It has reached a final state. */
  get done(): boolean {
    return this.actor.getSnapshot().status === 'done'
  }

  /**
   * Gives it a message now.
   * @throws MessageNotTakenError where the machine cannot take it, which on the bus is a dead letter
   * @throws what the machine throws
   */
  hear(body: Message, from = 'host'): void {
    const event = this.envelope(body, from)
    if (!this.takes(body, from)) throw new MessageNotTakenError(event.type, this.state)
    this.#seq++
    this.actor.send(event)
    this.#check()
  }

  /** Whether its present state has a transition for the message. */
  takes(body: Message, from = 'host'): boolean {
    return this.actor.getSnapshot().can(this.envelope(body, from))
  }

  /** Lets time pass, in milliseconds; timers fire when they are due. @throws what the machine throws */
  pass(ms: number): void {
    this.clock.advanceTo(this.clock.now() + ms)
    this.#check()
  }

  /** Everything of one type that was published so far. */
  of<N extends MessageName>(type: N): { time: number; to: string; body: BodyOf<N> }[] {
    return this.said.filter(said => said.type === type) as never
  }

  /** What was published since the last call. */
  take(): Said[] {
    return this.said.splice(0)
  }

  /** The event that a message would be now. */
  envelope(body: Message, from: string): Envelope {
    const type = classOf(body)
    return {
      type: typeName(type), seq: this.#seq + 1, time: this.clock.now(), from, to: '', cause: 0, body, get bytes() { return type.encode(body, messageWriter()).finish() }
    } as Envelope
  }

  #check(): void {
    if (this.#fault !== undefined) throw this.#fault.error
  }
}

/** Thrown by {@link MachineRun.hear} for a message that the machine's present state has no transition for. */
export class MessageNotTakenError extends Error {
  override name = 'MessageNotTakenError'
  readonly type: string
  readonly state: unknown

  constructor(type: string, state: unknown) {
    super(`${type} is not taken in ${JSON.stringify(state)}: on the bus it would be a dead letter; give the state a transition for it, or send it elsewhere`)
    this.type = type
    this.state = state
  }
}
