import { describe, expect, it } from '@jest/globals'
import { verifyPingsMachine } from '../../machines/verify-pings.ts'
import { PongReceived } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const LINK = 'peer-connection/one#link'
const coverage = new TransitionCoverage(verifyPingsMachine)

function step(options: object = {}): MachineRun {
  const input = { address: 'verify-pings/one', parent: 'peer-connection/one', options: { link: LINK, peerId: 'bea', ...options } }
  const run = new MachineRun(verifyPingsMachine, input)
  coverage.watch(run.actor)
  return run
}

describe('verification by pings', () => {
  it('passes when three pings were answered, and tells the quickest', () => {
    const run = step()
    expect(run.take()).toMatchObject([{ to: LINK, type: 'SendPing', body: { count: 3 } }])
    run.hear(new PongReceived({ rttUs: 400 }), LINK)
    expect(run.done).toBe(true)
    expect(run.take()).toMatchObject([
      { to: '', type: 'PeerRtt', body: { peerId: 'bea', rttUs: 400 } },
      { to: 'peer-connection/one', type: 'StepPassed', body: { step: 'pings' } }
    ])
    expect(run.clock.size).toBe(0)
  })

  it('refuses when the answers take longer than 5 seconds, and says so', () => {
    const run = step()
    run.pass(4_999)
    expect(run.done).toBe(false)
    run.pass(1)
    expect(run.of('StepRefused')).toMatchObject([{ to: 'peer-connection/one', body: { step: 'pings', code: 'ping-timeout', reason: '3 pings were not answered within 5000 ms' } }])
    expect(run.done).toBe(true)
  })

  it('counts as the host program wishes', () => {
    expect(step({ count: 1 }).take()).toMatchObject([{ type: 'SendPing', body: { count: 1 } }])
  })

  it('has no transition without a test', () => {
    expect(coverage.missing()).toEqual([])
  })
})
