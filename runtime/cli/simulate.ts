import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import {
  FaultOptionError, faultsOf, islandsOf, joined, noFaults, resultOf, simulate as run, strangeIn, usualFaults, type FaultOptions, type Scene, type SimulateResult, type SimulationProgress
} from '../simulation/index.ts'
import { UsageError } from './errors.ts'
import { counted } from './legible.ts'
import { complain, print, printJson } from './output.ts'
import { shrunkRun, tellShrunk, type ShrinkValues, type ToldShrunk } from './simulate-shrink.ts'
import { onThreads } from './simulate-threads.ts'

/** Failing seeds that are shrunk; the others of one bug would say the same. */
const SHRUNK_MAX = 3

/** What the command line gives. */
export interface SimulateValues extends ShrinkValues {
  readonly peers: number
  readonly seconds: number
  readonly seed: number
  readonly seeds?: number
  readonly faults?: string
  readonly subnet: number
  readonly routed?: true
  readonly scene?: string
}

/** `p2pnet simulate`: a whole network in one process; exits 1 where an invariant does not hold. */
export async function simulate(values: SimulateValues): Promise<void> {
  if (values.scene !== undefined && values.seeds !== undefined) throw new UsageError('--scene is one run, with a seed of its own: leave out --seeds')
  const options = values.scene === undefined ? optionsOf(values) : sceneIn(values.scene)
  const failed = values.seeds === undefined ? await single(options, values) : await many(options, values, values.seeds)
  if (failed > 0) process.exitCode = 1
}

function optionsOf({ peers, seconds, seed, faults: file, subnet, routed }: SimulateValues): Scene {
  const faults = faultsIn(file)
  return { peers, seconds, seed, ...(faults && { faults }), topology: { peersPerSubnet: subnet, routed: routed ?? false } }
}

/** A scene as JSON, or a file that holds one. */
function sceneIn(given: string): Scene {
  let scene: unknown
  try {
    scene = JSON.parse(given.startsWith('{') ? given : readFileSync(given, 'utf8'))
  } catch (error) {
    throw new UsageError(`--scene cannot be read as JSON (${(error as Error).message}): give what simulate printed or wrote when a run failed`)
  }
  try {
    if (typeof scene !== 'object' || scene === null || Array.isArray(scene)) throw new TypeError('it is no object')
    const strange = strangeIn(scene)
    if (strange !== undefined) throw new TypeError(`a scene has no '${strange}'${strange in noFaults ? ': give faults with --faults' : ''}`)
    islandsOf(scene as Scene)
  } catch (error) {
    throw new UsageError(`--scene: ${(error as Error).message}`)
  }
  return scene as Scene
}

async function single(options: Scene, values: SimulateValues): Promise<number> {
  const islands = islandsOf(options)
  const result = islands.length === 1
    ? await run({ ...options, progress: progress => tellProgress(progress, values) })
    : await apart(options, islands, values)
  if (!values.json) summary(result, values)
  const shrunk = await shrunkOf(options, result, values)
  if (values.json) printJson({ ...done(result), ...(shrunk && { shrunk }) })
  else last(result)
  return result.violations.length
}

async function shrunkOf(options: Scene, { violations }: SimulateResult, values: SimulateValues): Promise<ToldShrunk | undefined> {
  // A scene has been shrunk before.
  if (violations.length === 0 || !values.shrink || (values.scene !== undefined && values.out === undefined)) return undefined
  const shrunk = await shrunkRun(options, violations[0]!.invariant, values)
  if (!values.json) tellShrunk(shrunk)
  return shrunk
}

/** Each island on a thread of its own. */
async function apart(options: Scene, islands: readonly Scene[], values: SimulateValues): Promise<SimulateResult> {
  const began = performance.now()
  const results: SimulateResult[] = []
  for await (const result of onThreads(islands, false, availableParallelism())) {
    results.push(result)
    const violations = results.reduce((sum, each) => sum + each.violations.length, 0)
    if (values.json) printJson({ event: 'progress', subnets: results.length, of: islands.length, violations })
    else complain(`${results.length} of ${islands.length} subnets, ${violations} violations`)
  }
  return resultOf(options, results, began)
}

async function many(options: Scene, values: SimulateValues, count: number): Promise<number> {
  const runs = Array.from({ length: count }, (_, index) => ({ ...options, seed: (values.seed + index) >>> 0 }))
  let failed = 0
  const digests: string[] = []
  for await (const result of onThreads(runs, true, availableParallelism())) {
    digests.push(result.digest)
    if (result.violations.length > 0) failed++
    if (!values.json && result.violations.length > 0) tellViolations(result, values)
    const shrunk = failed <= SHRUNK_MAX ? await shrunkOf({ ...options, seed: result.seed }, result, values) : undefined
    if (values.json) printJson({ ...done(result), event: 'seed', ...(shrunk && { shrunk }) })
  }
  const { seed, peers, seconds } = values
  const digest = joined(digests)
  if (values.json) printJson({ event: 'done', seed, seeds: count, peers, seconds, digest, violations: failed })
  else print(`${count - failed} of ${count} seeds are well${failed === 0 ? '' : `, ${failed} are not`}\nviolations ${failed}\nseed ${seed}\ndigest ${digest}`)
  return failed
}

function done({ seed, peers, seconds, digest, violations, stats }: SimulateResult): object {
  return { event: 'done', seed, peers, seconds, digest, violations, stats }
}

function faultsIn(file: string | undefined): FaultOptions | undefined {
  if (file === undefined || file === 'usual') return usualFaults
  if (file === 'none') return undefined
  let given: unknown
  try {
    given = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--faults ${file} cannot be read as JSON (${(error as Error).message}): give a file as docs/simulation.md shows, or none`)
  }
  try {
    return faultsOf(given as FaultOptions)
  } catch (error) {
    if (error instanceof FaultOptionError) throw new UsageError(`--faults ${file}: ${error.message}`)
    throw error
  }
}

function tellProgress({ phase, nowMs, running, linked, violations }: SimulationProgress, { json, peers }: SimulateValues): void {
  if (json) printJson({ event: 'progress', phase, ms: nowMs, running, linked, violations })
  else complain(`${(nowMs / 1_000).toFixed(1).padStart(8)} s  ${phase.padEnd(9)}  ${running} of ${peers} run, ${linked} ends of links, ${counted(violations, 'violation')}`)
}

function summary(result: SimulateResult, values: SimulateValues): void {
  const { peers, seconds, violations, stats } = result
  const faults = Object.entries(stats.faults).map(([name, count]) => `${count} × ${name}`).join(', ')
  print(`${counted(peers, 'peer')}, ${seconds} s with faults: ${faults || 'none but what the packets suffered'}`)
  print(`${stats.lives} ${stats.lives === 1 ? 'process' : 'processes'}, ${counted(stats.streams, 'stream')}, ${counted(stats.datagrams, 'datagram')} (${stats.datagramsLost} lost), ${counted(stats.messages, 'message')}`)
  print(stats.settledAfterMs === undefined ? 'not well in the end' : `well ${(stats.settledAfterMs / 1_000).toFixed(1)} s after the faults ended; ${counted(stats.replayed, 'log')} replayed`)
  print(`${(stats.wallMs / 1_000).toFixed(1)} s, ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`)
  if (violations.length > 0) tellViolations(result, values)
}

function last({ violations, seed, digest }: SimulateResult): void {
  print(`violations ${violations.length}`)
  print(`seed ${seed}`)
  print(`digest ${digest}`)
}

const SHOWN_MAX = 10

function tellViolations({ seed, violations }: SimulateResult, values: SimulateValues): void {
  for (const { invariant, atMs, message } of violations.slice(0, SHOWN_MAX)) print(`seed ${seed}, ${(atMs / 1_000).toFixed(3)} s, ${invariant}: ${message}`)
  if (violations.length > SHOWN_MAX) print(`and ${violations.length - SHOWN_MAX} more`)
  if (values.scene !== undefined) return
  const faults = values.faults === undefined ? '' : ` --faults ${values.faults}`
  const subnet = `${values.subnet === 50 ? '' : ` --subnet ${values.subnet}`}${values.routed ? ' --routed' : ''}`
  print(`again: p2pnet simulate --peers ${values.peers} --seconds ${values.seconds} --seed ${seed}${subnet}${faults}`)
}
