import { describe, expect, it } from '@jest/globals'
import { defaultPolicy, toPolicyValue, type Policy } from '../../../machines/policy.ts'
import { Endpoint, PeerConnected, PolicyChanged, PolicyValue, SetPolicy, type Envelope, type Message } from '../../../proto/index.ts'
import type { SimulationView } from '../../../runtime/simulation/invariant.ts'
import { blockedStayOut } from '../../../runtime/simulation/invariants/conduct.ts'
import { simulate, Simulation, usualFaults } from '../../../runtime/simulation/index.ts'

const blocking = (...blocked: string[]) => new SetPolicy({ policy: toPolicyValue({ ...defaultPolicy, blocked }) })

describe('policies in a simulated network', () => {
  it('keep out who is blocked while everything goes wrong, and let it in again', () => {
    const simulation = new Simulation({ peers: 6, seconds: 60, seed: 11, faults: { ...usualFaults, crash: { perPeerHour: 0 } } })
    simulation.runFor(3_000)
    const [ann, bob, cid] = simulation.peers
    ann!.input(blocking(bob!.peerId, ...cid!.machine.nics.map(({ address }) => address)), 'policy-keeper/main')
    simulation.runFor(40_000)
    expect([ann!, bob!, cid!].map(({ pairs }) => [ann!.peerId, bob!.peerId, cid!.peerId].filter(peerId => pairs.has(peerId)).length)).toEqual([0, 1, 1])
    ann!.input(blocking(), 'policy-keeper/main')
    simulation.runFor(120_000)
    expect([ann!.pairs.has(bob!.peerId), simulation.violations]).toEqual([true, []])
  }, 180_000)

  it('are seen to be broken where they are', () => {
    const { peers: [ann, bob] } = new Simulation({ peers: 2, seed: 3 })
    const invariant = blockedStayOut()
    const said: string[] = []
    const view = { peer: () => bob, violated: (message: string) => said.push(message) } as unknown as SimulationView
    const hear = (body: Message) => invariant.output!(view, ann!, { type: body.constructor.name, body } as unknown as Envelope)
    hear(new PeerConnected({ peerId: bob!.peerId, remote: new Endpoint({ host: '10.0.0.1' }) }))
    hear(new PolicyChanged({ policy: new PolicyValue({ blocked: [bob!.peerId, '10.0.0.0/8'] }) }))
    expect(said).toEqual([])
    hear(new PeerConnected({ peerId: bob!.peerId }))
    hear(new PeerConnected({ peerId: ann!.peerId, remote: new Endpoint({ host: '10.0.0.1' }) }))
    expect(said).toHaveLength(2)
  })

  it.each([{ enhancedBeforeTrust: true }, { communication: false }] as Partial<Policy>[])('leave a network well: %j', async policy => {
    const { violations } = await simulate({ peers: 5, seconds: 10, seed: 4, faults: usualFaults, peer: { policy } })
    expect(violations).toEqual([])
  }, 180_000)
})
