import type { AnyStateMachine } from 'xstate'
import type { Level, MessageClass } from '../../proto/index.ts'
import type { DriverFactory } from './driver.ts'

/** A message type that may cross a link. */
export interface WireType {
  readonly type: MessageClass
  /** Lowest level of a link at which it may pass. @default Level.LEVEL_ENHANCED */
  readonly level?: Level
  /**
   * Where it goes on arrival: `bus` announces it as an input from `peer/PEERID`, so that machines
   * see it and logs hold it; `pump` hands it to subscribers in plain code, for hot and bulk types.
   * @default 'bus'
   */
  readonly via?: 'bus' | 'pump'
}

/** What a supervisor does when an actor fails. */
export interface Strategy {
  /** `restart` anew, `stop` for good, or `escalate`: fail the parent. */
  readonly onFailure: 'restart' | 'stop' | 'escalate'
  /** Restarts allowed within the window before it escalates. @default 3 */
  readonly attempts?: number
  /** Milliseconds. @default 60000 */
  readonly windowMs?: number
  /** Wait before the first restart, doubled with each further one in the window, in milliseconds. @default 100 */
  readonly backoffMs?: number
}

/** What an actor is: a statechart, the drivers that act for it, and what it listens to. */
export interface ActorDefinition<Options extends object = any> {
  /** First part of the actor's address, in kebab-case. */
  readonly kind: string
  /** Raise it when old logs would run differently; it is written into every log. @default 1 */
  readonly version?: number
  /**
   * Numbers of the behaviour flags that its machine asks for in {@link MachineInput}, whole and from 1000 on in a host program. New
   * runs have all of them in force; a log has those of its time. @default none
   */
  readonly flags?: readonly number[]
  /** Given {@link MachineInput} as its input; must not know any driver or the runtime. */
  readonly machine: AnyStateMachine
  readonly drivers?: Readonly<Record<string, DriverFactory<Options>>>
  /** Defaults of the options: plain JSON, they are written into the log. */
  readonly options?: Options
  /**
   * What is wrong with its options, beginning with the name of one, and what to give; undefined where they can be taken. createPeer
   * refuses the others with PeerOptionError.
   */
  readonly problem?: (options: Options) => string | undefined
  /** Option names whose values never reach a log. */
  readonly secrets?: readonly (keyof Options & string)[]
  /** Message types of its own that it neither listens to nor speaks on the wire; known to the registry, and so to replay. */
  readonly messages?: readonly MessageClass[]
  /** Types that it is given when they are announced. */
  readonly listens?: readonly MessageClass[]
  /**
   * Types that it listens to and whose last announcement it is given when it starts late, by mail from
   * `system`, in the order in which they were announced and before anything else: an actor that is spawned or restarted then knows what
   * the others were told before. One that recalls its own announcements can go on where it was.
   */
  readonly recalls?: readonly MessageClass[]
  /** Further types that it recalls only where a behaviour flag of {@link MachineInput} is in force, by the flag's number. */
  readonly recallsUnder?: Readonly<Record<number, readonly MessageClass[]>>
  /** Types that it speaks with other peers. */
  readonly wire?: readonly WireType[]
  /** @default { onFailure: 'restart' } for actors of the peer, { onFailure: 'stop' } for spawned ones */
  readonly strategy?: Strategy
}

/** An actor to start with the peer: a definition with an id and its options. */
export interface ActorSpec<Options extends object = any> {
  readonly definition: ActorDefinition<Options>
  /** @default 'main' */
  readonly id?: string
  /** Merged over the definition's own. */
  readonly options?: Partial<Options>
  /** Definitions that it spawns; known to the peer, started by SpawnActor. */
  readonly spawns?: readonly ActorDefinition[]
}

/**
 * Checks a definition and returns it.
 * @throws TypeError when the kind is not kebab-case, or is `peer`, or when a driver's name holds `/` or `#`, or a flag is no whole number from 1 on
 */
export function defineActor<Options extends object>(definition: ActorDefinition<Options>): ActorDefinition<Options> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(definition.kind)) {
    throw new TypeError(`actor kind '${definition.kind}' is not kebab-case: use letters, digits and single hyphens`)
  }
  if (definition.kind === 'peer') throw new TypeError("actor kind 'peer' is taken: peer/PEERID are the other peers, choose another name")
  for (const name of Object.keys(definition.drivers ?? {})) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new TypeError(`driver name '${name}' of ${definition.kind} is not kebab-case`)
  }
  for (const { type } of definition.wire ?? []) {
    if (typeof type?.encode !== 'function') throw new TypeError(`wire of ${definition.kind} takes { type: MessageClass }, one for each type`)
  }
  for (const flag of definition.flags ?? []) {
    if (!Number.isInteger(flag) || flag < 1 || flag > 0xffff_ffff) throw new TypeError(`flag ${flag} of ${definition.kind} is no whole number from 1 to 4294967295`)
  }
  return definition
}
