import type { Violation } from './invariant.ts'
import type { NetworkStats } from './network.ts'
import { joined } from './digest.ts'
import { islandsOf, planOf, type SimulateOptions, type SimulationProgress } from './options.ts'
import { Random, seedOf } from './random.ts'
import { Simulation } from './simulation.ts'

/** How long one turn of the event loop may take before others have theirs, in milliseconds; and how often progress is told. */
const TURN_MS = 100
const PROGRESS_MS = 1_000
/** Of the run; looked at between. */
const SLICE_MS = 100
/** For all peers to stop in order, in milliseconds of the run. */
const STOP_MS = 10_000

export interface SimulateStats extends NetworkStats {
  /** Envelopes that left the cores of all peers, announcements among them. */
  readonly outputs: number
  /** Text messages of the workload. */
  readonly messages: number
  /** Processes started. */
  readonly lives: number
  /** Faults by name, how often. */
  readonly faults: Readonly<Record<string, number>>
  /** Milliseconds of the run until the healed part was well; undefined where it never was. */
  readonly settledAfterMs: number | undefined
  /** Logs replayed. */
  readonly replayed: number
  /** Milliseconds of real time. */
  readonly wallMs: number
}

export interface SimulateResult {
  readonly seed: number
  readonly peers: number
  readonly seconds: number
  /** Of everything that every peer put out: the same seed and options give the same digest, everywhere. */
  readonly digest: string
  readonly violations: readonly Violation[]
  readonly stats: SimulateStats
}

/**
 * Runs a network from a seed: a safety phase with faults, a liveness phase in which a random part is healed
 * and must be well within a bound, and an ordered stop. Logs of some peers are replayed.
 * @throws SimulationOptionError, FaultOptionError for options that cannot be
 * @throws NoSimulatedDriverError when an actor has a driver that nobody plays
 */
export async function simulate(options: SimulateOptions = {}): Promise<SimulateResult> {
  const began = performance.now()
  const results: SimulateResult[] = []
  for (const island of islandsOf(options)) results.push(await simulateIsland(island))
  return resultOf(options, results, began)
}

/** The result of a run from those of its islands, in their order. @param began when, by performance.now() */
export function resultOf(options: SimulateOptions, results: readonly SimulateResult[], began: number): SimulateResult {
  const { seed, peers, seconds } = planOf(options)
  const all = results.map(({ stats }) => stats)
  const sum = (name: 'datagrams' | 'datagramsLost' | 'streams' | 'dialsRefused' | 'outputs' | 'messages' | 'lives' | 'replayed'): number =>
    all.reduce((total, stats) => total + stats[name], 0)
  const faults = new Map<string, number>()
  for (const stats of all) for (const [name, count] of Object.entries(stats.faults)) faults.set(name, (faults.get(name) ?? 0) + count)
  const settled = all.map(({ settledAfterMs }) => settledAfterMs ?? NaN)
  return {
    seed, peers, seconds,
    digest: results.length === 1 ? results[0]!.digest : joined(results.map(({ digest }) => digest)),
    violations: results.flatMap(({ violations }) => violations),
    stats: {
      datagrams: sum('datagrams'), datagramsLost: sum('datagramsLost'), streams: sum('streams'), dialsRefused: sum('dialsRefused'),
      outputs: sum('outputs'), messages: sum('messages'), lives: sum('lives'), replayed: sum('replayed'),
      faults: Object.fromEntries(faults),
      settledAfterMs: settled.some(ms => Number.isNaN(ms)) ? undefined : Math.max(...settled),
      wallMs: Math.round(performance.now() - began)
    }
  }
}

/** Runs one island by itself. */
export async function simulateIsland(options: SimulateOptions): Promise<SimulateResult> {
  return await throughAll(new Simulation(options))
}

/**
 * Takes a network through all phases of a run.
 * @param until the name of an invariant: the run ends as soon as it does not hold
 */
export async function throughAll(simulation: Simulation, until?: string): Promise<SimulateResult> {
  const began = performance.now()
  const { plan } = simulation
  const { settledAfterMs, digest, replayed } = await phases(simulation, until)
  return {
    seed: plan.seed,
    peers: plan.peers,
    seconds: plan.seconds,
    digest,
    violations: simulation.violations,
    stats: {
      ...simulation.network.stats,
      outputs: simulation.peers.reduce((sum, each) => sum + each.digest.count, 0),
      messages: simulation.sent,
      lives: simulation.peers.reduce((sum, { lives }) => sum + lives, 0),
      faults: simulation.adversary.doings,
      settledAfterMs,
      replayed,
      wallMs: Math.round(performance.now() - began)
    }
  }
}

async function phases(simulation: Simulation, until: string | undefined): Promise<{ settledAfterMs: number | undefined; digest: string; replayed: number }> {
  const { plan } = simulation
  const over = (): boolean => until !== undefined && simulation.violations.some(({ invariant }) => invariant === until)
  const pass = patiently(simulation, over)
  const result = { settledAfterMs: undefined as number | undefined, digest: '', replayed: 0 }

  simulation.begin()
  await pass('faults', plan.seconds * 1_000, () => false)
  if (over()) return result

  simulation.heal(healedOf(simulation))
  const healedAt = simulation.nowMs
  await pass('settling', plan.settleSeconds * 1_000, () => simulation.missing() === undefined)
  if (over()) return result
  const missing = simulation.missing()
  if (missing === undefined) result.settledAfterMs = simulation.nowMs - healedAt
  else simulation.violated(missing.invariant, `${missing.message}, ${plan.settleSeconds} seconds after the faults ended`)

  simulation.stop()
  await pass('stopping', STOP_MS, () => simulation.peers.every(({ running }) => !running))
  if (over()) return result
  const late = simulation.peers.find(({ running }) => running)
  if (late !== undefined) simulation.violated('nothing-left', `${late.name} did not stop within ${STOP_MS} ms`)

  result.digest = simulation.digest
  for (const _name of simulation.replays()) {
    result.replayed++
    await pass('replaying', 0, () => true)
  }
  return result
}

/** A random part of the network, all of it where nothing went wrong. */
function healedOf({ plan, peers }: Simulation): Simulation['peers'] {
  const random = new Random(seedOf(plan, 'healed'))
  const chosen = Array.from({ length: plan.peers }, () => random.percent(plan.healedPercent))
  const healed = peers.filter(({ index }) => chosen[index])
  return plan.healedPercent >= 100 || healed.length < 2 ? peers : healed
}

/** Lets time of the run pass, and the process do something else now and then. */
function patiently(simulation: Simulation, over: () => boolean) {
  let turn = performance.now()
  let told = turn
  return async (phase: SimulationProgress['phase'], ms: number, done: () => boolean): Promise<void> => {
    for (let passed = 0; passed < ms && !over() && !done(); passed += SLICE_MS) {
      simulation.runFor(Math.min(SLICE_MS, ms - passed))
      const now = performance.now()
      if (now - turn < TURN_MS) continue
      if (now - told >= PROGRESS_MS) {
        told = now
        simulation.plan.progress(simulation.progress(phase))
      }
      await new Promise(resolve => setImmediate(resolve))
      turn = performance.now()
    }
  }
}
