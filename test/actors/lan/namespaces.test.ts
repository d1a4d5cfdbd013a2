import { join } from 'node:path'
import { afterEach, expect, it, jest } from '@jest/globals'
import { Lines } from '../../support/lines.ts'
import { needs } from '../../support/needs.ts'
import { TestLan, type TestHost } from '../../support/netns.ts'

const root = join(import.meta.dirname, '../../..')
const script = join(import.meta.dirname, 'lan-node.ts')
const loader = join(root, 'scripts/ts.mjs')

// Every process compiles its sources first, which takes its time where ten do at once.
jest.setTimeout(300_000)

/** A LAN discovery process on a host. */
class Node extends Lines {
  peerId = ''

  static async up(lan: TestLan, host: TestHost, options: object = {}): Promise<Node> {
    const node = new Node(lan.spawn(host, process.execPath, ['--import', loader, script, JSON.stringify(options)], { cwd: root }))
    node.peerId = (await node.line('ready')).peerId
    return node
  }

  /** The first it heard of the other. */
  async heard(other: Node): Promise<{ endpoint: { host: string, port: number }, via: string, answer?: boolean, at: number, time: number }> {
    return await this.line('heard', ({ peerId }) => peerId === other.peerId) as never
  }
}

const lans: TestLan[] = []

function lanOf(hosts: number): TestLan {
  const lan = TestLan.create(hosts)
  lans.push(lan)
  return lan
}

afterEach(async () => {
  await Promise.all(lans.splice(0).map(lan => lan.remove()))
})

/** Lets out of a host only one transport; nothing comes in but that way, so answers are cut off too. */
const ONLY = {
  'limited broadcast': 'ip daddr 255.255.255.255 accept',
  'subnet broadcast': 'ip daddr 10.77.0.255 accept',
  'IPv4 multicast': 'ip daddr 224.0.0.0/4 accept',
  'IPv6 multicast': 'ip6 daddr ff00::/8 accept'
}
const only = (rule: string): string => `table inet only {
  chain out {
    type filter hook output priority 0; policy accept;
    oifname "lo" drop
    udp dport 8001-8003 ${rule}
    meta l4proto udp drop
  }
}
`

needs('root', 'netns', 'ip', 'nft')('LAN discovery between machines', () => {
  for (const [name, rule] of Object.entries(ONLY)) {
    it(`works where ${name} alone gets through`, async () => {
      const lan = lanOf(2)
      for (const host of lan.hosts) lan.nft(host, only(rule))
      const nodes = await Promise.all(lan.hosts.map(host => Node.up(lan, host)))
      for (const node of nodes) node.send('start')
      const [ada, bob] = nodes as [Node, Node]
      const heard = await bob.heard(ada)
      await ada.heard(bob)
      expect(heard.via).toBe(name.includes('multicast') ? 'multicast' : 'broadcast')
      expect(heard.endpoint).toEqual({ host: name === 'IPv6 multicast' ? expect.stringMatching(/^fe80::.*%eth0$/) : lan.hosts[0]!.address, port: 4_000 })
    })
  }

  it('answers a peer that comes later, so that it need not wait for the next announcement', async () => {
    const lan = lanOf(2)
    const quiet = { broadcaster: { fastMs: 3_600_000, slowMs: 3_600_000, quietMs: 3_600_000 } }
    const ada = await Node.up(lan, lan.hosts[0]!, quiet)
    ada.send('start')
    await ada.lines(4, 'announced')
    const bob = await Node.up(lan, lan.hosts[1]!, quiet)
    bob.send('start')
    const heard = await bob.heard(ada)
    expect(heard.answer).toBe(true)
    // By its own clock: what the machine makes the two wait is no part of it.
    expect((await ada.line('answered'))['time'] - (await ada.heard(bob)).time).toBeLessThan(250)
    expect(ada.seen.filter(({ event }) => event === 'announced').length).toBe(4)
  })

  it('follows interfaces that come, go and come again', async () => {
    const lan = lanOf(2)
    lan.unplug(lan.hosts[0]!)
    const [ada, bob] = await Promise.all(lan.hosts.map(host => Node.up(lan, host, { pollMs: 100 }))) as [Node, Node]
    expect(ada.seen.find(({ event }) => event === 'interfaces')?.['interfaces']).toEqual([{ name: 'lo', addresses: ['127.0.0.1'] }])
    ada.send('start')
    bob.send('start')
    await ada.lines(4, 'announced')
    expect(ada.seen.some(({ event }) => event === 'heard')).toBe(false)

    const eth0 = ({ interfaces }: { [field: string]: any }) => interfaces[0].name === 'eth0'
    lan.plug(lan.hosts[0]!)
    await ada.line('interfaces', eth0)
    await Promise.all([ada.heard(bob), bob.heard(ada)])

    lan.setLink(lan.hosts[0]!, 'down')
    await ada.lines(2, 'interfaces', line => !eth0(line))
    const before = bob.seen.filter(({ event }) => event === 'heard').length
    lan.setLink(lan.hosts[0]!, 'up')
    // Through the sockets and groups that were opened anew.
    await bob.lines(before + 1, 'heard')
    lan.unplug(lan.hosts[0]!)
    lan.plug(lan.hosts[0]!)
    const again = ada.seen.filter(({ event }) => event === 'heard').length
    await ada.lines(again + 1, 'heard')
  })

  it('stays on the named interfaces: nothing leaves by others, nothing from them is heard', async () => {
    const lan = lanOf(2)
    const inside = await Promise.all([Node.up(lan, lan.hosts[0]!, { interfaces: ['lo'] }), Node.up(lan, lan.hosts[0]!, { interfaces: ['lo'] })])
    const outside = await Node.up(lan, lan.hosts[1]!)
    for (const node of [...inside, outside]) node.send('start')
    await Promise.all([inside[0]!.heard(inside[1]!), inside[1]!.heard(inside[0]!)])
    await inside[0]!.line('counts', ({ counts }) => counts.some(({ name }: { name: string }) => name === 'off-link'))
    await outside.lines(5, 'announced')
    for (const node of inside) expect(node.seen.filter(({ event, peerId }) => event === 'heard' && peerId === outside.peerId)).toEqual([])
    expect(outside.seen.filter(({ event }) => event === 'heard')).toEqual([])
  })

  it('leaves no dead letters, and ends when it is told to', async () => {
    const lan = lanOf(2)
    const nodes = await Promise.all(lan.hosts.map(host => Node.up(lan, host)))
    for (const node of nodes) node.send('start')
    await nodes[0]!.lines(6, 'announced')
    for (const node of nodes) node.send('quit')
    expect(await Promise.all(nodes.map(node => node.exit()))).toEqual([0, 0])
    for (const node of nodes) expect(node.seen.filter(({ event }) => event === 'dead-letter')).toEqual([])
  })

  it('lets ten peers that start together hear each other at once', async () => {
    const lan = lanOf(10)
    const untilAllAreHeard = async (): Promise<number> => {
      const nodes = await Promise.all(lan.hosts.map(host => Node.up(lan, host)))
      const go = performance.timeOrigin + performance.now()
      for (const node of nodes) node.send('start')
      const heard = await Promise.all(nodes.flatMap(node => nodes.filter(other => other !== node).map(other => node.heard(other))))
      expect(heard.length).toBe(90)
      for (const node of nodes) node.send('quit')
      await Promise.all(nodes.map(node => node.exit()))
      return Math.max(...heard.map(({ at }) => at)) - go
    }
    // Whatever else this machine does can make it longer, and never shorter.
    let shortest = await untilAllAreHeard()
    for (let more = 0; more < 3 && shortest >= 2_000; more++) shortest = Math.min(shortest, await untilAllAreHeard())
    expect(shortest).toBeLessThan(2_000)
  })
})
