import { noFaults, type FaultOptions } from './faults.ts'
import { planOf, type SimulateOptions } from './options.ts'
import { defaultTopology } from './topology.ts'

/** What of a run's options is plain data: with the same actors and invariants it is the same run, anywhere. */
export type Scene = Pick<
  SimulateOptions,
  'peers' | 'only' | 'seconds' | 'seed' | 'island' | 'faults' | 'schedule' | 'settleSeconds' | 'healedPercent' | 'startWithinMs' | 'messagesPerMinute' | 'topology' | 'trust'
>

const DEFAULTS: Scene = { island: 0, settleSeconds: 180, startWithinMs: 2_000, messagesPerMinute: 12 }

const NAMES: Readonly<Record<keyof Scene, true>> = {
  peers: true, only: true, seconds: true, seed: true, island: true, faults: true, schedule: true, settleSeconds: true, healedPercent: true,
  startWithinMs: true, messagesPerMinute: true, topology: true, trust: true
}

/** The first name in it that no scene has. */
export function strangeIn(scene: object): string | undefined {
  return Object.keys(scene).find(name => !Object.hasOwn(NAMES, name))
}

/** The plain part of a run's options, without what is as it is by default. */
export function sceneOf(options: SimulateOptions): Scene {
  const { peers, seconds, seed, island, settleSeconds, healedPercent, startWithinMs, messagesPerMinute, faults, topology } = planOf(options)
  const scene: Scene = {
    peers, ...(options.only && { only: options.only }), seconds, seed, island, settleSeconds, healedPercent, startWithinMs,
    // Where there is a list of what happens, nothing is drawn at that rate.
    ...(options.schedule === undefined && { messagesPerMinute }),
    faults: differing(faults, noFaults) as FaultOptions,
    topology: differing(topology, defaultTopology),
    ...(options.schedule && { schedule: options.schedule }),
    ...(options.trust && { trust: options.trust })
  }
  return Object.fromEntries(Object.entries(scene).filter(([name, value]) =>
    value !== DEFAULTS[name as keyof Scene] && !(name === 'topology' && Object.keys(value as object).length === 0)))
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
