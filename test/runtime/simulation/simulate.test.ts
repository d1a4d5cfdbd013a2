import { describe, expect, it } from '@jest/globals'
import {
  islandsOf, NoSimulatedDriverError, resultOf, simulate, simulateIsland, Simulation, SimulationOptionError, usualFaults, type Invariant, type SimulateOptions
} from '../../../runtime/simulation/index.ts'
import { linkKeeperDefinition } from '../../../actors/link-keeper/index.ts'
import { SimulatedHost } from '../../../actors/simulated/index.ts'
import { publish } from '../../../machines/publish.ts'
import { ShareFile, TextMessage } from '../../../proto/index.ts'
import { setup } from 'xstate'
import { discoveryChannel } from '../../../actors/lan/discovery-channel.ts'
import { defineActor } from '../../../actors/seam/index.ts'

const run = async (options: SimulateOptions) => {
  const result = await simulate(options)
  expect(result.violations).toEqual([])
  return result
}

describe('a simulated network', () => {
  it('lets two peers find, verify and message each other, and leaves nothing', async () => {
    const { stats } = await run({ peers: 2, seconds: 20, seed: 1 })
    expect(stats.streams).toBe(1)
    expect(stats.messages).toBeGreaterThan(0)
    expect(stats).toMatchObject({ settledAfterMs: 0, lives: 2, replayed: 2 })
  })

  it('gives the same digest for the same seed, and another for another', async () => {
    const options = { peers: 6, seconds: 20, faults: usualFaults, settleSeconds: 120 }
    const [first, again, other] = [await simulate({ ...options, seed: 7 }), await simulate({ ...options, seed: 7 }), await simulate({ ...options, seed: 8 })]
    expect(again.digest).toBe(first.digest)
    expect({ ...again.stats, wallMs: 0 }).toEqual({ ...first.stats, wallMs: 0 })
    expect(other.digest).not.toBe(first.digest)
  })

  it('links peers that hear each other, and no others', async () => {
    const simulation = new Simulation({ peers: 6, seed: 3, topology: { peersPerSubnet: 3 } })
    simulation.runFor(10_000)
    for (const peer of simulation.peers) {
      const heard = simulation.peers.filter(other => other !== peer && Math.floor(other.index / 3) === Math.floor(peer.index / 3))
      expect([...peer.pairs.keys()].sort()).toEqual(heard.map(({ peerId }) => peerId).sort())
    }
  })

  it('links a peer in two subnets with the peers of both', () => {
    const simulation = new Simulation({ peers: 4, seed: 3, topology: { peersPerSubnet: 2, multihomedPercent: 100 } })
    simulation.runFor(20_000)
    expect(simulation.peers.map(({ pairs }) => pairs.size)).toEqual([3, 3, 3, 3])
  })

  it('is the same whether subnets that nothing connects run together or apart', async () => {
    const options = { peers: 5, seconds: 5, seed: 4, topology: { peersPerSubnet: 2 } }
    const whole = await run(options)
    const apart = []
    for (const island of islandsOf(options)) apart.push(await simulateIsland(island))
    expect(apart).toHaveLength(3)
    expect(resultOf(options, apart, 0)).toMatchObject({ digest: whole.digest, peers: 5, stats: { ...whole.stats, wallMs: expect.any(Number) } })
  })

  it('runs the same where every message is encoded at every hop', async () => {
    const options = { peers: 4, seconds: 10, seed: 5 }
    expect((await run({ ...options, codec: 'always' })).digest).toBe((await run(options)).digest)
  })

  it('is well with as many links as peers may hold, whichever option says so', async () => {
    await run({ peers: 5, seconds: 5, seed: 1, peer: { maxLinks: 2 } })
    await run({ peers: 5, seconds: 5, seed: 1, peer: { tune: { 'link-keeper': { maxLinks: 2 } } } })
  })

  it('is held to the links of the local network that peers may hold, whichever option says so', () => {
    const bounds = [{ maxLanLinks: 4 }, { tune: { 'link-keeper': { maxLanLinks: 4 } } }, {}].map(peer => {
      const seen: unknown[] = []
      const looks: Invariant = { name: 'looks', check: ({ maxLinks, maxLanLinks }) => void seen.push(maxLinks, maxLanLinks) }
      new Simulation({ peers: 1, peer, invariants: [looks] }).runFor(1_000)
      return seen
    })
    expect(bounds).toEqual([[4, 4], [4, 4], [linkKeeperDefinition.options!.maxLinks, undefined]])
  })

  it('counts after a stop what a core still watches and who would still be told', () => {
    const simulation = new Simulation({ peers: 1, seed: 1 })
    simulation.runFor(3_000)
    const { system, bus } = simulation.peers[0]!.kernel!
    // What a kernel with a bug would leave.
    system.core.watches.add('host', 'ghost/main')
    bus.attach({ address: 'ghost/main', queued: 0, receive: () => {} }, ['Ping'])
    simulation.stop()
    simulation.runFor(10_000)
    expect(simulation.violations).toMatchObject([{ invariant: 'nothing-left', message: 'peer-0 stopped, and left 1 watches, 2 subscriptions' }])
  })

  it('takes no two invariants of one name, for a failure is known by it', () => {
    for (const name of ['discovery', 'replay']) {
      expect(() => new Simulation({ invariants: [() => ({ name })] })).toThrow(new SimulationOptionError(`invariants has a second '${name}': give it a name of its own`))
    }
    expect(() => new Simulation({ invariants: [{ name: 'mine' }, { name: 'mine' }] })).toThrow(SimulationOptionError)
  })

  it('may give each peer other actors, whose messages are known and whose logs replay', async () => {
    const server = defineActor({
      kind: 'server', listens: [ShareFile], drivers: { air: () => ({ receive: () => {} }) },
      machine: setup({}).createMachine({ on: { ShareFile: { actions: publish(() => ['host', new TextMessage({ text: 'served' })]) } } })
    })
    const actors = (index: number) => index === 2 ? [{ definition: server }] : []
    expect(() => new Simulation({ peers: 3, actors })).toThrow(/'air' of server is not simulated/)
    const heard: string[] = []
    const drivers: SimulateOptions['drivers'] = { server: { air: context => {
      context.services.get(SimulatedHost).after(1_000, () => context.publish(new ShareFile({ path: 'x' })))
      return { receive: () => {} }
    } } }
    const { stats } = await run({
      peers: 3, seconds: 5, seed: 1, actors, drivers,
      invariants: [{ name: 'served', output: (_view, peer, { from }) => { if (from === 'server/main') heard.push(peer.name) } }]
    })
    expect(heard).toEqual(['peer-2'])
    expect(stats.replayed).toBe(3)
  })

  it('says which driver nobody plays', () => {
    const definition = defineActor({ kind: 'radio', machine: discoveryChannel.machine, drivers: { air: () => ({ receive: () => {} }) } })
    const actors = () => [{ definition }]
    expect(() => new Simulation({ actors })).toThrow(NoSimulatedDriverError)
    expect(() => new Simulation({ actors })).toThrow(/'air' of radio is not simulated/)
    expect(() => new Simulation({ actors, drivers: { radio: { air: () => ({ receive: () => {} }) } } })).not.toThrow()
  })
})
