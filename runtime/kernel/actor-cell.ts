import { createActor, type ActorOptions as XStateOptions, type AnyActor, type AnyMachineSnapshot, type AnyStateMachine, type EventObject } from 'xstate'
import type { MachineInput, Outgoing } from '../../machines/publish.ts'
import type { Envelope, Message } from '../../proto/index.ts'
import type { ActorKind, ActorOptions } from './actor-kind.ts'
import type { Receiver } from './bus.ts'
import type { Delayed, HeapClock, OwnedClock, Timer } from './clock.ts'
import type { ActorInspection, Witness } from './contract.ts'
import { machineState, persisted, reorder, type MachineState } from './machine-state.ts'

/** What a cell needs of the system. */
export interface CellHost {
  readonly clock: HeapClock
  readonly maxRecent: number
  readonly witness: Witness | undefined
  /** Behaviour flags in force. */
  readonly flags: readonly number[]
  /** Seq of the message at hand, 0 within a timer. */
  cause: number
  /** @throws when the body cannot be published; the cell fails */
  publish(cell: ActorCell, body: Message, to: string): void
  /** Its machine or its publication threw; the machine is dead. */
  failed(cell: ActorCell, error: unknown): void
  /** Its machine has reached a final state. */
  finished(cell: ActorCell): void
  /** Its machine has no transition for the envelope in its present state. */
  unhandled(cell: ActorCell, envelope: Envelope): void
}

/** How an actor ends. */
export interface Ending {
  readonly reason: string
  readonly failed: boolean
  /** Milliseconds until it starts again; undefined when it is gone for good. */
  readonly restartMs?: number
}

/** Where an actor is in an ordered stop. */
export interface Stopping {
  readonly reason: string
  /** It was given Stop; before that it waits for its children. */
  told: boolean
  deadline: Timer | undefined
}

export type CellStatus = 'running' | 'ending' | 'restarting' | 'gone'

/** A message that an actor was given. */
export interface Heard {
  seq: number
  type: string
  from: string
}

/** One actor: its place in the tree, and the XState root actor that runs its machine. */
export class ActorCell implements Receiver {
  readonly address: string
  readonly kind: ActorKind
  readonly options: ActorOptions
  /** The actor that spawned it. */
  readonly parent: ActorCell | undefined
  /** It came by SpawnActor, where the peer's own start with it. */
  readonly spawned: boolean
  readonly children = new Set<ActorCell>()
  readonly failures: number[] = []
  status: CellStatus = 'running'
  stopping: Stopping | undefined
  ending: Ending | undefined
  restart: Timer | undefined
  incarnation = 0
  /** Its place among all starts. */
  launched = 0
  queued = 0
  readonly #host: CellHost
  #clock: OwnedClock | undefined
  #actor: AnyActor | undefined
  #fault: { readonly error: unknown } | undefined
  // Names only: the bodies would be kept alive.
  #heard: Heard[] | undefined
  #heardNext = 0
  /** For the witness: seq of the message at which the timer at hand was set. */
  #origin = 0

  constructor(host: CellHost, address: string, kind: ActorKind, options: ActorOptions, spawned: boolean, parent?: ActorCell) {
    this.#host = host
    this.address = address
    this.kind = kind
    this.options = options
    this.spawned = spawned
    this.parent = parent
  }

  get parentAddress(): string {
    return this.parent?.address ?? 'system'
  }

  /** The machine's present snapshot; undefined while none runs. */
  get snapshot(): AnyMachineSnapshot | undefined {
    return this.#actor?.getSnapshot()
  }

  inspect(): ActorInspection {
    const { status } = this
    return {
      address: this.address,
      kind: this.kind.definition.kind,
      parent: this.parentAddress,
      incarnation: this.incarnation,
      status: status === 'restarting' ? 'restarting' : this.stopping !== undefined || status === 'ending' ? 'stopping' : 'running',
      state: this.snapshot?.value,
      context: this.snapshot?.context,
      queued: this.queued
    }
  }

  /** The last messages that it was given, oldest first. */
  get heard(): readonly Heard[] {
    const heard = this.#heard ?? []
    return [...heard.slice(this.#heardNext), ...heard.slice(0, this.#heardNext)]
  }

  set heard(heard: readonly Heard[]) {
    const { maxRecent } = this.#host
    if (maxRecent === 0 || heard.length === 0) return
    this.#heard = heard.slice(-maxRecent)
    this.#heardNext = this.#heard.length % maxRecent
  }

  /** The same as `seq type from`. */
  get recent(): string[] {
    return this.heard.map(({ seq, type, from }) => `${seq} ${type} ${from}`)
  }

  /** Starts the machine. @param random start of its random stream */
  start(random: number): void {
    const { address, parentAddress: parent, options: { machine: options }, incarnation } = this
    const input: MachineInput = { address, parent, options, flags: this.#host.flags, incarnation, random }
    this.#fault = undefined
    this.#origin = 0
    this.#step(this.#host.cause, () => this.#make({ input }).start())
  }

  /**
   * Goes on where a checkpoint left the machine; its timers come by {@link ActorCell.rearm}.
   * @throws Error, SyntaxError for a state that the machine does not have
   */
  resume(state: MachineState): void {
    const actor = this.#make({ snapshot: persisted(state, this.options.machine) })
    const snapshot = actor.getSnapshot() as AnyMachineSnapshot
    if (snapshot.status !== 'active') throw snapshot.error ?? new Error(`${this.address} has no state ${state.value}`)
    reorder(actor, this.kind.definition.machine, state)
    actor.start()
    this.#host.witness?.step({ actor: this.address, envelope: undefined, origin: 0, before: undefined, after: this.snapshot })
  }

  /** The machine as a checkpoint holds it. @throws NotPlainError */
  persist(): MachineState | undefined {
    const { snapshot } = this
    return snapshot && machineState(snapshot, this.options.machine)
  }

  /** Whether the machine can cancel the delayed event of this id that it raised last. */
  holds(id: string): boolean {
    const actor = this.#actor
    return actor !== undefined && `${actor.sessionId}.${id}` in actor.system.getSnapshot()._scheduledEvents
  }

  /** Arms a timer of the machine again. @param lost the machine can cancel it no more */
  rearm({ event, id }: Delayed, delay: number, lost: boolean): void {
    const actor = this.#actor
    if (actor === undefined) throw new Error(`${this.address} has a timer and no machine`)
    const { scheduler } = actor.system
    scheduler.schedule(actor, actor, event as EventObject, delay, id)
    if (lost && id !== undefined) this.#clock?.keeping(() => scheduler.cancel(actor, id))
  }

  receive(envelope: Envelope): void {
    const actor = this.#actor
    if (actor === undefined) return
    this.#hear(envelope)
    const before = actor.getSnapshot() as AnyMachineSnapshot
    this.#step(envelope.seq, () => actor.send(envelope), envelope)
    // A step that changes nothing may have been none: only then it is worth asking.
    if (this.#actor !== undefined && actor.getSnapshot() === before && !handles(before, envelope)) {
      this.#host.cause = envelope.seq
      this.#host.unhandled(this, envelope)
      this.#host.cause = 0
    }
  }

  /** Ends the machine as it stands, with its timers. */
  halt(): void {
    this.#actor?.stop()
    this.#actor = undefined
    this.#clock?.dispose()
    this.#clock = undefined
  }

  #make(from: Pick<XStateOptions<AnyStateMachine>, 'input' | 'snapshot'>): AnyActor {
    const clock = this.#clock = this.#host.clock.ownedBy(this.address, fire => this.#step(0, fire))
    const actor: AnyActor = createActor(this.kind.definition.machine, {
      ...from, clock: this.#host.witness === undefined ? clock : this.#traced(clock), id: this.address, logger: () => {}
    })
    this.#actor = actor
    const { scheduler } = actor.system
    const schedule = scheduler.schedule
    scheduler.schedule = (source, target, event, delay, id) => {
      clock.arming({ event, id, own: source === actor && target === actor }, () => schedule(source, target, event, delay, id))
    }
    actor.on('publish', message => this.#publish(message as Outgoing))
    // Without an observer of errors XState throws them from a timer.
    actor.subscribe({ error: error => { this.#fault ??= { error } } })
    return actor
  }

  #step(cause: number, work: () => void, envelope?: Envelope): void {
    const host = this.#host
    const { cause: outer, witness } = host
    const before = witness && this.snapshot
    host.cause = cause
    try {
      work()
    } catch (error) {
      this.#fault ??= { error }
    }
    witness?.step({ actor: this.address, envelope, origin: cause || this.#origin, before, after: this.snapshot })
    if (this.#fault !== undefined) host.failed(this, this.#fault.error)
    else if (this.#actor?.getSnapshot().status === 'done') host.finished(this)
    host.cause = outer
  }

  /** The same clock; each timer knows from which message it comes. */
  #traced(clock: OwnedClock): Pick<OwnedClock, 'setTimeout' | 'clearTimeout'> {
    return {
      setTimeout: (fn, delay) => {
        const origin = this.#host.cause || this.#origin
        return clock.setTimeout(() => {
          this.#origin = origin
          fn()
        }, delay)
      },
      clearTimeout: timer => clock.clearTimeout(timer)
    }
  }

  #publish({ to, body }: Outgoing): void {
    if (this.#fault !== undefined) return
    try {
      if (typeof to !== 'string') throw new TypeError(`${this.address} published to something that is no address`)
      this.#host.publish(this, body, to)
    } catch (error) {
      // XState would throw it from a timer.
      this.#fault = { error }
    }
  }

  #hear({ seq, type, from }: Envelope): void {
    const max = this.#host.maxRecent
    if (max === 0) return
    const heard = this.#heard ??= []
    const slot = heard[this.#heardNext]
    if (slot === undefined) {
      heard.push({ seq, type, from })
    } else {
      slot.seq = seq
      slot.type = type
      slot.from = from
    }
    this.#heardNext = (this.#heardNext + 1) % max
  }
}

/** Whether a state takes the event, if only to say that it ignores it. */
function handles(snapshot: AnyMachineSnapshot, envelope: Envelope): boolean {
  // Without a guard there is no need to ask the machine. `_nodes` is not public; `can()`, which is, looks for the transitions of every
  // state anew, and this is asked for each message that changes nothing.
  for (const node of snapshot._nodes) {
    if (node.transitions.get(envelope.type)?.some(({ guard }) => guard === undefined) === true) return true
  }
  return snapshot.machine.getTransitionData(snapshot, envelope).length > 0
}
