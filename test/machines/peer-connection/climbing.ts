import { describe, expect, it } from '@jest/globals'
import {
  Endpoint, EndpointsFound, Initiator, Level, LinkAdmitted, SpawnFailed, StepPassed, StepRefused, Verified
} from '../../../proto/index.ts'
import { ADDRESS, ConnectionRun, identify, KEEPER, LINK, STEP } from '../connection-run.ts'

const endpoint = (n: number) => ({ host: `192.0.2.${n}`, port: 4_000 })
const found = (...ns: number[]) => new EndpointsFound({ endpoints: ns.map(n => new Endpoint(endpoint(n))) })

describe('a link that is dialled', () => {
  it('climbs from dialing to enhanced, telling the driver, the other side and the keeper each rung', () => {
    const run = new ConnectionRun()
    expect(run.state).toEqual({ opening: 'dialing' })
    expect(run.take()).toMatchObject([{ to: LINK, type: 'DialEndpoint', body: { endpoint: endpoint(1), expectedPeerId: 'bea', attempt: 1 } }])
    run.opened()
    expect(run.state).toEqual({ opening: 'securing' })
    run.secured()
    expect(run.rung).toBe('identifying')
    expect(run.take()).toMatchObject([{ to: LINK, type: 'Identify', body: { versions: [1], dial: 101 } }])
    run.remote(identify())
    expect(run.rung).toBe('admitting')
    expect(run.take()).toMatchObject([
      { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_IDENTIFIED, peerId: 'bea', accepts: ['TextMessage'], maxFrameBytes: 1 << 22, step: STEP } },
      { to: KEEPER, type: 'LinkIdentified', body: { peerId: 'bea', name: 'Bea', linkId: 'l1', dial: 101, instance: { startedAt: 7 }, remote: endpoint(1) } }
    ])
    run.keeper(new LinkAdmitted())
    expect(run.rung).toBe('verifying')
    const [spawn, ...rest] = run.take()
    expect(rest).toEqual([])
    expect(spawn).toMatchObject({ to: 'system', type: 'SpawnActor', body: { kind: 'verify-pings', id: 'one' } })
    expect(JSON.parse((spawn!.body as unknown as { options: string }).options)).toEqual({ link: LINK, connection: ADDRESS, peerId: 'bea', linkId: 'l1', direction: 'out' })
    run.hear(new StepPassed({ step: 'pings' }), STEP)
    expect(run.rung).toBe('basic')
    expect(run.take()).toMatchObject([
      { to: LINK, type: 'Verified', body: { steps: ['pings'] } },
      { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_BASIC, accepts: [] } },
      { to: KEEPER, type: 'LinkLevelReached', body: { level: Level.LEVEL_BASIC, steps: ['pings'] } }
    ])
    run.remote(new Verified({ steps: ['pings'] }))
    expect(run.rung).toBe('enhanced')
    expect(run.take()).toMatchObject([
      { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_ENHANCED } },
      { to: KEEPER, type: 'LinkLevelReached', body: { level: Level.LEVEL_ENHANCED, steps: ['pings'] } }
    ])
  })

  it('is enhanced at once where the other side was verified first', () => {
    for (const rung of ['admitting', 'verifying'] as const) {
      const run = new ConnectionRun().upTo(rung).remote(new Verified({ steps: ['pings'] }))
      if (rung === 'admitting') run.keeper(new LinkAdmitted())
      run.take()
      run.hear(new StepPassed({ step: 'pings' }), STEP)
      expect(run.rung).toBe('enhanced')
      expect(run.take()).toMatchObject([
        { to: LINK, type: 'Verified', body: { steps: ['pings'] } },
        { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_ENHANCED } },
        { to: KEEPER, type: 'LinkLevelReached', body: { level: Level.LEVEL_ENHANCED, steps: ['pings'] } }
      ])
    }
  })

  it('is ready when TLS is told without a word of TCP', () => {
    expect(new ConnectionRun().secured().rung).toBe('identifying')
  })

  it('tries every place in turn and keeps a refusal as the reason', () => {
    const run = new ConnectionRun({ endpoints: [endpoint(1), endpoint(2), endpoint(3)] })
    run.failed('wrong-key').failed('dial-refused').failed('dial-unreachable')
    expect(run.of('DialEndpoint').map(({ body }) => body.endpoint)).toEqual([endpoint(1), endpoint(2), endpoint(3)])
    expect(run.of('LinkEnded')).toMatchObject([{ to: KEEPER, body: { code: 'wrong-key', peerId: 'bea', level: 0, initiator: Initiator.INITIATOR_NETWORK } }])
    expect(run.state).toBe('backoff')
  })

  it('gives each place 10 seconds for TCP and TLS together', () => {
    const run = new ConnectionRun({ endpoints: [endpoint(1), endpoint(2)] })
    run.pass(6_000)
    run.opened().pass(3_999)
    expect(run.state).toEqual({ opening: 'securing' })
    run.pass(1)
    expect(run.state).toEqual({ opening: 'dialing' })
    expect(run.of('AbortDial')).toMatchObject([{ body: { attempt: 1 } }])
    run.pass(10_000)
    expect(run.state).toBe('backoff')
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'dial-timeout' } }])
  })

  it('has no place to dial: it ends and says so', () => {
    const run = new ConnectionRun({ endpoints: [] })
    expect(run.done).toBe(true)
  })

  it('dials places that are found meanwhile, after those it knows', () => {
    const run = new ConnectionRun()
    run.keeper(found(1, 2)).failed().failed()
    expect(run.of('DialEndpoint').map(({ body }) => body.endpoint)).toEqual([endpoint(1), endpoint(2)])
  })

  it('does not take another peer for the expected one', () => {
    const run = new ConnectionRun().opened().secured({ peerId: 'eve' })
    expect(run.state).toBe('closing')
    run.closed()
    expect(run.state).toBe('backoff')
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'wrong-key' } }])
    expect(run.of('LinkEnded')[0]!.body.againMs).toBeGreaterThanOrEqual(45_000)
    expect(run.of('Identify')).toEqual([])
  })

  it('takes whoever answers where nobody is expected, but not itself', () => {
    const run = new ConnectionRun({ peerId: '' })
    run.opened().secured({ peerId: 'eve' })
    expect(run.rung).toBe('identifying')
    const own = new ConnectionRun({ peerId: '', persistent: true }).opened().secured({ peerId: 'ada' })
    own.closed()
    expect(own.done).toBe(true)
    expect(own.of('LinkEnded')).toMatchObject([{ body: { code: 'self', againMs: 0 } }])
  })
})

describe('an inbound link', () => {
  const inbound = () => new ConnectionRun({ direction: 'in', handle: 'in-7', peerId: '', endpoints: [] })

  it('takes over the socket that the listener holds and climbs the same rungs', () => {
    const run = inbound()
    expect(run.state).toEqual({ opening: 'securing' })
    expect(run.take()).toMatchObject([{ to: LINK, type: 'AdoptLink', body: { handle: 'in-7' } }])
    run.secured()
    expect(run.of('Identify')).toMatchObject([{ body: { dial: 0 } }])
    run.remote(identify())
    expect(run.of('LinkIdentified')).toMatchObject([{ body: { dial: 3, direction: 1 } }])
    run.keeper(new LinkAdmitted())
    run.hear(new StepPassed({ step: 'pings' }), STEP)
    run.remote(new Verified())
    expect(run.rung).toBe('enhanced')
  })

  it('is over for good when it ends', () => {
    const run = inbound().upTo('enhanced').closed()
    expect(run.done).toBe(true)
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'lost', againMs: 0, level: Level.LEVEL_ENHANCED } }])
  })

  it('ends where the caller left before it was taken over', () => {
    const run = inbound().closed()
    expect(run.done).toBe(true)
  })

  it('is closed when it is not handed over in time', () => {
    const run = inbound()
    run.pass(10_000)
    expect(run.state).toBe('closing')
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'tls-timeout', againMs: 0 } }])
  })
})

describe('identification', () => {
  const goodbye = (run: ConnectionRun) => run.of('Disconnect').map(({ to, body }) => [to, body.code])

  it('refuses another network and says so to both', () => {
    const run = new ConnectionRun().upTo('identifying').remote(identify({ network: Uint8Array.of(1) }))
    expect(run.state).toBe('closing')
    expect(goodbye(run)).toEqual([[LINK, 'other-network']])
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'other-network', initiator: Initiator.INITIATOR_SELF } }])
    expect(run.of('LinkIdentified')).toEqual([])
    expect(run.types().slice(-2)).toEqual(['Disconnect', 'CloseLink'])
  })

  it('refuses where no version is shared', () => {
    const run = new ConnectionRun().upTo('identifying').remote(identify({ versions: [99] }))
    expect(goodbye(run)).toEqual([[LINK, 'version']])
    expect(goodbye(new ConnectionRun().upTo('identifying').remote(identify({ versions: [2, 1] })))).toEqual([])
  })

  it('waits 10 seconds for it, and as long for admission', () => {
    for (const rung of ['identifying', 'admitting'] as const) {
      const run = new ConnectionRun().upTo(rung)
      run.pass(9_999)
      expect(run.rung).toBe(rung)
      run.pass(1)
      expect(goodbye(run)).toEqual([[LINK, 'identify-timeout']])
    }
  })

  it('shows names without control characters', () => {
    const run = new ConnectionRun().upTo('identifying').remote(identify({ name: `B\u001b[31m\u202ea${'x'.repeat(100)}` }))
    expect(run.of('LinkIdentified')[0]!.body.name).toMatch(/^B\[31max+$/)
  })
})

describe('verification', () => {
  it('runs the steps in order, each with its own gate', () => {
    const run = new ConnectionRun({ steps: ['verify-pings', 'verify-secret'] }).upTo('verifying')
    run.hear(new StepPassed({ step: 'pings' }), STEP)
    expect(run.rung).toBe('verifying')
    expect(run.take()).toMatchObject([
      { to: LINK, type: 'SetGate', body: { level: Level.LEVEL_IDENTIFIED, step: 'verify-secret/one' } },
      { to: 'system', type: 'SpawnActor', body: { kind: 'verify-secret', id: 'one' } }
    ])
    run.hear(new StepPassed({ step: 'secret' }), 'verify-secret/one')
    expect(run.of('Verified')).toMatchObject([{ body: { steps: ['pings', 'secret'] } }])
  })

  it('needs no step where there is none', () => {
    const run = new ConnectionRun({ steps: [] }).upTo('admitting').keeper(new LinkAdmitted())
    expect(run.rung).toBe('basic')
    expect(run.types()).toEqual(['Verified', 'SetGate', 'LinkLevelReached'])
    const second = new ConnectionRun({ steps: [] }).upTo('admitting').remote(new Verified()).keeper(new LinkAdmitted())
    expect(second.rung).toBe('enhanced')
    expect(second.types()).toEqual(['Verified', 'SetGate', 'LinkLevelReached'])
  })

  it('does not take the word of anybody but the step', () => {
    const run = new ConnectionRun().upTo('verifying')
    run.hear(new StepPassed({ step: 'pings' }), 'verify-pings/other')
    run.hear(new StepRefused({ step: 'pings' }), 'verify-pings/other')
    expect(run.rung).toBe('verifying')
  })

  it('refuses as the step does, with its code and reason on both sides', () => {
    const run = new ConnectionRun().upTo('verifying')
    run.hear(new StepRefused({ step: 'pings', code: 'ping-timeout', reason: 'ping 2 of 3 was not answered' }), STEP)
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'ping-timeout', reason: 'ping 2 of 3 was not answered' } }])
    expect(run.of('LinkEnded')).toMatchObject([{ body: { code: 'ping-timeout', step: 'pings' } }])
  })

  it('refuses where a step cannot be started, or takes more than 20 seconds', () => {
    const unknown = new ConnectionRun().upTo('verifying')
    unknown.hear(new SpawnFailed({ kind: 'other', id: 'one' }), 'system')
    expect(unknown.rung).toBe('verifying')
    unknown.hear(new SpawnFailed({ kind: 'verify-pings', id: 'one', code: 'unknown-kind', reason: 'nobody knows it' }), 'system')
    expect(unknown.of('Disconnect')).toMatchObject([{ body: { code: 'step-failed' } }])
    const slow = new ConnectionRun({ keepAliveIntervalMs: 60_000 }).upTo('verifying')
    slow.pass(20_000)
    expect(slow.of('Disconnect')).toMatchObject([{ body: { code: 'verify-timeout' } }])
  })

  it('gives the other side a minute to verify us, or as long as it likes', () => {
    const run = new ConnectionRun({ keepAliveIntervalMs: 1e6 }).upTo('basic')
    run.pass(60_000)
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'enhance-timeout' } }])
    const patient = new ConnectionRun({ keepAliveIntervalMs: 1e9, enhanceTimeoutMs: 0 }).upTo('basic')
    patient.pass(600_000)
    expect(patient.rung).toBe('basic')
  })

  it('names the steps of later links differently, and stops one that still runs', () => {
    const run = new ConnectionRun().upTo('verifying').closed()
    expect(run.of('StopActor')).toMatchObject([{ to: 'system', body: { address: STEP } }])
    run.pass(1_000)
    run.upTo('verifying')
    expect(run.context.step).toBe('verify-pings/one-2')
  })
})
