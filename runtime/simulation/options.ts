import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import type { SimulatedDrivers } from '../../actors/simulated/index.ts'
import type { MessageClass } from '../../proto/index.ts'
import { limitsOf, type Codec, type Limits } from '../kernel/index.ts'
import { checkOptions, type PeerOptions } from '../peer/options.ts'
import { faultsOf, noFaults, type FaultOptions, type Faults } from './faults.ts'
import type { Invariant, InvariantMaker } from './invariant.ts'
import { SimulationOptionError } from './option-error.ts'
import type { OwnFault } from './own-fault.ts'
import { checkSchedule, eventsAmong, numberedFrom, type ScheduledEvent } from './scheduled-event.ts'
import { STEP_CHOICES, type StepChoice } from './trust.ts'
import { defaultTopology, type Topology } from './topology.ts'

/** Of createPeer's options those that a simulated peer has. */
export type SimulatedPeerOptions = Pick<PeerOptions, 'network' | 'inbound' | 'maxLinks' | 'maxLanLinks' | 'score' | 'tune' | 'lan' | 'policy'>

const PEER_NAMES: Readonly<Record<keyof SimulatedPeerOptions, true>> = { network: true, inbound: true, maxLinks: true, maxLanLinks: true, score: true, tune: true, lan: true, policy: true }

/** What {@link simulate} takes. */
export interface SimulateOptions {
  /** How many peers, 1 to 60,000. @default 8 */
  readonly peers?: number
  /** How long things go wrong, in seconds of the run; the liveness phase follows. @default 30 */
  readonly seconds?: number
  /** Everything follows from it: a whole number from 0 to 4294967295. @default 1 */
  readonly seed?: number
  /** What goes wrong. @default nothing */
  readonly faults?: FaultOptions
  /** Faults that the host program's actors can suffer besides. */
  readonly ownFaults?: readonly OwnFault[]
  /**
   * What happens, instead of what is drawn from the seed: partitions, crashes and the like that `faults` gives a rate
   * for, and the messages. What packets suffer (loss, delay, …) and how clocks drift still comes from `faults`. @default as drawn
   */
  readonly schedule?: readonly ScheduledEvent[]
  /** Numbers of the peers that take part, from 0 over all subnets; to the others it is as if they were not there. @default all */
  readonly only?: readonly number[]
  /** The time within which the healed part must be well, in seconds; it ends as soon as it is. @default 180 */
  readonly settleSeconds?: number
  /** Peers that are healed for the liveness phase; the others stay cut off, in percent. @default 75 where there are faults, else 100 */
  readonly healedPercent?: number
  /** Everything starts within so many milliseconds. @default 2000 */
  readonly startWithinMs?: number
  /** Text messages that each peer sends to others, a minute. @default 12 */
  readonly messagesPerMinute?: number
  readonly topology?: Partial<Topology>
  /** Over the built-in ones. A function is called once a run, so that each has a memory of its own. */
  readonly invariants?: readonly (Invariant | InvariantMaker)[]
  /** Actors of the host program, for each peer by its number; their drivers are simulated ones. */
  readonly actors?: (index: number) => readonly (ActorSpec | readonly ActorSpec[])[]
  /** Drivers that stand for those of the host program's actors, by kind and name. */
  readonly drivers?: SimulatedDrivers
  /** Definitions that stand for the default actors' of the same kind: a machine of yours in the place of ours. */
  readonly definitions?: readonly ActorDefinition[]
  /** Message types of the host program. */
  readonly messages?: readonly MessageClass[]
  /** Options of the default actors, as createPeer takes them. */
  readonly peer?: SimulatedPeerOptions
  /**
   * How the peers verify each other, by the built-in steps of these names, in order; all of them have one key, one list and
   * certificates of one authority, and whoever is asked approves after two seconds. @default three pings
   */
  readonly trust?: readonly StepChoice[]
  readonly limits?: Partial<Limits>
  /** @default 'lazy' */
  readonly codec?: Codec
  /** How many peers' logs are kept in memory and replayed in the end. @default 8, all of them where there are fewer */
  readonly replayed?: number
  /** Which of a run's islands this is, from 0; see {@link islandsOf}. @default 0 */
  readonly island?: number
  /** Called about once a second of real time. */
  readonly progress?: (progress: SimulationProgress) => void
}

export interface SimulationProgress {
  readonly phase: 'faults' | 'settling' | 'stopping' | 'replaying'
  /** Milliseconds of the run. */
  readonly nowMs: number
  readonly running: number
  /** Pairs that are linked, counted on both sides. */
  readonly linked: number
  readonly violations: number
}

/** Options with every default filled in. */
export interface Plan extends Required<Omit<SimulateOptions, 'faults' | 'topology' | 'progress' | 'schedule' | 'only'>> {
  readonly faults: Faults
  readonly topology: Topology
  readonly schedule: readonly ScheduledEvent[] | undefined
  readonly only: ReadonlySet<number> | undefined
  readonly progress: (progress: SimulationProgress) => void
}

/** @throws SimulationOptionError, FaultOptionError, PeerOptionError, RangeError for a limit */
export function planOf(options: SimulateOptions): Plan {
  const { peers = 8, seconds = 30, seed = 1, settleSeconds = 180, messagesPerMinute = 12, startWithinMs = 2_000 } = options
  const topology = { ...defaultTopology, ...options.topology }
  const healedPercent = options.healedPercent ?? (options.faults === undefined ? 100 : 75)
  whole('peers', peers, 1, 60_000)
  whole('seed', seed, 0, 0xffff_ffff)
  whole('island', options.island ?? 0, 0, 60_000)
  whole('topology.peersPerSubnet', topology.peersPerSubnet, 1, 250)
  within('seconds', seconds, 0, 1_000_000)
  within('settleSeconds', settleSeconds, 0, 1_000_000)
  within('healedPercent', healedPercent, 1, 100)
  within('startWithinMs', startWithinMs, 0, 1_000_000)
  within('messagesPerMinute', messagesPerMinute, 0, 60_000)
  for (const number of options.only ?? []) whole('only', number, 0, peers - 1)
  const step = (options.trust ?? []).find(name => !STEP_CHOICES.includes(name))
  if (step !== undefined) throw new SimulationOptionError(`trust names the step '${step}': give some of ${STEP_CHOICES.join(', ')}`)
  checkSchedule(options.schedule)
  checkPeer(options.peer ?? {})
  whole('replayed', options.replayed ?? 8, 0, 60_000)
  const { codec = 'lazy' } = options
  if (codec !== 'lazy' && codec !== 'always') throw new SimulationOptionError(`codec is '${String(codec)}': give lazy or always`)
  limitsOf(options.limits)
  return {
    peers, seconds, seed, settleSeconds, messagesPerMinute, startWithinMs, topology, healedPercent,
    faults: faultsOf(options.faults, noFaults),
    ownFaults: options.ownFaults ?? [],
    schedule: options.schedule,
    only: options.only && new Set(options.only),
    invariants: options.invariants ?? [],
    actors: options.actors ?? (() => []),
    drivers: options.drivers ?? {},
    definitions: options.definitions ?? [],
    messages: options.messages ?? [],
    peer: options.peer ?? {},
    trust: options.trust ?? [],
    limits: options.limits ?? {},
    codec,
    replayed: options.replayed ?? 8,
    island: options.island ?? 0,
    progress: options.progress ?? (() => {})
  }
}

/** Nothing is to go wrong that could end a link. */
export function isCalm({ faults, ownFaults, schedule }: Plan): boolean {
  const { lossPercent, corruptPercent, clog, partition, flap, resetsPerPeerHour, clock, crash, restart, pause } = faults
  const rates = [clog.perPeerHour, partition.perMinute, flap.perPeerHour, resetsPerPeerHour, crash.perPeerHour, restart.perPeerHour, pause.perPeerHour]
  const struck = schedule?.some(event => event.do !== 'say') ?? (ownFaults.length > 0 || rates.some(rate => rate > 0))
  return !struck && lossPercent === 0 && corruptPercent === 0 && clock.driftPpm === 0
}

function checkPeer(peer: object): void {
  const strange = Object.keys(peer).find(name => !Object.hasOwn(PEER_NAMES, name))
  if (strange !== undefined) throw new SimulationOptionError(`peer has no '${strange}': it takes ${Object.keys(PEER_NAMES).join(', ')}`)
  checkOptions(peer)
}

function whole(name: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) throw new SimulationOptionError(`${name} is ${value}: give a whole number from ${min} to ${max}`)
}

function within(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new SimulationOptionError(`${name} is ${value}: give a number from ${min} to ${max}`)
}

/**
 * Subnets that nothing connects share nothing but the seed: each can be run by itself, here or on another
 * thread, and the whole comes out the same. One island where there are routers or machines in two subnets.
 */
export function islandsOf(options: SimulateOptions): SimulateOptions[] {
  const { peers, topology, replayed, schedule, only } = planOf(options)
  const { peersPerSubnet, routed, multihomedPercent } = topology
  const count = Math.ceil(peers / peersPerSubnet)
  if (routed || multihomedPercent > 0 || count === 1) return [options]
  return Array.from({ length: count }, (_, island) => {
    const first = island * peersPerSubnet
    const here = (number: number): boolean => number >= first && number < first + peersPerSubnet
    return {
      ...options,
      island,
      peers: Math.min(peersPerSubnet, peers - first),
      ...(schedule && { schedule: eventsAmong(schedule, here).map(event => numberedFrom(event, -first)) }),
      ...(only && { only: [...only].filter(here).map(number => number - first) }),
      replayed: replayed === 0 ? 0 : Math.max(1, Math.floor(replayed / count))
    }
  })
}
