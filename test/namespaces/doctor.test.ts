import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as passed } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import { fullMesh, LanPeer } from '../support/lan-peers.ts'
import type { Line } from '../support/lines.ts'
import { needs } from '../support/needs.ts'
import { TestLan, type TestHost } from '../support/netns.ts'

const cli = join(import.meta.dirname, '../../dist/runtime/cli/main.js')
const NOBODY = '10.77.0.2:4999'
/** A peer that is told to stop in the middle of a dial has another reason for its end: until then it waits. */
const LONG_MS = 60_000

const tune = (options: Readonly<Record<string, number>>): string[] =>
  Object.entries(options).flatMap(([name, value]) => ['--tune', `peer-connection.${name}=${value}`])

needs('root', 'netns', 'ip', 'nft')('the doctor on a LAN', () => {
  let lan: TestLan
  let left: TestHost
  let right: TestHost
  const folder = mkdtempSync(join(tmpdir(), 'p2pnet-doctor-lan-'))
  const log = (name: string): string => join(folder, `${name}.p2plog`)
  const peers: LanPeer[] = []
  const up = async (host: TestHost, name: string, args: readonly string[]): Promise<LanPeer> => {
    const peer = await LanPeer.up(lan, host, name, args)
    peers.push(peer)
    return peer
  }
  beforeAll(() => {
    lan = TestLan.create(2)
    ;[left, right] = lan.hosts as [TestHost, TestHost]
  })
  afterEach(async () => {
    await Promise.all(peers.map(peer => peer.quit()))
    for (const peer of peers.splice(0)) peer.forget()
  })
  afterAll(async () => {
    await lan.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Asks until the answer has a cause that fits: of a dial that failed no event tells. */
  const why = async (peer: LanPeer, about: string, fits: (answer: Line) => boolean = () => true): Promise<Line> => {
    for (;;) {
      const before = peer.seen.length
      peer.send(`why ${about}`)
      peer.send('status')
      await peer.lines(peer.seen.filter(({ event }) => event === 'status').length + 1, 'status')
      const answer = peer.seen.slice(before).find(({ event }) => event === 'why')
      if (answer?.['code'] !== undefined && fits(answer)) return answer
      await passed(100)
    }
  }
  /** The log of a peer that has stopped. */
  const recorded = async (peer: LanPeer, about: string): Promise<Line> => {
    expect(await peer.quit()).toBe(0)
    return JSON.parse(execFileSync(process.execPath, [cli, 'doctor', log(peer.name), about, '--json'], { encoding: 'utf8' })) as Line
  }
  const told = ({ code, endedIn, initiator, address, decider }: Line): object => ({ code, endedIn, initiator, address, decider })

  it('names a firewall that drops everything: the timeout', async () => {
    lan.nft(right, 'table inet drop_tcp {\n chain in {\n type filter hook input priority 0;\n meta l4proto tcp drop\n }\n}')
    const ann = await up(left, 'timeout', ['--no-lan', '--peer', NOBODY, '--record', log('timeout'), ...tune({ dialTimeoutMs: 500, backoffBaseMs: 4_000 })])
    // What happens again and again counts once.
    const answer = await why(ann, NOBODY, ({ times }) => times >= 2)
    expect(told(answer)).toEqual({
      code: 'dial-timeout', endedIn: 'dialing', initiator: 'network', address: NOBODY, decider: { kind: 'timeout', name: 'peer-connection.dialTimeoutMs', at: 'self' }
    })
    expect(answer['summary']).toMatch(/^There is no link to 10\.77\.0\.2:4999 since .*: \d+ dials of 10\.77\.0\.2:4999 ended in 'dialing', dial-timeout: .*; check the address and whether a firewall drops the packets\.$/)
    expect(told(await recorded(ann, NOBODY))).toEqual(told(answer))
    lan.nft(right, 'delete table inet drop_tcp')
  })

  it('names a port where nothing listens', async () => {
    const ann = await up(left, 'refused', ['--no-lan', '--peer', NOBODY, '--record', log('refused'), ...tune({ backoffBaseMs: LONG_MS })])
    const answer = await why(ann, NOBODY)
    expect(told(answer)).toEqual({ code: 'dial-refused', endedIn: 'dialing', initiator: 'network', address: NOBODY, decider: { kind: 'network', name: '', at: 'network' } })
    expect(told(await recorded(ann, NOBODY))).toEqual(told(answer))
  })

  it('names the cable, at the side where it was pulled and at the other', async () => {
    const options = (name: string) => ['--record', log(name), ...tune({ keepAliveIntervalMs: 300, keepAliveTimeoutMs: 2_000, dialTimeoutMs: 500 })]
    const [pulled, other] = [await up(left, 'pulled', options('pulled')), await up(right, 'other', options('other'))]
    await fullMesh([pulled, other])
    lan.setLink(left, 'down')
    await Promise.all([pulled, other].map(peer => peer.line('peer.disconnected')))

    // Interfaces are read ever and again: the link may be missed first.
    const here = await why(pulled, 'other', ({ code }) => code === 'interface-gone')
    expect(here).toMatchObject({ code: 'interface-gone', initiator: 'network', endedIn: 'enhanced', advice: 'Check the cable or the radio of this machine.' })
    expect(here['summary']).toMatch(/interface-gone: eth0 \(.*10\.77\.0\.1.*\) of this machine went down at \d{4}-.*; check the cable or the radio of this machine\.$/)
    const there = await why(other, 'pulled')
    expect(there).toMatchObject({
      code: 'keepalive-timeout', initiator: 'network', endedIn: 'enhanced', decider: { kind: 'timeout', name: 'peer-connection.keepAliveTimeoutMs', at: 'self' }
    })
    expect(there['summary']).toMatch(/check the cable; the other machine may be asleep or off\.$/)
    expect(told(await recorded(pulled, 'other'))).toEqual(told(here))
    expect(told(await recorded(other, 'pulled'))).toEqual(told(there))
    // On the machine itself.
    const checks = lan.exec(left, 'sh', '-c', `${process.execPath} ${cli} doctor --json --interface eth0 --data ${folder} || true`)
    expect(checks).toMatch(/"check":"interfaces","ok":"fail","code":"no-interface"/)
    lan.setLink(left, 'up')
  })
})
