import { describe, expect, it } from '@jest/globals'
import { DeadLetter, DriverCounts, LinkClosed, TextMessage } from '../../../proto/index.ts'
import { Simulation, type Invariant } from '../../../runtime/simulation/index.ts'

function network(options: Record<string, number>) {
  const texts: number[] = []
  const counted = new Map<string, number>()
  const closed: string[] = []
  const unsent: string[] = []
  const listener: Invariant = {
    name: 'listener',
    input(view, _peer, { body, from }) {
      if (body instanceof TextMessage && from.startsWith('peer/')) texts.push(view.nowMs)
      if (body instanceof DeadLetter) unsent.push(body.reason)
      if (body instanceof LinkClosed) closed.push(body.code)
      if (body instanceof DriverCounts) for (const { name, count } of body.counts) counted.set(name, (counted.get(name) ?? 0) + count)
    }
  }
  const simulation = new Simulation({ peers: 2, seed: 1, messagesPerMinute: 0, peer: { tune: { 'peer-connection': options } }, invariants: [listener] })
  simulation.runFor(6_000)
  const [ann, bob] = simulation.peers
  const say = (text: string): void => ann!.input(new TextMessage({ text }), `peer/${bob!.peerId}`)
  return { simulation, ann: ann!, texts, counted, closed, unsent, say }
}

describe('a simulated link, as a real one', () => {
  it('is read no faster than the bus is asked to take its messages', () => {
    const { simulation, texts, counted, say } = network({ busMessagesPerSecond: 10, busBurst: 20 })
    for (let i = 0; i < 100; i++) say(`${i}`)
    simulation.runFor(1_000)
    expect(texts.length).toBeGreaterThanOrEqual(20)
    expect(texts.length).toBeLessThanOrEqual(32)
    simulation.runFor(10_000)
    expect(texts).toHaveLength(100)
    expect(counted.get('bus-over-budget')).toBeGreaterThan(50)
    expect(simulation.violations).toEqual([])
  })

  it('ends when the other side takes nothing of what waits for it', () => {
    const { simulation, ann, closed, say } = network({ highWaterBytes: 1_000, stallMs: 2_000 })
    for (const nic of ann.machine.nics) nic.up = false
    say('x'.repeat(5_000))
    simulation.runFor(2_000)
    expect(closed).toEqual([])
    simulation.runFor(2_500)
    expect(closed).toEqual(['overloaded'])
  })

  it('takes no more than its bound for a side that takes nothing', () => {
    const { simulation, ann, unsent, say } = network({ maxQueuedBytes: 10_000 })
    for (const nic of ann.machine.nics) nic.up = false
    for (let i = 0; i < 20; i++) say('x'.repeat(1_000))
    // The link's own messages have a reserve; these have not.
    expect(unsent).toEqual(Array.from({ length: unsent.length }, () => 'link-full'))
    expect(unsent.length).toBeGreaterThanOrEqual(11)
    expect(unsent.length).toBeLessThan(20)
    expect(simulation.violations).toEqual([])
  })
})
