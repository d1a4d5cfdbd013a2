import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replay as replayHere } from '../../runtime/testing/index.ts'
import { LanPeer, fullMesh } from '../support/lan-peers.ts'
import { needs } from '../support/needs.ts'
import { TestLan, type TestHost } from '../support/netns.ts'

const cli = join(import.meta.dirname, '../../dist/runtime/cli/main.js')
const replay = (file: string): string => execFileSync(process.execPath, [cli, 'log', 'replay', file], { encoding: 'utf8' })

needs('root', 'netns', 'ip')('peers on one LAN', () => {
  let lan: TestLan
  beforeAll(() => { lan = TestLan.create(10) })
  afterAll(() => lan.remove())

  const up = (count: number, args: (index: number) => string[] = () => []): Promise<LanPeer[]> =>
    Promise.all(lan.hosts.slice(0, count).map((host, index) => LanPeer.up(lan, host, `peer-${index}`, ['--wait', ...args(index)])))
  const leave = async (peers: readonly LanPeer[]): Promise<void> => {
    await Promise.all(peers.map(peer => peer.quit()))
    for (const peer of peers) peer.forget()
  }

  for (const count of [2, 5, 10]) {
    it(`${count} peers find, verify and keep each other, with one link a pair`, async () => {
      const peers = await up(count)
      for (const peer of peers) peer.send('start')
      await fullMesh(peers)
      for (const peer of peers) {
        peer.send('peers')
        const { peers: listed } = await peer.line('peers')
        expect(listed.map((each: { peerId: string }) => each.peerId).sort())
          .toEqual(peers.filter(other => other !== peer).map(other => other.peerId).sort())
        expect(new Set(listed.map((each: { level: string }) => each.level))).toEqual(new Set(['enhanced']))
        // Where both have dialled, one of two links goes again, of which no event tells.
        for (let asked = 1, links = 0; links !== count - 1; asked++) {
          peer.send('status')
          links = (await peer.lines(asked, 'status')).at(-1)!['links']
        }
      }
      expect(peers.flatMap(peer => peer.seen.filter(line => line.event === 'peer.disconnected'))).toEqual([])
      await leave(peers)
    })
  }

  it('a peer killed with SIGKILL is reported by all others within 5 s, and a new life of it is taken back', async () => {
    const peers = await up(4)
    for (const peer of peers) peer.send('start')
    await fullMesh(peers)
    const [victim, ...others] = peers as [LanPeer, ...LanPeer[]]
    const killedAt = Date.now()
    victim.child.kill('SIGKILL')
    const reports = await Promise.all(others.map(peer => peer.line('peer.disconnected', line => line['peerId'] === victim.peerId)))
    expect(Math.max(...reports.map(line => line['time'] as number)) - killedAt).toBeLessThan(5_000)
    expect(reports.map(line => line['initiator'])).toEqual(others.map(() => 'network'))

    const again = await LanPeer.up(lan, victim.host, victim.name, [], victim.data)
    expect(again.peerId).toBe(victim.peerId)
    await again.lines(others.length, 'peer.verified')
    await Promise.all(others.map(peer => peer.lines(2, 'peer.verified', line => line['peerId'] === victim.peerId)))
    await leave([again, ...others])
  })

  it('a cut cable is found within the keep-alive bound, and the mended one brings the link back', async () => {
    const peers = await up(3, () => ['--tune', 'peer-connection.keepAliveIntervalMs=500', '--tune', 'peer-connection.keepAliveTimeoutMs=1000'])
    for (const peer of peers) peer.send('start')
    await fullMesh(peers)
    const [lost, ...others] = peers as [LanPeer, ...LanPeer[]]
    lan.setLink(lost.host, 'down')
    const cutAt = Date.now()
    const reports = await Promise.all(others.map(peer => peer.line('peer.disconnected', line => line['peerId'] === lost.peerId)))
    expect(reports.map(line => line['code'])).toEqual(others.map(() => 'keepalive-timeout'))
    reports.push(...await lost.lines(2, 'peer.disconnected'))
    expect(Math.max(...reports.map(line => line['time'] as number)) - cutAt).toBeLessThan(3_000)
    lan.setLink(lost.host, 'up')
    await Promise.all(others.map(peer => peer.lines(2, 'peer.verified', line => line['peerId'] === lost.peerId)))
    await leave(peers)
  })

  it('what peers record while others join, leave and are killed for a minute replays with zero differences', async () => {
    const logs: string[] = []
    let lives = 0
    const join_ = async (host: TestHost): Promise<LanPeer> => {
      const log = join(folder, `${lives}.p2plog`)
      logs.push(log)
      return LanPeer.up(lan, host, `life-${lives++}`, ['--record', log])
    }
    const folder = mkdtempSync(join(tmpdir(), 'p2pnet-churn-'))
    const hosts = lan.hosts.slice(0, 6)
    let peers = await Promise.all(hosts.slice(0, 3).map(join_))
    await fullMesh(peers)
    const until = Date.now() + 60_000
    for (let turn = 0; Date.now() < until; turn++) {
      const [oldest, ...rest] = peers as [LanPeer, ...LanPeer[]]
      if (peers.length < hosts.length && turn % 4 < 2) {
        const free = hosts.find(host => peers.every(peer => peer.host !== host))!
        peers = [...peers, await join_(free)]
        await fullMesh(peers)
        continue
      }
      const gone = rest.map(peer => peer.line('peer.disconnected', line => line['peerId'] === oldest.peerId))
      if (turn % 4 === 2) expect(await oldest.quit()).toBe(0)
      else oldest.child.kill('SIGKILL')
      await Promise.all([...gone, oldest.exit()])
      oldest.forget()
      peers = rest
    }
    await leave(peers)
    // All of them in this process, as a test of a host program does it; there may be more than a hundred, and the command takes a second each.
    for (const log of logs.slice(0, 6)) expect(`${log}: ${replay(log)}`).toContain(': no differences:')
    let recordedMs = 0
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    for (const log of logs) {
      const { differences, durationMs } = await replayHere(log)
      recordedMs += durationMs
      expect([log, differences]).toEqual([log, 0])
    }
    expect(recordedMs).toBeGreaterThan(60_000)
    const { user, system } = process.cpuUsage(cpu)
    const aMinute = (ms: number) => Math.round(ms / (recordedMs / 60_000))
    process.stdout.write(`${logs.length} logs of ${Math.round(recordedMs / 1_000)} s replay in ${aMinute(performance.now() - began)} ms a recorded minute, `
      + `of which the processor works ${aMinute((user + system) / 1_000)} ms\n`)
    rmSync(folder, { recursive: true, force: true })
  }, 600_000)
})
