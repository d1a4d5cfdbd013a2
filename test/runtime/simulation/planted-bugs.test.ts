import { describe, expect, it } from '@jest/globals'
import type { Driver, DriverContext, DriverFactory } from '../../../actors/seam/index.ts'
import { simulatedDrivers, SimulatedHost, type SimulatedDrivers } from '../../../actors/simulated/index.ts'
import { Level, SetGate, type Envelope } from '../../../proto/index.ts'
import { simulate, Simulation, usualFaults, type SimulateOptions } from '../../../runtime/simulation/index.ts'

type Change = (context: DriverContext, envelope: Envelope, driver: Driver) => boolean

/** A driver with a bug: where `wrong` returns true, the real one does not get the message. */
const buggy = (kind: string, name: string, wrong: Change): SimulatedDrivers => {
  const factory = simulatedDrivers[kind]![name] as DriverFactory
  return {
    [kind]: {
      ...simulatedDrivers[kind],
      [name]: context => {
        const driver = factory(context)
        return {
          receive: envelope => {
            if (!wrong(context, envelope, driver)) driver.receive(envelope)
          },
          stop: () => driver.stop?.()
        }
      }
    }
  }
}

async function found(options: SimulateOptions): Promise<Set<string>> {
  const { violations } = await simulate({ peers: 4, seconds: 20, seed: 1, settleSeconds: 40, faults: { lossPercent: 1 }, ...options })
  return new Set(violations.map(({ invariant }) => invariant))
}

describe('a bug that is put in on purpose', () => {
  it('that lets messages pass before they may is found', async () => {
    const drivers = buggy('peer-connection', 'link', (_context, envelope, driver) => {
      if (!(envelope.body instanceof SetGate) || envelope.body.level !== Level.LEVEL_IDENTIFIED) return false
      driver.receive({ ...envelope, body: new SetGate({ ...envelope.body, level: Level.LEVEL_ENHANCED }) } as Envelope)
      return true
    })
    expect(await found({ drivers })).toContain('level-gating')
  })

  it('that forgets to close a link is found', async () => {
    const open = buggy('peer-connection', 'link', (_context, { type }) => type === 'CloseLink' || type === 'Disconnect' || type === 'SendPing')
    expect(await found({ drivers: { 'peer-connection': { link: context => ({ receive: open['peer-connection']!['link']!(context).receive }) } } })).toContain('nothing-left')
  })

  it('that leaves a timer behind is found', async () => {
    const drivers = buggy('listener', 'tcp', context => {
      context.services.get(SimulatedHost).after(3_600_000, () => {})
      return false
    })
    expect(await found({ drivers })).toContain('nothing-left')
  })

  it('that never listens is found', async () => {
    expect(await found({ drivers: buggy('listener', 'tcp', (_context, { type }) => type === 'ListenAt') })).toContain('convergence')
  })

  it('that throws is found', async () => {
    const drivers = buggy('broadcaster', 'udp', (_context, { type }) => {
      if (type === 'SendAnswer') throw new Error('planted')
      return false
    })
    expect(await found({ drivers })).toContain('no-failures')
  })

  it('that depends on something besides the log is found by the replay', async () => {
    let lives = 0
    const drivers = { ...simulatedDrivers }
    const simulation = new Simulation({ peers: 2, seed: 1, drivers, replayed: 2 })
    simulation.runFor(5_000)
    // What was recorded is changed: the twin of a log that was tampered with.
    for (const peer of simulation.peers) peer.crash('exit')
    for (const { recording } of simulation.recordings) {
      const input = recording.entries.find(({ kind }) => kind === 'input')
      if (input?.kind === 'input') Object.assign(input.envelope, { time: input.envelope.time + 1 })
      lives++
    }
    for (const _name of simulation.replays());
    expect(lives).toBe(2)
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
