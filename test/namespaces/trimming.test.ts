import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { setTimeout as passed } from 'node:timers/promises'
import { LanPeer } from '../support/lan-peers.ts'
import type { Line } from '../support/lines.ts'
import { needs } from '../support/needs.ts'
import { TestLan } from '../support/netns.ts'

const PEERS = 12
const MARK = 4
const SETTLE_MS = 30_000
const WATCH_MS = 60_000
/** A minute has 12 new lives: each time its links go and come, and as many others make room for it and are replaced. */
const CHANGES_MAX = 12 * 4 * MARK

const isChange = ({ event }: Line): boolean => event === 'peer.connected' || event === 'peer.disconnected'

/** Names of the peers that each lists. */
async function listed(peers: readonly LanPeer[]): Promise<Map<string, string[]>> {
  return new Map(await Promise.all(peers.map(async peer => {
    const before = peer.seen.filter(({ event }) => event === 'peers').length
    peer.send('peers')
    const lines = await peer.lines(before + 1, 'peers')
    const { peers: rows } = lines.at(-1) as unknown as { peers: { peerId: string }[] }
    return [peer.peerId, rows.map(({ peerId }) => peerId)] as const
  })))
}

/** How many of them can be reached from the first, over links that both ends list. */
function reachable(lists: ReadonlyMap<string, readonly string[]>): number {
  const [first] = lists.keys()
  const reached = new Set<string>()
  const next = [first!]
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    reached.add(id)
    for (const other of lists.get(id)!) if (!reached.has(other) && lists.get(other)?.includes(id)) next.push(other)
  }
  return reached.size
}

needs('root', 'netns', 'ip')('twelve peers with --max-lan-links 4', () => {
  let lan: TestLan
  let peers: LanPeer[] = []
  const up = (index: number, data?: string): Promise<LanPeer> => LanPeer.up(lan, lan.hosts[index]!, `peer-${index}`, ['--max-lan-links', String(MARK)], data)
  const changes = (some: readonly LanPeer[], sinceMs: number): Line[] => some.flatMap(({ seen }) => seen.filter(line => isChange(line) && (line['time'] as number) >= sinceMs))

  beforeAll(() => { lan = TestLan.create(PEERS) })
  afterAll(async () => {
    await Promise.all(peers.map(peer => peer.quit()))
    for (const peer of peers) peer.forget()
    await lan.remove()
  })

  it('settle at four links or fewer within 30 s, as one network, and change no link in the following minute', async () => {
    peers = await Promise.all(lan.hosts.map((_, index) => up(index)))
    await passed(SETTLE_MS)
    const settledAt = Date.now()
    const lists = await listed(peers)
    expect(Math.max(...[...lists.values()].map(list => list.length))).toBeLessThanOrEqual(MARK)
    expect(reachable(lists)).toBe(PEERS)
    await passed(WATCH_MS)
    expect(changes(peers, settledAt).map(({ event, ...line }) => [event, line['code']])).toEqual([])
    expect(await listed(peers)).toEqual(lists)
    const last = Math.max(...peers.flatMap(({ seen }) => seen.filter(isChange).map(line => line['time'] as number)))
    process.stdout.write(`12 peers, at most 4 links each: at rest ${((last - settledAt + SETTLE_MS) / 1_000).toFixed(1)} s after they were up, `
      + `${[...lists.values()].reduce((sum, list) => sum + list.length, 0) / 2} links\n`)
  }, 300_000)

  it('do not swing while one of them starts anew every 5 s', async () => {
    const began = Date.now()
    let [restarting] = peers as [LanPeer]
    const lives: LanPeer[] = []
    for (let turn = 1; turn * 5_000 <= WATCH_MS; turn++) {
      await passed(Math.max(0, began + turn * 5_000 - Date.now()))
      restarting.child.kill('SIGKILL')
      await restarting.exit()
      lives.push(restarting)
      restarting = await up(0, restarting.data)
      peers[0] = restarting
    }
    const minutes = (Date.now() - began) / 60_000
    const others = changes(peers.slice(1), began)
    const codes = new Map<string, number>()
    for (const line of others) codes.set(String(line['code'] ?? line.event), (codes.get(String(line['code'] ?? line.event)) ?? 0) + 1)
    process.stdout.write(`one of 12 peers started anew ${lives.length} times: ${Math.round(others.length / minutes)} link changes a minute at the other eleven `
      + `(${[...codes].map(([code, count]) => `${count} ${code}`).join(', ')})\n`)
    expect(others.length / minutes).toBeLessThanOrEqual(CHANGES_MAX)
    const settled = (lists: Awaited<ReturnType<typeof listed>>) => reachable(lists) === PEERS && [...lists.values()].every(list => list.length <= MARK)
    let lists = await listed(peers)
    for (const until = Date.now() + SETTLE_MS; !settled(lists) && Date.now() < until; lists = await listed(peers)) await passed(1_000)
    expect(Math.max(...[...lists.values()].map(list => list.length))).toBeLessThanOrEqual(MARK)
    expect(reachable(lists)).toBe(PEERS)
  }, 300_000)
})
