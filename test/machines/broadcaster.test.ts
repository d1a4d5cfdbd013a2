import { describe, expect, it } from '@jest/globals'
import { ROTATE_PORT, broadcasterMachine, type BroadcasterOptions } from '../../machines/broadcaster.ts'
import {
  AnnouncementSent, AnswerWanted, DiscoveryStarted, Endpoint, InterfacesChanged, LinksChanged, Listening, NetworkInterface, RoutineDue, Stop
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const coverage = new TransitionCoverage(broadcasterMachine)

const defaults: BroadcasterOptions = {
  ports: [8001, 8002, 8003], fastMs: 1_000, slowMs: 20_000, periodMs: 120_000, quietMs: 60_000, rotateMs: 30_000,
  burstMs: [0, 250, 600, 1_200], jitterPercent: 20, answersPerSecond: 50, listenerPatienceMs: 2_000
}

const listening = (port: number, host = '0.0.0.0') => new Listening({ endpoints: [new Endpoint({ host, port })] })
const interfaces = (...addresses: string[]) => new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'eth0', addresses })] })
const wanted = (port = 5_000) => new AnswerWanted({ to: new Endpoint({ host: '192.0.2.7', port }), maxBytes: 256, via: 'multicast' })

function broadcaster(options: Partial<BroadcasterOptions> = {}, random = 1): MachineRun {
  const run = new MachineRun(broadcasterMachine, { address: 'broadcaster/lan', options: { ...defaults, ...options }, random })
  coverage.watch(run.actor)
  return run
}

function announcing(options: Partial<BroadcasterOptions> = {}, random = 1): MachineRun {
  const run = broadcaster(options, random)
  run.hear(listening(4_000))
  run.hear(new DiscoveryStarted())
  return run
}

describe('the broadcaster', () => {
  it('sends nothing before discovery starts', () => {
    const run = broadcaster()
    run.hear(listening(4_000))
    run.hear(interfaces('192.0.2.1'))
    run.hear(new LinksChanged({ links: 1 }))
    run.hear(wanted())
    run.pass(600_000)
    expect(run.said).toEqual([])
    expect(run.clock.size).toBe(0)
  })

  it('begins with a burst of one announcement, to one port after the other', () => {
    const run = announcing()
    run.hear(new DiscoveryStarted())
    run.pass(1_200)
    const sent = run.of('SendAnnouncement')
    expect(sent.map(({ time }) => time)).toEqual([0, 250, 600, 1_200])
    expect(sent.map(({ body }) => body.broadcastPort)).toEqual([8001, 8002, 8003, 8001])
    expect(new Set(sent.map(({ body }) => body.sequence)).size).toBe(1)
    expect(sent[0]).toMatchObject({ to: 'broadcaster/lan#udp', body: { listenPort: 4_000, listenHosts: ['0.0.0.0'] } })
  })

  it('waits for the port of the listener, and not for ever', () => {
    const late = broadcaster()
    late.hear(new DiscoveryStarted())
    late.pass(1_500)
    late.hear(listening(4_000))
    expect(late.of('SendAnnouncement')).toMatchObject([{ time: 1_500, body: { listenPort: 4_000 } }])

    const never = broadcaster()
    never.pass(70)
    never.hear(new DiscoveryStarted())
    never.pass(2_000)
    expect(never.of('SendAnnouncement')).toMatchObject([{ time: 2_070, body: { listenPort: 0, listenHosts: [] } }])
  })

  it('announces no port where the peer takes no links', () => {
    const run = broadcaster()
    run.hear(new Listening())
    run.hear(new DiscoveryStarted())
    expect(run.of('SendAnnouncement')).toMatchObject([{ body: { listenPort: 0 } }])
  })

  it('then follows the wave between the fast and the slow interval', () => {
    const run = announcing({ jitterPercent: 0 })
    run.pass(600_000)
    const times = run.of('SendAnnouncement').slice(3).map(({ time }) => time)
    const gaps = times.slice(1).map((time, i) => time - times[i]!)
    expect(gaps[0]).toBeLessThan(1_020)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000)
    expect(Math.max(...gaps)).toBeGreaterThan(18_000)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(20_000)
    const turns = gaps.filter((gap, i) => i > 0 && i < gaps.length - 1 && gap > gaps[i - 1]! && gap > gaps[i + 1]!)
    expect(turns.length).toBe(5)
  })

  it('varies its intervals by a fifth, from its seed alone', () => {
    const times = (random: number) => {
      const run = announcing({ slowMs: 1_000, periodMs: 1_000_000 }, random)
      run.pass(300_000)
      return run.of('SendAnnouncement').slice(3).map(({ time }) => time)
    }
    const first = times(1)
    const gaps = first.slice(1).map((time, i) => time - first[i]!)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_200)
    expect(new Set(gaps).size).toBeGreaterThan(50)
    expect(times(1)).toEqual(first)
    expect(first).not.toEqual(times(2))
  })

  it('moves to the next port every 30 s', () => {
    const run = announcing({ slowMs: 1_000 })
    run.pass(120_000)
    const steady = run.of('SendAnnouncement').slice(4)
    for (const { time, body } of steady) expect(body.broadcastPort).toBe([8001, 8002, 8003, 8001][Math.floor(time / 30_000)])
    expect(new Set(steady.map(({ body }) => body.broadcastPort)).size).toBe(3)
  })

  it('gives every announcement after the burst a greater sequence', () => {
    const run = announcing()
    run.pass(300_000)
    const sequences = run.of('SendAnnouncement').slice(3).map(({ body }) => body.sequence)
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
  })

  it('goes on above its former sequence after a restart', () => {
    const before = announcing({ slowMs: 1_000, jitterPercent: 0 })
    before.pass(100_000)
    const after = broadcaster()
    after.pass(100_100)
    after.hear(listening(4_000))
    after.hear(new DiscoveryStarted())
    expect(after.of('SendAnnouncement')[0]!.body.sequence).toBeGreaterThan(before.of('SendAnnouncement').at(-1)!.body.sequence)
  })

  it('announces less often the more links there are', () => {
    const count = (links: number) => {
      const run = announcing()
      run.hear(new LinksChanged({ links }))
      run.pass(1_200_000)
      return run.of('SendAnnouncement').length
    }
    const counts = [0, 1, 4, 100].map(count)
    expect(counts).toEqual([...counts].sort((a, b) => b - a))
    expect(counts[3]).toBeLessThan(4 + 1_200 / 45)
    expect(counts[3]).toBeGreaterThan(4 + 1_200 / 75)
  })

  it('announces soon when it has lost a link', () => {
    const run = announcing()
    run.hear(new LinksChanged({ links: 100 }))
    run.pass(70_000)
    run.take()
    const now = run.clock.now()
    run.hear(new LinksChanged({ links: 0 }))
    run.pass(1_200)
    expect(run.of('SendAnnouncement').length).toBeGreaterThanOrEqual(1)
    expect(run.of('SendAnnouncement')[0]!.time - now).toBeLessThanOrEqual(1_200)
  })

  it('is not silenced by links that come and go', () => {
    const run = announcing()
    for (let i = 0; i < 120; i++) {
      run.hear(new LinksChanged({ links: i % 2 }))
      run.pass(500)
    }
    expect(run.of('SendAnnouncement').length).toBeGreaterThan(25)
    expect(run.of('SendAnnouncement').length).toBeLessThan(85)
  })

  it('announces at once on a new interface, and not for one that went away', () => {
    const run = announcing()
    run.hear(interfaces('192.0.2.1'))
    run.pass(70_000)
    run.take()
    run.hear(interfaces('192.0.2.1', 'fe80::1%eth0'))
    expect(run.of('SendAnnouncement')).toMatchObject([{ time: 70_000 }])
    run.pass(1_000)
    run.take()
    run.hear(interfaces('fe80::1%eth0'))
    expect(run.said).toEqual([])
  })

  it('announces a new port at once', () => {
    const run = announcing()
    run.pass(70_000)
    run.take()
    run.hear(listening(4_000))
    expect(run.said).toEqual([])
    run.hear(listening(5_000))
    expect(run.of('SendAnnouncement')).toMatchObject([{ time: 70_000, body: { listenPort: 5_000 } }])
  })

  it('answers a new instance at its own source, with the latest announcement', () => {
    const run = announcing()
    run.hear(wanted(5_555))
    const sequence = run.of('SendAnnouncement')[0]!.body.sequence
    expect(run.of('SendAnswer')).toMatchObject([{
      time: 0, to: 'broadcaster/lan#udp',
      body: { sequence, listenPort: 4_000, to: { host: '192.0.2.7', port: 5_555 }, maxBytes: 256, via: 'multicast' }
    }])
  })

  it('answers 50 a second, and everybody else with one burst', () => {
    const run = announcing()
    run.pass(70_000)
    run.take()
    for (let i = 0; i < 1_000; i++) run.hear(wanted())
    expect(run.of('SendAnswer').length).toBe(50)
    expect(run.of('SendAnnouncement').length).toBe(1)
    run.pass(999)
    for (let i = 0; i < 1_000; i++) run.hear(wanted())
    expect(run.of('SendAnswer').length).toBe(50)
    expect(run.of('SendAnnouncement').length).toBe(3)
    run.pass(1)
    run.hear(wanted())
    expect(run.of('SendAnswer').length).toBe(51)
  })

  it('keeps what became of the latest announcement', () => {
    const run = announcing()
    run.hear(new AnnouncementSent({ sequence: 1, datagrams: 6, failed: 2 }))
    expect(run.context.sent).toEqual({ sequence: 1, datagrams: 6, failed: 2 })
  })

  it('ends when told to, in every state, and leaves no timer', () => {
    const runs = [broadcaster(), broadcaster(), announcing(), announcing()]
    runs[1]!.hear(new DiscoveryStarted())
    runs[3]!.pass(5_000)
    expect(runs.map(({ state }) => state)).toEqual(['waiting', 'expecting', { announcing: { bursting: 'sending' } }, { announcing: { steady: 'pausing' } }])
    for (const run of runs) {
      run.hear(new Stop({ reason: 'test' }))
      expect(run.done).toBe(true)
      expect(run.clock.size).toBe(0)
    }
  })

  it('holds plain data only', () => {
    const run = announcing()
    run.hear(interfaces('192.0.2.1'))
    run.pass(10_000)
    expect(JSON.parse(JSON.stringify(run.context))).toEqual(run.context)
  })

  it('announces to the next port when the routine says so, where it has no time of its own for that', () => {
    const run = announcing({ rotateMs: 0, fastMs: 1_000, slowMs: 1_000, jitterPercent: 0 })
    run.pass(60_000)
    const ports = () => new Set(run.take().filter(({ time, type }) => type === 'SendAnnouncement' && time > 5_000).map(({ body }) => (body as { broadcastPort: number }).broadcastPort))
    const [before] = ports()
    run.hear(new RoutineDue({ name: 'another' }))
    run.pass(5_000)
    expect(ports()).toEqual(new Set([before]))
    run.hear(new RoutineDue({ name: ROTATE_PORT }))
    run.pass(5_000)
    expect(ports()).toEqual(new Set([before === 8003 ? 8001 : before! + 1]))
  })

  it('has no transition that these tests do not take', () => {
    expect(coverage.missing()).toEqual([])
  })
})
