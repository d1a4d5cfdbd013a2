import { describe, expect, it } from '@jest/globals'
import {
  Initiator, Level, LinkAdmitted, RevokeTrust, StepPassed, StepPending, StepRefused, SpawnFailed, Terminated, TrustWithdrawn, VerificationHeld, Verified, VerifyAgain, VerifyPeer
} from '../../../proto/index.ts'
import { ConnectionRun, identify, KEEPER, LINK } from '../connection-run.ts'

const ASK = 'verify-ask/one'
const asking = () => {
  const run = new ConnectionRun({ steps: ['verify-ask'] }).upTo('verifying')
  run.hear(new StepPending({ step: 'ask', reason: 'hm' }), ASK)
  return run
}

describe('a step that waits for a decision', () => {
  it('is told to both sides, and counts against a time of its own', () => {
    const run = asking()
    expect(run.rung).toBe('pending')
    expect(run.take()).toMatchObject([
      { to: LINK, type: 'VerificationHeld', body: { step: 'ask', reason: 'hm', forMs: 300_000 } },
      { to: '', type: 'PeerPending', body: { peerId: 'bea', step: 'ask', initiator: Initiator.INITIATOR_SELF } }
    ])
    for (let ms = 0; ms < 295_000; ms += 5_000) {
      run.pass(5_000)
      run.pong(run.context.pingId as number, 500)
    }
    expect(run.rung).toBe('pending')
    run.pass(5_000)
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'pending-timeout', step: 'ask' } }])
  })

  it('passes, refuses, or breaks down as any other', () => {
    const passed = asking().remote(new VerificationHeld({ step: 'ask', forMs: 1_000 }))
    passed.hear(new StepPassed({ step: 'ask' }), ASK)
    expect(passed.rung).toBe('basic')
    const both = asking().remote(new Verified())
    both.hear(new StepPassed({ step: 'ask' }), ASK)
    expect(both.rung).toBe('enhanced')
    const next = new ConnectionRun({ steps: ['verify-ask', 'verify-pings'] }).upTo('verifying')
    next.hear(new StepPending({ step: 'ask' }), ASK)
    next.hear(new StepPassed({ step: 'ask' }), ASK)
    expect([next.rung, next.context.step]).toEqual(['verifying', 'verify-pings/one'])
    const refused = asking()
    refused.hear(new StepRefused({ step: 'ask', code: 'not-approved', reason: 'no' }), ASK)
    expect(refused.of('Disconnect')).toMatchObject([{ body: { code: 'not-approved', reason: 'no', step: 'ask' } }])
    const broken = asking()
    broken.hear(new Terminated({ address: ASK, failed: true }), 'system')
    expect(broken.of('LinkEnded')).toMatchObject([{ body: { code: 'step-failed', step: 'ask' } }])
    const unknown = asking()
    unknown.hear(new SpawnFailed({ kind: 'verify-ask', id: 'one' }), 'system')
    expect(unknown.state).toBe('closing')
  })

  it('at the other side makes this side wait along, no longer than it wants to', () => {
    for (const [held, at] of [['verifying', 30_000], ['basic', 70_000]] as const) {
      const run = new ConnectionRun({ keepAliveIntervalMs: 1_000_000 }).upTo(held).remote(new VerificationHeld({ step: 'ask', forMs: 120_000 }))
      expect(run.of('PeerPending')).toMatchObject([{ body: { step: 'ask', initiator: Initiator.INITIATOR_REMOTE } }])
      run.pass(at)
      expect(run.rung).toBe(held)
      run.pass(140_000 - at)
      expect(run.of('Disconnect')).toMatchObject([{ body: { code: held === 'basic' ? 'enhance-timeout' : 'pending-timeout' } }])
    }
    const early = new ConnectionRun().upTo('admitting').remote(new VerificationHeld({ step: 'ask', forMs: 1e12 }))
    expect(early.context.heldMs).toBe(320_000)
  })
})

describe('the steps of both sides', () => {
  it('run in one order, and what only the other side demands is done without counting', () => {
    const run = new ConnectionRun({ answers: ['verify-secret'] }).upTo('identifying')
    run.remote(identify({ demands: ['secret'] }))
    expect(run.context.plan).toEqual(['verify-pings', 'verify-secret'])
    const own = new ConnectionRun({ steps: ['verify-secret'], answers: ['verify-secret'] }).upTo('securing')
    own.secured()
    expect(own.of('Identify')).toMatchObject([{ body: { demands: ['secret'] } }])
  })

  it('are refused where one cannot take part in what the other demands', () => {
    const run = new ConnectionRun().upTo('identifying').remote(identify({ demands: ['secret'] }))
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'steps-differ', step: 'secret', reason: "one side demands the step 'secret', in which the other cannot take part" } }])
  })

  it('refuse at once where one breaks down', () => {
    const run = new ConnectionRun().upTo('verifying')
    run.hear(new Terminated({ address: 'verify-pings/one', failed: true }), 'system')
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'step-failed', step: 'pings' } }])
  })
})

describe('trust', () => {
  it('that we withdraw shuts the gate before anybody is told', () => {
    for (const rung of ['basic', 'enhanced'] as const) {
      const run = new ConnectionRun().upTo(rung).keeper(new RevokeTrust({ peerId: 'bea', reason: 'hm' }))
      expect(run.rung).toBe('withdrawn')
      expect(run.take()).toMatchObject([
        { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_IDENTIFIED, step: '' } },
        { to: LINK, type: 'TrustWithdrawn', body: { reason: 'hm' } },
        { to: KEEPER, type: 'TrustRevoked', body: { peerId: 'bea', reason: 'hm', initiator: Initiator.INITIATOR_SELF } }
      ])
    }
  })

  it('that the other side withdraws does the same without an answer', () => {
    for (const rung of ['basic', 'enhanced'] as const) {
      const run = new ConnectionRun().upTo(rung).remote(new TrustWithdrawn({ reason: 'hm' }))
      expect(run.types()).toEqual(['SetGate', 'TrustRevoked'])
    }
  })

  it('comes back when either side wants the steps run anew', () => {
    const ours = new ConnectionRun().upTo('enhanced').keeper(new RevokeTrust({ peerId: 'bea' }))
    ours.take()
    ours.keeper(new VerifyPeer({ peerId: 'bea' }))
    expect(ours.types()).toEqual(['VerifyAgain', 'SetGate', 'SpawnActor'])
    ours.hear(new StepPassed({ step: 'pings' }), 'verify-pings/one')
    ours.remote(new Verified({ steps: ['pings'] }))
    expect(ours.rung).toBe('enhanced')
    const theirs = new ConnectionRun().upTo('enhanced').remote(new TrustWithdrawn())
    theirs.take()
    theirs.remote(new VerifyAgain())
    expect(theirs.types()).toEqual(['SetGate', 'SpawnActor'])
    for (const wish of [new VerifyPeer({ peerId: 'bea' }), new VerifyAgain()]) {
      const open = new ConnectionRun({ steps: [] }).upTo('admitting')
      open.keeper(new LinkAdmitted()).keeper(new RevokeTrust({ peerId: 'bea' })).remote(wish)
      expect(open.rung).toBe('basic')
    }
  })
})

it('what comes too late for a connection is passed over', () => {
  const run = new ConnectionRun().upTo('basic').closed()
  const late = [
    new StepPending({ step: 'pings' }), new Terminated({ address: 'verify-pings/one' }), new VerificationHeld(), new TrustWithdrawn(), new VerifyAgain(),
    new RevokeTrust({ peerId: 'bea' }), new VerifyPeer({ peerId: 'bea' })
  ]
  run.take()
  for (const body of late) run.hear(body)
  expect(run.take()).toEqual([])
})
