import { describe, expect, it } from '@jest/globals'
import { CloseRequested, Disconnect, FrameRefused, Initiator, Level, LinkAdmitted, LinkTraffic, Stop } from '../../../proto/index.ts'
import { ConnectionRun, KEEPER, LINK } from '../connection-run.ts'

const close = (code = 'dropped', forMs = 0) => new CloseRequested({ code, reason: 'because', forMs })

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

  it('takes anything that comes in after the ping for a sign of life, and nothing that came before', () => {
    const run = new ConnectionRun().upTo('enhanced')
    run.pass(9_000)
    run.link(new LinkTraffic({ bytesIn: 100 }))
    expect(run.keepAlive).toBe('probing')
    run.link(new LinkTraffic({ bytesIn: 100, bytesInSincePing: 50 }))
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
