import { isDeepStrictEqual } from 'node:util'
import { noFaults } from './faults.ts'
import { planOf, type SimulateOptions } from './options.ts'
import { defaultTopology } from './topology.ts'

/** Options that are code or hold some: whoever runs a scene of theirs gives them again. */
type Code = 'invariants' | 'actors' | 'drivers' | 'definitions' | 'messages' | 'ownFaults' | 'progress'

/** What of a run's options is plain data: with the same code (actors, invariants, a score, …) it is the same run, anywhere. */
export type Scene = Omit<SimulateOptions, Code | 'peer'> & { readonly peer?: Omit<NonNullable<SimulateOptions['peer']>, 'score'> }

const NAMES: Readonly<Record<keyof Scene, true>> = {
  peers: true, only: true, seconds: true, seed: true, island: true, faults: true, schedule: true, settleSeconds: true, healedPercent: true,
  startWithinMs: true, messagesPerMinute: true, topology: true, trust: true, peer: true, limits: true, codec: true, replayed: true
}

/** The first name in it that no scene has. */
export function strangeIn(scene: object): string | undefined {
  return Object.keys(scene).find(name => !Object.hasOwn(NAMES, name))
}

/** Always told: what a person looks for first, and what depends on whether faults are given. */
const TOLD: ReadonlySet<string> = new Set<keyof Scene>(['peers', 'seconds', 'seed', 'faults', 'healedPercent'])

/** The plain part of a run's options, without what is as it is by default. */
export function sceneOf(options: SimulateOptions): Scene {
  const all = plainOf(options)
  const usual = plainOf({})
  return Object.fromEntries(Object.entries(all).filter(([name, value]) =>
    value !== undefined && (TOLD.has(name) || !isDeepStrictEqual(value, usual[name as keyof Scene]))))
}

function plainOf(options: SimulateOptions): Readonly<Record<keyof Scene, unknown>> {
  const {
    peers, seconds, seed, island, settleSeconds, healedPercent, startWithinMs, messagesPerMinute, schedule, faults, topology, trust, limits, codec, replayed,
    peer: { score: _, ...peer }
  } = planOf(options)
  return {
    peers, only: options.only, seconds, seed, island, settleSeconds, healedPercent, startWithinMs,
    // Where there is a list of what happens, nothing is drawn at that rate.
    messagesPerMinute: schedule === undefined ? messagesPerMinute : undefined,
    faults: differing(faults, noFaults), topology: differing(topology, defaultTopology), trust, peer, limits, codec, replayed, schedule
  }
}

/** What of an object is not as in the other. */
function differing(object: object, base: object): object {
  return Object.fromEntries(Object.entries(object).flatMap(([name, value]) => {
    const before = (base as Record<string, unknown>)[name]
    if (typeof value !== 'object' || value === null) return value === before ? [] : [[name, value]]
    const inner = differing(value, before as object)
    return Object.keys(inner).length === 0 ? [] : [[name, inner]]
  }))
}
