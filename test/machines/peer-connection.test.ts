import { describe, expect, it } from '@jest/globals'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import {
  CloseRequested, DialFailed, DialOpened, Disconnect, EndpointsFound, FrameRefused, Initiator, Level, LinkAdmitted, LinkClosed, LinkSecured,
  LinkTraffic, PongReceived, SpawnFailed, StepPassed, StepRefused, Stop, Verified, type Message
} from '../../proto/index.ts'
import { ADDRESS, ConnectionRun, coverage, identify, KEEPER, LINK, NETWORK, STEP } from './connection-run.ts'

const endpoint = (n: number) => ({ host: `192.0.2.${n}`, port: 4_000 })
const found = (...ns: number[]) => new EndpointsFound({ endpoints: ns.map(endpoint) })
const close = (code = 'dropped', forMs = 0) => new CloseRequested({ code, reason: 'because', forMs })

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
      run.hear(new StepPassed({ step: 'pings' }), STEP)
      expect(run.rung).toBe('enhanced')
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
    expect(new ConnectionRun({ steps: [] }).upTo('admitting').keeper(new LinkAdmitted()).rung).toBe('basic')
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

describe('keep-alive', () => {
  it('pings after 5 quiet seconds and announces the round-trip time when it changes', () => {
    const run = new ConnectionRun().upTo('enhanced')
    run.pass(5_000)
    expect(run.take()).toMatchObject([{ to: LINK, type: 'SendPing', body: { id: 1 } }])
    run.pong(1, 800)
    expect(run.take()).toMatchObject([{ to: '', type: 'PeerRtt', body: { peerId: 'bea', rttUs: 800 } }])
    run.pass(5_000)
    run.pong(2, 850)
    expect(run.types()).toEqual(['SendPing'])
    run.pass(5_000)
    run.pong(3, 5_000)
    expect(run.types()).toEqual(['SendPing', 'PeerRtt'])
  })

  it('finds a half-open link within the interval and the timeout, and dials again', () => {
    const run = new ConnectionRun().upTo('enhanced')
    run.pass(9_999)
    expect(run.keepAlive).toBe('probing')
    run.pong(77, 1)
    run.link(new LinkTraffic({ bytesOut: 500 }))
    expect(run.keepAlive).toBe('probing')
    run.take()
    run.pass(1)
    expect(run.take()).toMatchObject([
      { to: KEEPER, type: 'LinkEnded', body: { code: 'keepalive-timeout', initiator: Initiator.INITIATOR_NETWORK } },
      { to: LINK, type: 'CloseLink', body: { lingerMs: 0 } }
    ])
    run.closed()
    expect(run.state).toBe('backoff')
  })

  it('takes anything that comes in for a sign of life', () => {
    const run = new ConnectionRun().upTo('enhanced')
    run.pass(9_000)
    run.link(new LinkTraffic({ bytesIn: 100 }))
    expect(run.keepAlive).toBe('resting')
  })

  it('starts when the link is admitted', () => {
    const run = new ConnectionRun().upTo('admitting')
    expect(run.keepAlive).toBe('waiting')
    expect(run.keeper(new LinkAdmitted()).keepAlive).toBe('resting')
  })
})

describe('the end of a link', () => {
  it('is said to the other side with code, reason and wish, and closes when all is written', () => {
    const run = new ConnectionRun().upTo('enhanced').keeper(close('dropped', 60_000))
    expect(run.take()).toMatchObject([
      { type: 'LinkEnded', body: { code: 'dropped', againMs: 0, forMs: 0, initiator: Initiator.INITIATOR_SELF, level: Level.LEVEL_ENHANCED } },
      { to: LINK, type: 'Disconnect', body: { code: 'dropped', reason: 'because', forMs: 60_000 } },
      { to: LINK, type: 'CloseLink', body: { lingerMs: 500 } }
    ])
    run.closed('lost', Initiator.INITIATOR_SELF)
    expect(run.done).toBe(true)
  })

  it('does not wait for ever for the driver', () => {
    const run = new ConnectionRun().upTo('enhanced')
    run.hear(new Stop({ reason: 'bye' }), 'system')
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'shutdown', reason: 'bye' } }])
    run.pass(1_000)
    expect(run.done).toBe(true)
  })

  it('by the third frame that the gate refuses, not the second', () => {
    const run = new ConnectionRun().upTo('enhanced')
    const refused = new FrameRefused({ type: 'Chat', code: 'level' })
    run.link(refused).link(refused)
    expect(run.rung).toBe('enhanced')
    run.link(refused)
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'protocol' } }])
  })

  it('by idleness only where that is asked for, and traffic puts it off', () => {
    const run = new ConnectionRun({ idleMs: 3_000 }).upTo('enhanced')
    run.pass(2_000)
    run.link(new LinkTraffic({ framesIn: 1, bytesIn: 10 }))
    run.pass(2_999)
    expect(run.rung).toBe('enhanced')
    run.pass(1)
    expect(run.of('Disconnect')).toMatchObject([{ body: { code: 'idle', forMs: 3_000 } }])
    run.closed()
    expect(run.done).toBe(true)
    const busy = new ConnectionRun().upTo('enhanced')
    busy.link(new LinkTraffic({ framesIn: 1 }))
    expect(busy.clock.size).toBe(1)
  })

  it('leaves no timer behind', () => {
    const run = new ConnectionRun({ idleMs: 3_000 }).upTo('enhanced').keeper(close()).closed()
    expect(run.done).toBe(true)
    expect(run.clock.size).toBe(0)
  })

  it('by a goodbye of the other side: no goodbye back, nothing to write', () => {
    const run = new ConnectionRun().upTo('enhanced').remote(new Disconnect({ code: 'idle', reason: 'quiet' }))
    expect(run.take()).toMatchObject([
      { type: 'LinkEnded', body: { code: 'idle', reason: 'quiet', initiator: Initiator.INITIATOR_REMOTE, againMs: 0 } },
      { type: 'CloseLink', body: { lingerMs: 0 } }
    ])
  })

  it('never shows what the other side made up as it is', () => {
    const run = new ConnectionRun().upTo('enhanced').remote(new Disconnect({ code: 'X\u001b[2J', reason: `\u0007${'r'.repeat(999)}`, forMs: Number.NaN }))
    const { code, reason, forMs } = run.of('LinkEnded')[0]!.body
    expect(code).toBe('verify-failed')
    expect(reason).toBe('r'.repeat(199))
    expect(forMs).toBe(0)
  })

  it('is final when it is asked for in whatever state', () => {
    for (const ask of [close(), new Stop()]) {
      const dialing = new ConnectionRun()
      dialing.hear(ask)
      expect(dialing.done).toBe(true)
      expect(dialing.of('AbortDial')).toHaveLength(1)
      const closing = new ConnectionRun().upTo('enhanced')
      closing.pass(10_000)
      expect(closing.state).toBe('closing')
      closing.hear(ask)
      closing.closed()
      expect(closing.done).toBe(true)
      const waiting = new ConnectionRun().failed()
      waiting.hear(ask)
      expect(waiting.done).toBe(true)
    }
  })
})

describe('dialling again', () => {
  const waits = (run: ConnectionRun, times: number) => {
    for (let i = 0; i < times; i++) {
      run.failed()
      run.pass(run.context.waitMs as number)
    }
    return run.of('LinkEnded').map(({ body }) => body.againMs)
  }

  it('waits 0.5 s to 60 s, doubled each time, ± 25 %, in whole milliseconds', () => {
    const all = waits(new ConnectionRun({ persistent: true }), 12)
    all.forEach((wait, i) => {
      const step = Math.min(60_000, 500 * 2 ** i)
      expect(wait).toBeGreaterThanOrEqual(step * 0.75)
      expect(wait).toBeLessThanOrEqual(step * 1.25)
      expect(Number.isInteger(wait)).toBe(true)
    })
    expect(waits(new ConnectionRun({ persistent: true }, 2), 12)).not.toEqual(all)
  })

  it('gives up after ten rounds, except for a peer that a person named', () => {
    const run = new ConnectionRun()
    expect(waits(run, 10).every(wait => wait > 0)).toBe(true)
    run.failed()
    expect(run.done).toBe(true)
    expect(run.of('LinkEnded').at(-1)!.body.againMs).toBe(0)
    const named = new ConnectionRun({ persistent: true })
    waits(named, 30)
    expect(named.done).toBe(false)
  })

  it('starts from the shortest wait after a link that was enhanced, with the next dial number', () => {
    const run = new ConnectionRun()
    waits(run, 5)
    run.upTo('enhanced').closed()
    expect(run.of('LinkEnded')[0]!.body.againMs).toBeLessThanOrEqual(625)
    run.pass(625)
    run.upTo('identifying')
    run.remote(identify())
    expect(run.of('LinkIdentified')[0]!.body.dial).toBe(107)
  })

  it('does not hurry back to who refused', () => {
    for (const code of ['other-network', 'version', 'too-many-links', 'made-up-by-them']) {
      const run = new ConnectionRun().upTo('admitting').remote(new Disconnect({ code }))
      run.closed()
      expect(run.context.waitMs).toBeGreaterThanOrEqual(45_000)
      run.keeper(found(1))
      expect(run.state).toBe('backoff')
      run.keeper(found(2))
      expect(run.of('DialEndpoint').at(-1)!.body.endpoint).toEqual(endpoint(2))
    }
  })

  it('waits as long as the other side wishes, whatever is heard, but a day at most', () => {
    const run = new ConnectionRun().upTo('enhanced').remote(new Disconnect({ code: 'busy', forMs: 3_600_000 })).closed()
    run.keeper(found(1, 2))
    expect(run.state).toBe('backoff')
    run.pass(3_599_999)
    expect(run.state).toBe('backoff')
    run.pass(1)
    expect(run.state).toEqual({ opening: 'dialing' })
    const greedy = new ConnectionRun().upTo('enhanced').remote(new Disconnect({ code: 'busy', forMs: 1e300 })).closed()
    expect(greedy.context.waitMs).toBe(86_400_000)
  })

  it('stays away after a goodbye, until the peer is heard again', () => {
    for (const code of ['shutdown', 'duplicate', 'superseded', 'dropped', 'idle']) {
      const run = new ConnectionRun().upTo('enhanced').remote(new Disconnect({ code }))
      run.closed()
      expect(run.done).toBe(true)
    }
  })

  it('comes back to a peer that a person named even after a goodbye, slowly', () => {
    const run = new ConnectionRun({ persistent: true }).upTo('enhanced').remote(new Disconnect({ code: 'shutdown' })).closed()
    expect(run.state).toBe('backoff')
    expect(run.context.waitMs).toBeGreaterThanOrEqual(45_000)
  })

  it('dials at once when the peer is heard while it waits', () => {
    const run = new ConnectionRun({ backoffBaseMs: 40_000 }).failed()
    run.keeper(found(1))
    expect(run.state).toEqual({ opening: 'dialing' })
    expect(run.of('DialEndpoint').at(-1)!.body).toMatchObject({ attempt: 2, endpoint: endpoint(1) })
  })

  it('remembers places found while it is linked', () => {
    const run = new ConnectionRun().upTo('enhanced').keeper(found(9)).closed()
    run.pass(1_000)
    expect(run.of('DialEndpoint').at(-1)!.body.endpoint).toEqual(endpoint(9))
  })
})

describe('what comes late', () => {
  const late: Message[] = [
    new DialOpened({ attempt: 99 }), new DialFailed({ attempt: 99 }), new LinkSecured({ attempt: 99 }), new LinkClosed(), new LinkTraffic(),
    new LinkAdmitted(), new PongReceived(), new FrameRefused(), new StepPassed(), new StepRefused(), new SpawnFailed(), identify(),
    new Verified(), new Disconnect()
  ]

  it('changes nothing and is no dead letter', () => {
    const run = new ConnectionRun().failed()
    for (const body of late) run.hear(body)
    expect(run.state).toBe('backoff')
    const dialing = new ConnectionRun()
    for (const body of late) dialing.hear(body)
    expect(dialing.state).toEqual({ opening: 'dialing' })
    run.keeper(found(1))
    expect(run.state).toEqual({ opening: 'dialing' })
    const gone = new ConnectionRun({ steps: [] }).upTo('enhanced')
    gone.link(new DialOpened({ attempt: 1 }))
    expect(gone.rung).toBe('enhanced')
  })
})

// Runs last: the tests above are the evidence.
describe('the statechart', () => {
  it('has no transition without a test', () => {
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { endpoints: [], network: NETWORK }, random: 1 })
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { endpoints: [endpoint(1)], network: NETWORK }, random: 1 })
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { direction: 'in', network: NETWORK }, random: 1 })
    expect(coverage.missing()).toEqual([])
  })

  it('says of every state what it is for', () => {
    const states: string[] = []
    const visit = (node: { id: string; description?: string | undefined; states: object }): void => {
      if (node.description === undefined && !/\.(rung|keepAlive)$/.test(node.id)) states.push(node.id)
      for (const child of Object.values(node.states)) visit(child as never)
    }
    visit(peerConnectionMachine.root)
    expect(states).toEqual([])
  })
})
