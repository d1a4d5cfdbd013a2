import { describe, expect, it } from '@jest/globals'
import { discoveryChannelMachine, type DiscoveryChannelOptions } from '../../machines/discovery-channel.ts'
import { keys } from '../../machines/table.ts'
import { AnnouncementHeard, ChannelFailed, ChannelOpened, DiscoveryStarted, Endpoint, Instance, Stop } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const coverage = new TransitionCoverage(discoveryChannelMachine)

const defaults: DiscoveryChannelOptions = {
  ports: [8001, 8002, 8003], broadcaster: 'broadcaster/lan', self: '', answerPatienceMs: 500, retryMs: 1_000, retryMaxMs: 60_000, refreshMs: 10_000,
  forgetMs: 600_000, peersMax: 1_024, endpointsMax: 8, endpointMs: 180_000
}

interface Hearing { peerId?: string; startedAt?: number; nonce?: number; sequence?: number; name?: string; host?: string; port?: number; answer?: boolean; via?: string }

function heard({ peerId = 'ada', startedAt = 100, nonce = 1, sequence = 1, name = 'Ada', host = '192.0.2.7', port = 4_000, answer = false, via = 'multicast' }: Hearing = {}): AnnouncementHeard {
  return new AnnouncementHeard({
    peerId, sequence, name, via, answer, bytes: 256,
    instance: new Instance({ startedAt, nonce: Uint8Array.of(nonce) }),
    endpoint: new Endpoint({ host, port }),
    source: new Endpoint({ host, port: 50_000 })
  })
}

function channel(options: Partial<DiscoveryChannelOptions> = {}): MachineRun {
  const run = new MachineRun(discoveryChannelMachine, { address: 'discovery-channel/lan', options: { ...defaults, ...options } })
  coverage.watch(run.actor)
  return run
}

function started(options: Partial<DiscoveryChannelOptions> = {}): MachineRun {
  const run = channel(options)
  run.hear(new ChannelOpened({ ports: [8001, 8002, 8003] }))
  run.hear(new DiscoveryStarted())
  run.take()
  return run
}

const endpoints = (run: MachineRun) => run.of('PeerHeard').at(-1)?.body.endpoints.map(({ host, port }) => `${host} ${port}`)

describe('the discovery channel', () => {
  it('opens every port at once', () => {
    const run = channel()
    expect(run.take()).toMatchObject([{ to: 'discovery-channel/lan#udp', type: 'OpenChannel', body: { ports: [8001, 8002, 8003] } }])
    run.hear(new ChannelOpened({ ports: [8001, 8002, 8003] }))
    run.pass(600_000)
    expect(run.said).toEqual([])
    expect(run.clock.size).toBe(0)
  })

  it('goes on with the ports that opened and tries the others again, ever more slowly', () => {
    const run = channel()
    run.hear(new ChannelOpened({ ports: [8001, 8003] }))
    run.hear(new ChannelFailed({ code: 'address-in-use', reason: 'bind EADDRINUSE', ports: [8002] }))
    run.take()
    for (let i = 0; i < 10; i++) {
      run.pass(72_000)
      const tries = run.of('OpenChannel')
      if (tries.length > i) run.hear(new ChannelFailed({ code: 'address-in-use', ports: [8002] }))
    }
    expect(run.of('OpenChannel').every(({ body }) => body.ports.length === 1 && body.ports[0] === 8002)).toBe(true)
    const gaps = run.of('OpenChannel').map(({ time }) => time)
    expect(gaps[0]).toBeLessThan(3_000)
    expect(run.context.failure).toEqual({ code: 'address-in-use', reason: '' })
    run.hear(new ChannelOpened({ ports: [8002] }))
    expect(run.context).toMatchObject({ open: [8001, 8002, 8003], failure: undefined })
    expect(run.state).toMatchObject({ working: { ports: 'listening' } })
  })

  it('tries again when no port opens, and when an open one breaks', () => {
    const run = channel()
    run.hear(new ChannelFailed({ code: 'port-not-permitted', ports: [8001, 8002, 8003] }))
    expect(run.state).toMatchObject({ working: { ports: 'failed' } })
    run.take()
    run.pass(1_200)
    expect(run.of('OpenChannel')).toMatchObject([{ body: { ports: [8001, 8002, 8003] } }])
    run.hear(new ChannelOpened({ ports: [8001, 8002, 8003] }))
    run.take()
    run.hear(new ChannelFailed({ code: 'listen-failed', ports: [8003] }))
    run.pass(2_400)
    expect(run.of('OpenChannel')).toMatchObject([{ body: { ports: [8003] } }])
  })

  it('hears again as soon as one port is open', () => {
    const run = channel()
    run.hear(new ChannelOpened({ ports: [8001] }))
    run.hear(new ChannelFailed({ code: 'listen-failed', ports: [8001] }))
    expect(run.state).toMatchObject({ working: { ports: 'failed' } })
    run.hear(new ChannelFailed({ code: 'address-in-use', reason: 'bind EADDRINUSE', ports: [8002, 8003] }))
    expect(run.context.failure.code).toBe('address-in-use')
    run.hear(new ChannelOpened({ ports: [8001] }))
    expect(run.state).toMatchObject({ working: { ports: 'listening' } })
    expect(run.context.open).toEqual([8001])
  })

  it('asks for an answer to a new instance and tells of it at once', () => {
    const run = started()
    run.hear(heard())
    expect(run.take()).toMatchObject([
      { to: 'broadcaster/lan', type: 'AnswerWanted', body: { to: { host: '192.0.2.7', port: 50_000 }, maxBytes: 256, via: 'multicast' } },
      {
        to: '', type: 'PeerHeard', body: {
          peerId: 'ada', name: 'Ada', via: 'multicast', acceptsInbound: true, instance: { startedAt: 100 },
          endpoints: [{ host: '192.0.2.7', port: 4_000 }]
        }
      }
    ])
  })

  it('answers those who are to dial us at once, and those whom we dial later', () => {
    const run = started({ self: 'bea' })
    run.hear(heard({ peerId: 'cid' }))
    expect(run.of('AnswerWanted')).toEqual([])
    run.hear(heard({ peerId: 'ada' }))
    run.hear(heard({ peerId: 'dan', port: 0, host: '192.0.2.9' }))
    expect(run.of('AnswerWanted').length).toBe(2)
    expect(run.of('PeerHeard').map(({ body }) => body.peerId)).toEqual(['cid', 'ada', 'dan'])
    run.pass(500)
    expect(run.of('AnswerWanted').map(({ time }) => time)).toEqual([0, 0, 500])
  })

  it('does not answer answers', () => {
    const run = started()
    run.hear(heard({ answer: true }))
    expect(run.of('AnswerWanted')).toEqual([])
    expect(run.of('PeerHeard').length).toBe(1)
  })

  it('answers an instance once, and its next instance again', () => {
    const run = started()
    run.hear(heard())
    run.hear(heard({ sequence: 2 }))
    expect(run.of('AnswerWanted').length).toBe(1)
    run.hear(heard({ startedAt: 200, sequence: 1, port: 4_001 }))
    expect(run.of('AnswerWanted').length).toBe(2)
    expect(run.of('PeerHeard').at(-1)!.body).toMatchObject({ instance: { startedAt: 200 }, endpoints: [{ port: 4_001 }] })
  })

  it('ignores what is stale: an older sequence, an older instance', () => {
    const run = started()
    run.hear(heard({ startedAt: 200, sequence: 5, nonce: 2 }))
    run.take()
    run.hear(heard({ startedAt: 200, sequence: 4, nonce: 2, host: '192.0.2.66' }))
    run.hear(heard({ startedAt: 100, sequence: 9 }))
    run.hear(heard({ startedAt: 200, sequence: 9, nonce: 1 }))
    expect(run.said).toEqual([])
    expect(run.context.stale).toBe(3)
  })

  it('counts repetitions and says nothing', () => {
    const run = started()
    run.hear(heard())
    run.take()
    run.hear(heard())
    expect(run.said).toEqual([])
    expect(run.context.repeated).toBe(1)
  })

  it('is quiet in the steady state: a peer is told again every 10 s at most', () => {
    const run = started()
    for (let i = 0; i < 60; i++) {
      run.hear(heard({ sequence: i + 1 }))
      run.pass(1_000)
    }
    expect(run.of('PeerHeard').map(({ time }) => time)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000])
  })

  it('tells at once of another endpoint, port or name', () => {
    const run = started()
    run.hear(heard())
    run.hear(heard({ host: 'fe80::7%eth0' }))
    expect(endpoints(run)).toEqual(['192.0.2.7 4000', 'fe80::7%eth0 4000'])
    run.hear(heard({ sequence: 2, port: 4_001 }))
    expect(endpoints(run)).toEqual(['192.0.2.7 4001', 'fe80::7%eth0 4000'])
    run.hear(heard({ sequence: 3, port: 4_001, name: 'Ada L.' }))
    expect(run.of('PeerHeard').at(-1)!.body.name).toBe('Ada L.')
    expect(run.of('PeerHeard').length).toBe(4)
  })

  it('says where a peer takes no links, and when it takes none any more', () => {
    const run = started()
    run.hear(heard({ port: 0 }))
    expect(run.of('PeerHeard')[0]!.body).toMatchObject({ acceptsInbound: false, endpoints: [] })
    run.hear(heard({ sequence: 2, port: 4_000 }))
    run.hear(heard({ sequence: 3, port: 0 }))
    expect(run.of('PeerHeard').map(({ body }) => body.acceptsInbound)).toEqual([false, true, false])
  })

  it('leaves out endpoints that fell silent, the freshest first', () => {
    const run = started()
    run.hear(heard({ host: '192.0.2.1' }))
    run.pass(100_000)
    run.hear(heard({ host: '192.0.2.2', sequence: 2 }))
    expect(endpoints(run)).toEqual(['192.0.2.2 4000', '192.0.2.1 4000'])
    run.pass(100_000)
    run.hear(heard({ host: '192.0.2.3', sequence: 3 }))
    expect(endpoints(run)).toEqual(['192.0.2.3 4000', '192.0.2.2 4000'])
  })

  it('holds at most eight endpoints, and one announcement replayed from everywhere is no news', () => {
    const run = started()
    for (let i = 1; i <= 200; i++) run.hear(heard({ host: `192.0.2.${i}` }))
    expect(run.of('PeerHeard').length).toBe(8)
    expect(endpoints(run)?.length).toBe(8)
    expect(run.of('AnswerWanted').length).toBe(1)
  })

  it('remembers a bounded number of peers, those heard last', () => {
    const run = started({ peersMax: 3 })
    for (const [peerId, sequence] of [['a', 1], ['b', 1], ['c', 1], ['a', 2], ['d', 1]] as const) {
      run.hear(heard({ peerId, sequence }))
      run.pass(1)
    }
    expect([...keys(run.context.peers)].sort()).toEqual(['a', 'c', 'd'])
  })

  it('takes a peer that was silent for ten minutes as new, whatever its clock says', () => {
    const run = started()
    run.hear(heard({ startedAt: 200 }))
    run.pass(600_001)
    run.hear(heard({ startedAt: 100 }))
    expect(run.of('AnswerWanted').length).toBe(2)
    expect(run.of('PeerHeard').at(-1)!.body.instance!.startedAt).toBe(100)
  })

  it('remembers whom it heard before discovery starts, and tells then', () => {
    const run = channel()
    run.hear(new ChannelOpened({ ports: [8001, 8002, 8003] }))
    run.take()
    run.hear(heard({ peerId: 'ada' }))
    run.hear(heard({ peerId: 'bob' }))
    run.hear(heard({ peerId: 'bob', sequence: 2 }))
    run.hear(heard({ peerId: 'bob', sequence: 2 }))
    run.hear(heard({ peerId: 'bob', sequence: 1 }))
    expect(run.said).toEqual([])
    expect(run.context).toMatchObject({ repeated: 1, stale: 1 })
    run.hear(new DiscoveryStarted())
    expect(run.of('PeerHeard').map(({ body }) => body.peerId).sort()).toEqual(['ada', 'bob'])
    run.hear(heard({ peerId: 'ada', sequence: 2 }))
    expect(run.of('PeerHeard').length).toBe(2)
    expect(run.of('AnswerWanted')).toEqual([])
    run.hear(new DiscoveryStarted())
    expect(run.of('PeerHeard').length).toBe(4)
  })

  it('ends when told to and leaves no timer', () => {
    const run = channel()
    run.hear(new ChannelFailed({ ports: [8001, 8002, 8003] }))
    run.hear(new Stop())
    expect(run.done).toBe(true)
    expect(run.clock.size).toBe(0)
  })

  it('has no transition that these tests do not take', () => {
    expect(coverage.missing()).toEqual([])
  })
})
