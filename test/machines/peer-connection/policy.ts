import { describe, expect, it } from '@jest/globals'
import { CloseRequested, Disconnect, Initiator, Level, LinkAdmitted, RevokeTrust, StepPassed, StepPending, TrustWithdrawn, Verified, VerifyPeer } from '../../../proto/index.ts'
import { ConnectionRun, LINK, STEP } from '../connection-run.ts'

describe('a blocked peer', () => {
  it('that answers at a place is told so as soon as TLS shows it', () => {
    const run = new ConnectionRun({ peerId: '', blocked: ['bea'] }).opened()
    run.take()
    run.secured()
    expect(run.take()).toMatchObject([
      { type: 'LinkEnded', body: { peerId: 'bea', code: 'blocked', initiator: Initiator.INITIATOR_SELF } },
      { type: 'Disconnect', to: LINK, body: { code: 'blocked' } }, { type: 'CloseLink' }
    ])
    expect(new ConnectionRun({ peerId: '', blocked: ['bea'] }).opened().secured({ peerId: 'cid' }).rung).toBe('identifying')
  })
})

describe('a connection that trusts first', () => {
  const early = () => {
    const run = new ConnectionRun({ enhancedBeforeTrust: true }).upTo('admitting')
    run.keeper(new LinkAdmitted())
    return run
  }

  it('lets everything pass once both sides do, says so, and verifies beside it', () => {
    const run = early()
    expect(run.rung).toBe('verifying')
    expect(run.take()).toMatchObject([
      { type: 'Verified', to: LINK }, { type: 'SetGate', body: { level: Level.LEVEL_BASIC, step: STEP } },
      { type: 'LinkLevelReached', body: { level: Level.LEVEL_BASIC } }, { type: 'SpawnActor' }
    ])
    expect(run.remote(new Verified()).take()).toMatchObject([{ type: 'SetGate', body: { level: Level.LEVEL_ENHANCED, step: STEP } }])
  })

  it('lets everything pass too while its own step waits for somebody who decides', () => {
    const run = early()
    run.hear(new StepPending({ step: 'pings' }), STEP)
    run.take()
    expect(run.rung).toBe('pending')
    expect(run.remote(new Verified()).take()).toMatchObject([{ type: 'SetGate', body: { level: Level.LEVEL_ENHANCED, step: STEP } }])
    expect(run.rung).toBe('pending')
  })

  it('counts as verified only when its steps are through, and says Verified once', () => {
    const basic = early()
    basic.take()
    basic.hear(new StepPassed({ step: 'pings' }), STEP)
    expect([basic.rung, basic.types()]).toEqual(['basic', ['SetGate', 'LinkLevelReached']])
    const enhanced = early().remote(new Verified())
    enhanced.take()
    enhanced.hear(new StepPassed({ step: 'pings' }), STEP)
    expect([enhanced.rung, enhanced.take()]).toMatchObject(['enhanced', [
      { type: 'SetGate', body: { level: Level.LEVEL_ENHANCED } }, { type: 'LinkLevelReached', body: { level: Level.LEVEL_ENHANCED, steps: ['pings'] } }
    ]])
  })

  it('falls at once when either side withdraws its trust, and trusts last from then on', () => {
    for (const [held, body] of [[false, new RevokeTrust({ peerId: 'bea' })], [false, new TrustWithdrawn()], [true, new RevokeTrust({ peerId: 'bea' })], [true, new TrustWithdrawn()]] as const) {
      const run = early()
      if (held) run.hear(new StepPending({ step: 'pings' }), STEP)
      run.take()
      run.hear(body, body instanceof TrustWithdrawn ? 'peer/bea' : 'link-keeper/main')
      expect([run.rung, run.context.step]).toEqual(['withdrawn', ''])
      const said = run.take()
      expect(said[0]).toMatchObject({ type: 'StopActor', body: { address: STEP } })
      expect(said.find(({ type }) => type === 'SetGate')).toMatchObject({ body: { level: Level.LEVEL_IDENTIFIED } })
      run.keeper(new VerifyPeer({ peerId: 'bea' }))
      expect(run.of('SetGate').at(-1)).toMatchObject({ body: { level: Level.LEVEL_IDENTIFIED } })
      run.hear(new StepPassed({ step: 'pings' }), run.context.step as string)
      expect([run.rung, run.of('Verified').length]).toEqual(['basic', 1])
    }
  })
})

describe('a connection that says nothing before trust', () => {
  const silent = () => new ConnectionRun({ silent: true })

  it('lets no message pass while only one side has verified the other', () => {
    const run = silent().upTo('verifying')
    run.hear(new StepPassed({ step: 'pings' }), STEP)
    expect([run.rung, run.take()]).toMatchObject(['basic', [
      { type: 'Verified' }, { type: 'SetGate', body: { level: Level.LEVEL_IDENTIFIED } }, { type: 'LinkLevelReached', body: { level: Level.LEVEL_IDENTIFIED } }
    ]])
    run.remote(new Verified())
    expect(run.take()).toMatchObject([{ type: 'SetGate', body: { level: Level.LEVEL_ENHANCED } }, { type: 'LinkLevelReached', body: { level: Level.LEVEL_ENHANCED } }])
  })

  it('neither says nor believes a goodbye before, and does after', () => {
    for (const rung of ['identifying', 'verifying', 'basic'] as const) {
      const told = silent().upTo(rung).remote(new Disconnect({ code: 'too-many-links', reason: 'go away', forMs: 60_000 }))
      expect(told.of('LinkEnded')).toMatchObject([{ body: { code: 'closed', initiator: Initiator.INITIATOR_REMOTE, forMs: 0 } }])
      const closed = silent().upTo(rung).keeper(new CloseRequested({ code: 'dropped' }))
      expect(closed.types()).toEqual(['LinkEnded', 'CloseLink'])
    }
    const enhanced = silent().upTo('enhanced')
    expect(enhanced.remote(new Disconnect({ code: 'shutdown' })).of('LinkEnded')).toMatchObject([{ body: { code: 'shutdown' } }])
    expect(silent().upTo('enhanced').keeper(new CloseRequested({ code: 'dropped' })).types()).toEqual(['LinkEnded', 'Disconnect', 'CloseLink'])
  })
})
