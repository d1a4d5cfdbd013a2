import { describe, expect, it } from '@jest/globals'
import { scheduleOf, simulate, Simulation, SimulationOptionError, usualFaults, type OwnFault, type ScheduledEvent } from '../../../runtime/simulation/index.ts'

const options = { peers: 6, seconds: 30, seed: 3, faults: { ...usualFaults, crash: { perPeerHour: 60 }, pause: { perPeerHour: 60 }, flap: { perPeerHour: 60 } } }

describe('the schedule of a run', () => {
  const schedule = scheduleOf(options)

  it('is what the run draws from its seed: given back to it, it changes nothing', async () => {
    expect(new Set(schedule.map(event => event.do)).size).toBeGreaterThan(4)
    expect((await simulate({ ...options, schedule: JSON.parse(JSON.stringify(schedule)) })).digest).toBe((await simulate(options)).digest)
  })

  it('is that of all subnets where there are several', async () => {
    const several = { ...options, seconds: 10, settleSeconds: 60, topology: { peersPerSubnet: 3 } }
    const whole = scheduleOf(several)
    expect(new Set(whole.flatMap(event => event.do === 'partition' ? event.away : [event.peer]))).toEqual(new Set([0, 1, 2, 3, 4, 5]))
    const [drawn, given] = [await simulate(several), await simulate({ ...several, schedule: whole })]
    expect([given.digest, given.stats.faults]).toEqual([drawn.digest, drawn.stats.faults])
    const crash: ScheduledEvent = { atMs: 4_000, do: 'crash', peer: 4, power: false, ms: 1_000 }
    const { stats, violations } = await simulate({ ...several, faults: {}, schedule: [crash], only: [0, 3, 4] })
    expect([stats.lives, stats.faults, violations]).toEqual([4, { crash: 1 }, []])
  })

  it('can be pruned: what is left happens as before', () => {
    const done = (events: readonly ScheduledEvent[]): Record<string, number> => {
      const simulation = new Simulation({ ...options, schedule: events })
      simulation.adversary.begin()
      simulation.runFor(30_000)
      return simulation.adversary.doings
    }
    const all = done(schedule)
    const cuts = schedule.filter(event => event.do === 'partition')
    expect(all['partition']).toBe(cuts.length)
    expect(done(cuts)).toEqual({ partition: cuts.length })
  })

  it('draws each kind of fault by itself', () => {
    const of = (faults: typeof options.faults): ScheduledEvent[] => scheduleOf({ ...options, faults }).filter(event => event.do === 'crash' || event.do === 'say')
    expect(of({ ...options.faults, pause: { ...usualFaults.pause, perPeerHour: 0 }, partition: { ...usualFaults.partition, perMinute: 0 } })).toEqual(of(options.faults))
  })

  it('of which an event cannot be is refused, with its place and what it takes', () => {
    const run = (event: object) => () => new Simulation({ schedule: [event as ScheduledEvent] })
    expect(run({ atMs: 1, do: 'explode', peer: 0 })).toThrow(SimulationOptionError)
    expect(run({ atMs: 1, do: 'explode', peer: 0 })).toThrow("schedule[0] does 'explode': it can do say, clog")
    expect(run({ atMs: 1, do: 'pause', peer: 0 })).toThrow('schedule[0].ms is undefined: give a whole number')
    expect(run({ atMs: -1, do: 'say', peer: 0, to: 1 })).toThrow('schedule[0].atMs is -1')
    expect(run({ atMs: 1, do: 'partition', ms: 5 })).toThrow('schedule[0].away is no list')
    expect(run(null as never)).toThrow(SimulationOptionError)
  })
})

describe('a run of some of the peers', () => {
  it('is as if the others were not there, and those that are have the same identity and place', async () => {
    const all = new Simulation({ peers: 4, seed: 2 })
    const some = new Simulation({ peers: 4, seed: 2, only: [1, 3] })
    some.runFor(10_000)
    const names = some.peers.map(({ name, peerId, machine }) => [name, peerId, machine.nics[0]!.address])
    expect(names).toEqual([1, 3].map(at => all.peers[at]!).map(({ name, peerId, machine }) => [name, peerId, machine.nics[0]!.address]))
    expect(some.peers.map(({ pairs }) => pairs.size)).toEqual([1, 1])
    expect((await simulate({ ...options, only: [0, 2, 5] })).violations).toEqual([])
    expect(() => new Simulation({ peers: 2, only: [2] })).toThrow('only is 2: give a whole number from 0 to 1')
  })
})

describe('a fault of the host program', () => {
  it('strikes as often as it says, and ends with the others', async () => {
    const struck: string[] = []
    let lasting = 0
    const full: OwnFault = {
      name: 'disk/full', perPeerHour: 240, ms: { min: 1_000, mean: 1_000_000, max: 1_000_000 },
      begin: peer => {
        struck.push(peer.name)
        lasting++
      },
      end: () => void lasting--
    }
    const { stats, violations } = await simulate({ peers: 4, seconds: 30, seed: 1, ownFaults: [full] })
    expect(struck.length).toBeGreaterThan(2)
    expect(stats.faults).toEqual({ 'disk/full': struck.length })
    expect([lasting, violations]).toEqual([0, []])
  })
})
