import { afterAll, describe, expect, it } from '@jest/globals'
import { simulatedDrivers } from '../../../actors/simulated/index.ts'
import { shrink, simulate, Simulation, usualFaults, type SimulateOptions } from '../../../runtime/simulation/index.ts'
import { plantedBugs } from './bugs.ts'

/** A person reads as many. */
const MESSAGES_MAX = 200

describe('a bug that is put in on purpose', () => {
  const told: string[] = []
  afterAll(() => console.log(told.join('\n')))

  it.each(plantedBugs)('in a peer that $name is found, and shrunk to a few messages', async ({ name, invariant, scene, plant }) => {
    expect((await simulate(scene)).violations).toEqual([])
    const options = { ...scene, ...plant }
    const { violations } = await simulate(options)
    expect(violations.map(each => each.invariant)).toContain(invariant)
    const { violation, story, runs, options: small } = await shrink({ options, invariant })
    told.push(`${name}: ${invariant}, ${story.messages} messages in ${story.lines.length} lines (${story.happened} with what came again), ${small.only?.length ?? small.peers} peers, ${small.seconds} s, ${runs} runs`)
    expect(violation.invariant).toBe(invariant)
    expect(story.lines.length).toBeLessThan(MESSAGES_MAX)
    expect(story.happened).toBeLessThan(MESSAGES_MAX)
    expect(small.only?.length ?? small.peers).toBeLessThanOrEqual(scene.peers ?? 8)
    expect(story.lines.at(-1)!.what).toBe(`${invariant}: ${violation.message}`)
    const again = await simulate(small)
    expect(again.violations).toContainEqual(violation)
  }, 180_000)

  it('that depends on something besides the log is found by the replay', () => {
    const simulation = new Simulation({ peers: 2, seed: 1, drivers: { ...simulatedDrivers }, replayed: 2 })
    simulation.runFor(5_000)
    // What was recorded is changed: the twin of a log that was tampered with.
    for (const peer of simulation.peers) peer.crash('exit')
    for (const { recording } of simulation.recordings) {
      const input = recording.entries.find(({ kind }) => kind === 'input')
      if (input?.kind === 'input') Object.assign(input.envelope, { time: input.envelope.time + 1 })
    }
    expect(simulation.recordings).toHaveLength(2)
    for (const _name of simulation.replays());
    expect(simulation.violations.map(({ invariant }) => invariant)).toEqual(['replay', 'replay'])
  })
})

describe('what a simulated machine suffers', () => {
  const pair = (options: SimulateOptions = {}) => {
    const simulation = new Simulation({ peers: 2, seed: 6, messagesPerMinute: 0, ...options })
    simulation.runFor(10_000)
    const [ann, bob] = simulation.peers
    expect([ann!.pairs.size, bob!.pairs.size]).toEqual([1, 1])
    return { simulation, ann: ann!, bob: bob! }
  }

  it('lost power is noticed by the keep-alive, a killed process at once', () => {
    const lost = pair()
    lost.bob.crash('power')
    lost.simulation.runFor(1_000)
    expect(lost.ann.pairs.size).toBe(1)
    lost.simulation.runFor(10_000)
    expect(lost.ann.pairs.size).toBe(0)
    const killed = pair()
    killed.bob.crash('exit')
    killed.simulation.runFor(100)
    expect(killed.ann.pairs.size).toBe(0)
  })

  it('a cut that lets one direction through breaks a link on both sides, and it comes back', () => {
    const { simulation, ann, bob } = pair()
    const cut = { sides: Uint8Array.of(0, 1), oneWay: true }
    simulation.network.partitions.add(cut)
    simulation.runFor(15_000)
    expect([ann.pairs.size, bob.pairs.size]).toEqual([0, 0])
    simulation.network.partitions.delete(cut)
    simulation.runFor(60_000)
    expect([ann.pairs.size, bob.pairs.size]).toEqual([1, 1])
  })

  it('a short pause breaks nothing', () => {
    const { simulation, ann, bob } = pair()
    bob.machine.pause()
    simulation.runFor(4_000)
    bob.machine.resume()
    simulation.runFor(10_000)
    expect([ann.pairs.size, bob.pairs.size]).toEqual([1, 1])
    expect(simulation.network.stats.streams).toBe(1)
  })

  it('what was not synced is lost with the power, and only then', () => {
    const { ann } = pair()
    const { disk } = ann.machine
    disk.write('kept', Uint8Array.of(1))
    disk.sync('kept')
    disk.write('kept', Uint8Array.of(2))
    for (let i = 0; i < 64; i++) disk.write(`loose ${i}`, Uint8Array.of(i))
    ann.crash('exit')
    expect(disk.list().length).toBeGreaterThanOrEqual(65)
    ann.start()
    ann.crash('power')
    expect(disk.list().length).toBeLessThan(60)
    expect(disk.read('kept')).toBeDefined()
  })

  it('a run with every fault ends well', async () => {
    const { violations, stats } = await simulate({ peers: 6, seconds: 60, seed: 11, faults: usualFaults })
    expect(violations).toEqual([])
    expect(stats.settledAfterMs).toBeDefined()
  })
})
