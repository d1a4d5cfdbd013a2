import { describe, expect, it } from '@jest/globals'
import { RevokeTrust, VerifyPeer } from '../../../proto/index.ts'
import { simulate, Simulation, usualFaults } from '../../../runtime/simulation/index.ts'

describe('twelve simulated peers that verify each other by every built-in step', () => {
  for (const seed of [1, 2, 3]) {
    it(`become well after faults, seed ${seed}`, async () => {
      const { violations, stats } = await simulate({
        peers: 12, seconds: 10, seed, faults: usualFaults, replayed: 2, trust: ['pings', 'allowlist', 'secret', 'authority', 'ask']
      })
      expect(violations).toEqual([])
      expect(stats.messages).toBeGreaterThan(0)
    }, 180_000)
  }
})

describe('trust in a simulated network', () => {
  it('falls on both sides when one withdraws it, and comes back by the steps', () => {
    const simulation = new Simulation({ peers: 3, seed: 5, trust: ['secret'] })
    simulation.runFor(10_000)
    const [one, two] = simulation.peers
    expect(one!.pairs.get(two!.peerId)).toBe('verified')
    one!.input(new RevokeTrust({ peerId: two!.peerId, reason: 'hm' }))
    simulation.runFor(2_000)
    expect([one!.pairs.has(two!.peerId), two!.pairs.has(one!.peerId)]).toEqual([false, false])
    two!.input(new VerifyPeer({ peerId: one!.peerId }))
    simulation.runFor(2_000)
    expect([one!.pairs.get(two!.peerId), two!.pairs.get(one!.peerId)]).toEqual(['verified', 'verified'])
    expect(simulation.violations).toEqual([])
  })
})
