import type { AnyMachineSnapshot } from 'xstate'
import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import type { Envelope, Registry } from '../../proto/index.ts'
import type { Limits } from './limits.ts'

/**
 * What the core's outputs reach: live drivers, the simulator, or nothing (replay). Calls come one at a
 * time, in seq order, while the core drains; inputs given from inside them wait their turn.
 */
export interface Shell {
  /**
   * To a driver (`kind/id#name`), a remote peer (`peer/…`) or the host program (`host`). An exception
   * from a driver's delivery becomes an input DriverFailed and fails its actor.
   */
  deliver(envelope: Envelope): void
  /** Makes the actor's drivers; called before its machine starts, again for each incarnation. `options` hold the secrets too. */
  actorStarted(address: string, definition: ActorDefinition, options: object): void
  /** The actor is gone: stop its drivers. Called once for every actorStarted. */
  actorStopped(address: string): void
}

/** Sees what crosses the core's boundary, in seq order, when it is published. Must not publish and must not throw. */
export interface Tap {
  /**
   * An envelope from a driver, a remote peer or the host program. `nested`: it came while the core worked on
   * an earlier message; the others came when it was idle and every timer due had fired.
   */
  input(envelope: Envelope, nested: boolean): void
  /** An envelope from a machine or the system to a driver, a remote peer, the host program, or announced. */
  output(envelope: Envelope): void
  /** The core has stopped in order; nothing follows. */
  stopped(time: number): void
  /** The core has done all that there was to do: a checkpoint can be taken. */
  idle?(): void
}

/** One step of one actor's machine: its start (or where it goes on from a checkpoint), a message that it was given, or a timer of its own. */
export interface MachineStep {
  readonly actor: string
  /** Undefined at a start and a timer. */
  readonly envelope: Envelope | undefined
  /**
   * Seq of the message that led to the step: of the one given, or of the one at which the actor was started or the timer was
   * set, however many timers lie between; 0 where there was none.
   */
  readonly origin: number
  /** Undefined at a start. */
  readonly before: AnyMachineSnapshot | undefined
  readonly after: AnyMachineSnapshot | undefined
}

/** Sees every step of every machine, when it is done. Must not publish and must not throw. */
export interface Witness {
  step(step: MachineStep): void
}

/**
 * How bodies travel. `lazy`: by reference, frozen, encoded when first needed. `always`: every delivery has
 * a copy of its own, decoded from the encoded bytes and frozen throughout; the tests run with it.
 */
export type Codec = 'lazy' | 'always'

/** Told of exceptions with their stacks, for people; nothing in the core depends on it. `where` is an address or `bus`. */
export type Report = (where: string, error: unknown) => void

export interface KernelOptions {
  /** Root of every random stream of the core. */
  readonly seed: Uint8Array
  /** Actors of the peer, in the order in which they start. */
  readonly actors: readonly ActorSpec[]
  /** @default the types of p2pnet.v1 */
  readonly registry?: Registry
  /** Numbers of the behaviour flags in force, which machines are given. @default none */
  readonly flags?: readonly number[]
  readonly limits?: Partial<Limits>
  /** @default 'lazy' */
  readonly codec?: Codec
  readonly shell: Shell
  readonly tap?: Tap
  /** Costs every step of a machine a little. */
  readonly witness?: Witness
  /** @default ignores them */
  readonly report?: Report
}

/** Where an input comes from and goes to. */
export interface InputAddress {
  /** `host`, a driver (`kind/id#name`) or a remote peer (`peer/PEERID`). */
  readonly from: string
  /** An address; empty announces it. @default '' */
  readonly to?: string
  /** Seq of the message that it answers. @default 0 */
  readonly cause?: number
}

/** One actor as {@link Inspection} shows it. */
export interface ActorInspection {
  readonly address: string
  readonly kind: string
  readonly parent: string
  readonly incarnation: number
  readonly status: 'running' | 'stopping' | 'restarting'
  /** The statechart's state value; undefined while it restarts. */
  readonly state: unknown
  /** The machine's context, not a copy. */
  readonly context: unknown
  /** Envelopes that wait for it. */
  readonly queued: number
}

export interface Inspection {
  readonly actors: readonly ActorInspection[]
  readonly timers: number
  readonly queued: number
  /** Ends of actors that somebody waits for, one for each who does. */
  readonly watches: number
  /** Who is given messages: each actor at its address and for each type that it listens for, and Observables of the bus that are subscribed to. */
  readonly subscriptions: number
  /** Dead letters since the start, those that were throttled too. */
  readonly deadLetters: number
}
