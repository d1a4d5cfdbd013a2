import { describe, expect, it } from '@jest/globals'
import { verifyPingsMachine } from '../../machines/verify-pings.ts'
import { PongReceived } from '../../proto/index.ts'
import { MachineRun } from '../support/machine-run.ts'
import { TransitionCoverage } from '../support/transition-coverage.ts'

const LINK = 'peer-connection/one#link'
const coverage = new TransitionCoverage(verifyPingsMachine)

function step(options: object = {}): MachineRun {
  const input = { address: 'verify-pings/one', parent: 'peer-connection/one', options: { link: LINK, peerId: 'bea', ...options } }
  const run = new MachineRun(verifyPingsMachine, input)
  coverage.watch(run.actor)
  return run
}

describe('verification by pings', () => {
  it('passes when three pings were answered, one after another, and tells the quickest', () => {
    const run = step()
    for (const [id, rttUs] of [[1, 900], [2, 400], [3, 700]] as const) {
      expect(run.take()).toMatchObject([{ to: LINK, type: 'SendPing', body: { id } }])
      run.hear(new PongReceived({ id, rttUs }), LINK)
    }
    expect(run.done).toBe(true)
    expect(run.take()).toMatchObject([
      { to: '', type: 'PeerRtt', body: { peerId: 'bea', rttUs: 400 } },
      { to: 'peer-connection/one', type: 'StepPassed', body: { step: 'pings' } }
    ])
    expect(run.clock.size).toBe(0)
  })

  it('refuses when an answer takes longer than 5 seconds, and says which', () => {
    const run = step()
    run.hear(new PongReceived({ id: 1, rttUs: 900 }), LINK)
    run.pass(4_999)
    expect(run.done).toBe(false)
    run.pass(1)
    expect(run.of('StepRefused')).toMatchObject([{ to: 'peer-connection/one', body: { step: 'pings', code: 'ping-timeout', reason: 'ping 2 of 3 was not answered within 5000 ms' } }])
    expect(run.done).toBe(true)
  })

  it('does not count an answer twice, nor one to a ping that was not sent', () => {
    const run = step()
    run.hear(new PongReceived({ id: 1, rttUs: 1 }), LINK)
    for (const id of [1, 3, 0]) expect(run.actor.getSnapshot().can({ type: 'PongReceived', body: new PongReceived({ id }) })).toBe(false)
    expect(run.context.sent).toBe(2)
  })

  it('counts as the host program wishes', () => {
    const run = step({ count: 1 })
    run.hear(new PongReceived({ id: 1, rttUs: 1 }), LINK)
    expect(run.of('StepPassed')).toHaveLength(1)
  })

  it('has no transition without a test', () => {
    expect(coverage.missing()).toEqual([])
  })
})
