import type { Faults } from './faults.ts'
import { islandsOf, planOf, type Plan, type SimulateOptions } from './options.ts'
import { Random, seedOf } from './random.ts'
import { numberedFrom, type ScheduledEvent, type ToOne } from './scheduled-event.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** Merges sequences that are in order of time; of one time the first sequence's come first. */
export function* inOrder(sequences: readonly Iterable<ScheduledEvent>[]): Generator<ScheduledEvent> {
  const waiting = sequences.map(sequence => sequence[Symbol.iterator]())
  const heads = waiting.map(each => each.next().value as ScheduledEvent | undefined)
  for (;;) {
    let first = -1
    for (const [index, head] of heads.entries()) if (head !== undefined && (first < 0 || head.atMs < heads[first]!.atMs)) first = index
    if (first < 0) return
    yield heads[first]!
    heads[first] = waiting[first]!.next().value
  }
}

function* drawn(random: Random, meanMs: number, draw: (atMs: number) => ScheduledEvent): Generator<ScheduledEvent> {
  if (!Number.isFinite(meanMs)) return
  for (let at = 0; ;) {
    at += random.spread({ min: 0, mean: meanMs, max: meanMs * 20 })
    yield draw(Math.ceil(at))
  }
}

type Drawn = Pick<Plan, 'seed' | 'island' | 'peers' | 'faults' | 'ownFaults' | 'messagesPerMinute' | 'schedule'>

/** What goes wrong in a run, in order of time and without end: each kind from a stream of its own, so that none depends on another. */
export function troublesOf(plan: Drawn): Iterable<ScheduledEvent> {
  if (plan.schedule !== undefined) return plan.schedule.filter(event => event.do !== 'say').sort(byTime)
  const { peers, faults, ownFaults } = plan
  const { partition, flap, resetsPerPeerHour, clock, crash } = faults
  const each = (name: string, perPeerHour: number, draw: (random: Random, one: ToOne) => ScheduledEvent): Generator<ScheduledEvent> => {
    const random = new Random(seedOf(plan, `fault ${name}`))
    return drawn(random, HOUR_MS / (perPeerHour * peers), atMs => draw(random, { atMs, peer: random.below(peers) }))
  }
  const lasting = (random: Random, { ms }: Pick<Faults['clog'], 'ms'>): { ms: number } => ({ ms: Math.ceil(random.spread(ms)) })
  const simple = (name: 'clog' | 'restart' | 'pause'): Generator<ScheduledEvent> =>
    each(name, faults[name].perPeerHour, (random, one) => ({ ...one, do: name, ...lasting(random, faults[name]) }))
  const cuts = new Random(seedOf(plan, 'fault partition'))
  return inOrder([
    simple('clog'),
    drawn(cuts, MINUTE_MS / partition.perMinute, atMs => {
      const alone = cuts.percent(partition.isolatePercent) ? cuts.below(peers) : undefined
      const away = Array.from({ length: peers }, (_, index) => index).filter(index => alone === undefined ? cuts.below(2) === 1 : index === alone)
      return { atMs, do: 'partition', away, oneWay: cuts.percent(partition.oneWayPercent), ...lasting(cuts, partition) }
    }),
    each('flap', flap.perPeerHour, (random, one) => ({ ...one, do: 'flap', nic: random.below(2), ...lasting(random, flap) })),
    each('reset', resetsPerPeerHour, (random, one) => ({ ...one, do: 'reset', stream: random.below(1_000) })),
    each('clock-step', clock.stepsPerPeerHour, (random, one) => ({ ...one, do: 'clock-step', byMs: random.below(2 * clock.stepMs + 1) - clock.stepMs })),
    each('crash', crash.perPeerHour, (random, one) => ({ ...one, do: 'crash', power: random.percent(crash.powerPercent), ...lasting(random, crash) })),
    simple('restart'),
    simple('pause'),
    ...ownFaults.map(({ name, perPeerHour, ms }) => each(name, perPeerHour, (random, one) => ({ ...one, do: name, ...lasting(random, { ms: ms ?? { min: 0, mean: 0, max: 0 } }) })))
  ])
}

/** The text messages of a run, in order of time and without end. */
export function saysOf(plan: Drawn): Iterable<ScheduledEvent> {
  if (plan.schedule !== undefined) return plan.schedule.filter(event => event.do === 'say').sort(byTime)
  const { peers, messagesPerMinute } = plan
  const random = new Random(seedOf(plan, 'workload'))
  return drawn(random, MINUTE_MS / (messagesPerMinute * peers), atMs => ({ atMs, do: 'say', peer: random.below(peers), to: random.below(peers) }))
}

/**
 * All that a run draws from its seed, as a list: what goes wrong until the faults end, and what is said until the bound to be
 * well. Given to the same run as its `schedule`, it changes nothing.
 * @throws SimulationOptionError, FaultOptionError
 */
export function scheduleOf(options: SimulateOptions): ScheduledEvent[] {
  const islands = islandsOf(options)
  if (islands.length > 1) {
    const { peersPerSubnet } = planOf(options).topology
    return [...inOrder(islands.map((island, number) => scheduleOf(island).map(event => numberedFrom(event, number * peersPerSubnet))))]
  }
  const plan = planOf(options)
  const until = (events: Iterable<ScheduledEvent>, endMs: number): ScheduledEvent[] => {
    const list: ScheduledEvent[] = []
    for (const event of events) {
      if (event.atMs >= endMs) break
      list.push(event)
    }
    return list
  }
  const faultsEndMs = plan.seconds * 1_000
  return [...inOrder([until(troublesOf(plan), faultsEndMs), until(saysOf(plan), faultsEndMs + plan.settleSeconds * 1_000)])]
}

function byTime(a: ScheduledEvent, b: ScheduledEvent): number {
  return a.atMs - b.atMs
}
