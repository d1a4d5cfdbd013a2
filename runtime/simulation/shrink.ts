import { faultsOf, noFaults, type Faults } from './faults.ts'
import type { Violation } from './invariant.ts'
import { islandsOf, planOf, type SimulateOptions } from './options.ts'
import { reduced } from './reduce.ts'
import { scheduleOf } from './schedule.ts'
import type { ScheduledEvent } from './scheduled-event.ts'
import { sceneOf, type Scene } from './scene.ts'
import { throughAll } from './simulate.ts'
import { Simulation } from './simulation.ts'
import { Story } from './story.ts'

export interface ShrinkOptions {
  /** Runs that it may take: the result depends on nothing else. @default 300 */
  readonly runs?: number
  /** Seconds of real time after which it ends with what it has. @default 120 */
  readonly seconds?: number
  /** Called after each run. */
  readonly progress?: (progress: ShrinkProgress) => void
}

export interface ShrinkProgress {
  /** Runs so far. */
  readonly runs: number
  /** What is left of the failing run. */
  readonly peers: number
  readonly seconds: number
  readonly events: number
}

/** A run that failed: its options, and the invariant that did not hold. */
export interface Failure {
  readonly options: SimulateOptions
  readonly invariant: string
}

/** The smallest failing run that was found. */
export interface Shrunk {
  /** simulate() of these violates the invariant. */
  readonly options: SimulateOptions
  /** What of the options is plain data, for `p2pnet simulate --scene`. */
  readonly scene: Scene
  /** The first time that the invariant does not hold. */
  readonly violation: Violation
  /** Runs that it took. */
  readonly runs: number
  /** What happened, cut to what matters; as a log and as a sequence diagram. */
  readonly story: Story
}

/** Other seeds with which a run of the peers that the violation names is tried. */
const SEEDS_TRIED = 6

/** Thrown when the run that is to be shrunk does not fail. */
export class NoFailureError extends Error {
  override name = 'NoFailureError'
}

/** A run on its way to be small. Everything that happens in it is a list. */
interface Candidate {
  readonly options: SimulateOptions
  readonly peers: readonly number[]
  readonly events: readonly ScheduledEvent[]
  readonly seconds: number
  readonly faults: Faults
}

/**
 * Reduces a failing run (fewer peers, less that goes wrong and is said, shorter) to a small one in which the same invariant
 * does not hold. The same failure and budget of runs give the same result.
 * @throws NoFailureError when the invariant holds in the run that is given
 */
export async function shrink({ options, invariant }: Failure, { runs = 300, seconds = 120, progress = () => {} }: ShrinkOptions = {}): Promise<Shrunk> {
  const shrinker = new Shrinker(invariant, runs, performance.now() + seconds * 1_000, progress)
  for (const island of islandsOf(options)) {
    const shrunk = await shrinker.shrink(island)
    if (shrunk !== undefined) return shrunk
  }
  throw new NoFailureError(`'${invariant}' holds in this run: give shrink() the options of the run in which it did not, and the actors, drivers and invariants with them`)
}

class Shrinker {
  readonly #invariant: string
  readonly #runsMax: number
  readonly #deadline: number
  readonly #progress: (progress: ShrinkProgress) => void
  #runs = 0
  #best!: Candidate
  #violation!: Violation

  constructor(invariant: string, runsMax: number, deadline: number, progress: (progress: ShrinkProgress) => void) {
    this.#invariant = invariant
    this.#runsMax = runsMax
    this.#deadline = deadline
    this.#progress = progress
  }

  async shrink(options: SimulateOptions): Promise<Shrunk | undefined> {
    const { peers, seconds, faults, only, healedPercent } = planOf(options)
    const all: Candidate = {
      // What is filled in by default must not change as the rest does.
      options: { ...options, healedPercent }, peers: [...only ?? Array.from({ length: peers }, (_, number) => number)], events: scheduleOf(options), seconds, faults
    }
    this.#runs++
    const first = await this.#run(all)
    if (first === undefined) return undefined
    this.#keep(all, first)
    for (let before = ''; before !== this.#size() && !this.#spent;) {
      before = this.#size()
      await this.#drastically()
      await this.#fewerPeers()
      await this.#lessWrong()
      await this.#fewerEvents()
      await this.#shorter()
      await this.#otherwise()
    }
    const options_ = optionsOf(this.#best)
    const simulation = new Simulation(replayedOnlyWhere(options_, this.#invariant))
    const trace = simulation.trace()
    await throughAll(simulation, this.#invariant)
    const story = new Story(trace, simulation.peers, this.#violation)
    return { options: options_, scene: sceneOf(options_), violation: this.#violation, runs: this.#runs, story }
  }

  get #spent(): boolean {
    return this.#runs >= this.#runsMax || performance.now() > this.#deadline
  }

  /** Runs it; the first violation of the invariant. */
  async #run(candidate: Candidate): Promise<Violation | undefined> {
    const { violations } = await throughAll(new Simulation(replayedOnlyWhere(optionsOf(candidate), this.#invariant)), this.#invariant)
    return violations.find(({ invariant }) => invariant === this.#invariant)
  }

  /** Keeps a smaller run if it fails in the same way. */
  async #try(change: Partial<Candidate>): Promise<boolean> {
    if (this.#spent) return false
    const candidate = { ...this.#best, ...change }
    this.#runs++
    const violation = await this.#run(candidate).catch(() => undefined)
    if (violation !== undefined) this.#keep(candidate, violation)
    const { peers, seconds, events } = this.#best
    this.#progress({ runs: this.#runs, peers: peers.length, seconds, events: events.length })
    return violation !== undefined
  }

  #keep(candidate: Candidate, violation: Violation): void {
    const { peers, seconds } = candidate
    // What comes after the violation made no difference.
    const failedAfter = Math.ceil(violation.atMs / 1_000)
    this.#best = {
      ...candidate,
      seconds: Math.min(seconds, failedAfter),
      events: candidate.events.filter(event => event.atMs <= violation.atMs && (event.do === 'partition' || peers.includes(event.peer)))
    }
    this.#violation = violation
  }

  #size(): string {
    const { peers, events, seconds, faults, options } = this.#best
    return JSON.stringify([peers, events, seconds, faults, options.topology])
  }

  /** Most bugs need next to nothing. */
  async #drastically(): Promise<void> {
    const named = this.#named()
    const calm = { options: { ...this.#best.options, healedPercent: 100 }, events: [], faults: { ...noFaults, delayMs: this.#best.faults.delayMs } }
    for (const peers of [named.length > 0 ? named : this.#best.peers.slice(0, 2), this.#best.peers]) {
      if (await this.#try({ ...calm, peers, seconds: 0 }) || await this.#try({ ...calm, peers })) return
    }
  }

  /** Peers of which the violation tells. */
  #named(): readonly number[] {
    const names = new Set(this.#violation.message.match(/\bpeer-\d+\b/g))
    const first = (this.#best.options.island ?? 0) * planOf(this.#best.options).topology.peersPerSubnet
    return this.#best.peers.filter(number => names.has(`peer-${first + number}`))
  }

  async #fewerPeers(): Promise<void> {
    const named = this.#named()
    if (named.length > 0 && named.length < this.#best.peers.length && await this.#try({ peers: named })) return
    // Where it takes some luck, that of another seed may do for fewer.
    const { seed } = planOf(this.#best.options)
    for (let other = 1; named.length > 0 && named.length < this.#best.peers.length && other <= SEEDS_TRIED; other++) {
      if (await this.#try({ peers: named, options: { ...this.#best.options, seed: (seed + other) >>> 0 } })) return
    }
    await reduced(this.#best.peers, async peers => peers.length > 0 && await this.#try({ peers }))
  }

  /** Every kind of fault away, else halved. */
  async #lessWrong(): Promise<void> {
    if (JSON.stringify(this.#best.faults) === JSON.stringify(noFaults) || await this.#try({ faults: noFaults })) return
    for (const name of Object.keys(noFaults) as (keyof Faults)[]) {
      const { faults } = this.#best
      if (JSON.stringify(faults[name]) === JSON.stringify(noFaults[name])) continue
      if (await this.#try({ faults: { ...faults, [name]: noFaults[name] } })) continue
      for (let value: unknown = faults[name]; typeof value === 'number' && value > 0.5;) {
        value = Math.floor(value / 2)
        if (!await this.#try({ faults: { ...this.#best.faults, [name]: value } })) break
      }
    }
  }

  async #fewerEvents(): Promise<void> {
    for (const kind of new Set(this.#best.events.map(event => event.do))) await this.#try({ events: this.#best.events.filter(event => event.do !== kind) })
    await reduced(this.#best.events, events => this.#try({ events }))
  }

  async #shorter(): Promise<void> {
    if (this.#best.seconds === 0 || await this.#try({ seconds: 0 })) return
    for (let works = this.#best.seconds, not = 0; works - not > 1 && !this.#spent;) {
      const middle = Math.floor((works + not) / 2)
      if (await this.#try({ seconds: middle })) works = this.#best.seconds
      else not = middle
    }
  }

  /** A plainer network, and peers with the first numbers. */
  async #otherwise(): Promise<void> {
    const { options, peers, events } = this.#best
    const { topology, healedPercent } = planOf(options)
    if (topology.routed || topology.multihomedPercent > 0) await this.#try({ options: { ...options, topology: { ...topology, routed: false, multihomedPercent: 0 } } })
    if (healedPercent < 100) await this.#try({ options: { ...this.#best.options, healedPercent: 100 } })
    if (peers.some((number, index) => number !== index)) {
      const renumbered = new Map(peers.map((number, index) => [number, index]))
      await this.#try({
        options: { ...this.#best.options, peers: peers.length },
        peers: peers.map((_, index) => index),
        events: events.map(event => event.do === 'partition'
          ? { ...event, away: event.away.flatMap(number => renumbered.get(number) ?? []) }
          : { ...event, peer: renumbered.get(event.peer)!, ...(event.do === 'say' && { to: renumbered.get(event.to) ?? 0 }) })
      })
    }
    const count = Math.max(...this.#best.peers) + 1
    if (count < planOf(this.#best.options).peers) await this.#try({ options: { ...this.#best.options, peers: count } })
  }
}

function optionsOf({ options, peers, events, seconds, faults }: Candidate): SimulateOptions {
  const { only: _, progress: _progress, ...rest } = options
  const all = peers.length === planOf(rest).peers
  return { ...rest, ...(!all && { only: peers }), schedule: events, seconds, faults: faultsOf(faults) }
}

/** Logs are kept and replayed only where that is what fails. */
function replayedOnlyWhere(options: SimulateOptions, invariant: string): SimulateOptions {
  return invariant === 'replay' ? options : { ...options, replayed: 0 }
}
