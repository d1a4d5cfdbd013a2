import { describe, expect, it } from '@jest/globals'
import {
  DialFailed, DialOpened, Disconnect, Endpoint, EndpointsFound, FrameRefused, LinkAdmitted, LinkClosed, LinkSecured, LinkTraffic, PongReceived, SpawnFailed, StepPassed, StepRefused, Verified, type Message
} from '../../../proto/index.ts'
import { ConnectionRun, identify } from '../connection-run.ts'

const endpoint = (n: number) => ({ host: `192.0.2.${n}`, port: 4_000 })
const found = (...ns: number[]) => new EndpointsFound({ endpoints: ns.map(n => new Endpoint(endpoint(n))) })

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

  it('goes only where the peer was heard last, so that nobody is dialled more often than was allowed', () => {
    const run = new ConnectionRun().failed()
    for (const place of [2, 3, 4]) {
      run.keeper(found(place))
      run.take()
      run.failed()
      expect(run.state).toBe('backoff')
      run.pass(run.context.waitMs as number)
      expect(run.of('DialEndpoint').map(({ body }) => body.endpoint)).toEqual([endpoint(place)])
      run.failed()
    }
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
