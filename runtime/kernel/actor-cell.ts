import { createActor, type AnyActor, type AnyMachineSnapshot } from 'xstate'
import type { MachineInput, Outgoing } from '../../machines/publish.ts'
import type { Envelope, Message } from '../../proto/index.ts'
import type { ActorKind, ActorOptions } from './actor-kind.ts'
import type { Receiver } from './bus.ts'
import type { HeapClock, OwnedClock, Timer } from './clock.ts'
import type { Witness } from './contract.ts'

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

interface Heard {
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

  /** The last messages that it was given, oldest first, as `seq type from`. */
  get recent(): string[] {
    const heard = this.#heard ?? []
    return [...heard.slice(this.#heardNext), ...heard.slice(0, this.#heardNext)].map(({ seq, type, from }) => `${seq} ${type} ${from}`)
  }

  /** Starts the machine. @param random start of its random stream */
  start(random: number): void {
    const clock = this.#clock = this.#host.clock.ownedBy(this.address, fire => this.#step(0, fire))
    const input: MachineInput = { address: this.address, parent: this.parentAddress, options: this.options.machine, flags: this.#host.flags, random }
    this.#fault = undefined
    this.#origin = 0
    this.#step(this.#host.cause, () => {
      const actor: AnyActor = createActor(this.kind.definition.machine, { clock: this.#host.witness === undefined ? clock : this.#traced(clock), id: this.address, input, logger: () => {} })
      this.#actor = actor
      actor.on('publish', message => this.#publish(message as Outgoing))
      // Without an observer of errors XState throws them from a timer.
      actor.subscribe({ error: error => { this.#fault ??= { error } } })
      actor.start()
    })
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
