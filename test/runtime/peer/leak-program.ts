// Starts and stops peers, and prints what the process holds beyond what it held before.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom, type Observable } from 'rxjs'
import { PeerConnected, TextMessage } from '../../../proto/index.ts'
import { createPeer, type Peer } from '../../../runtime/index.ts'
import type { Bus } from '../../../runtime/kernel/index.ts'

const receivers = (peer: Peer) => (peer.bus as Bus).receivers
const turn = () => new Promise(resolve => setImmediate(resolve))
const folder = mkdtempSync(join(tmpdir(), 'p2pnet-leak-'))
const count = (kinds: string[]) => kinds.reduce<Record<string, number>>((counts, kind) => ({ ...counts, [kind]: (counts[kind] ?? 0) + 1 }), {})

await turn()
const before = count(process.getActiveResourcesInfo())
const left: unknown[] = []
for (let round = 0; round < 3; round++) {
  const peers = ['ann', 'bob', 'cid'].map(name => createPeer({
    name, network: `leak-${process.pid}`, interfaces: ['loopback'], record: join(folder, `${name}-${round}.p2plog`)
  }))
  const own = new Map(peers.map(peer => [peer, receivers(peer)]))
  const completed = new Set<unknown>()
  for (const peer of peers) {
    for (const observable of [peer.peers, peer.links, peer.events, peer.bus.all, peer.bus.of(PeerConnected), peer.messages(TextMessage)] as Observable<unknown>[]) {
      observable.subscribe({ complete: () => completed.add(observable) })
    }
  }
  await Promise.all(peers.map(peer => peer.start()))
  await Promise.all(peers.map(peer => firstValueFrom(peer.peers.pipe(filter(list => list.filter(({ level }) => level === 'enhanced').length === 2)))))
  for (const peer of peers) peer.broadcast(new TextMessage({ text: 'hello' }))
  await Promise.all(peers.map(peer => peer.stop()))
  await turn()
  for (const peer of peers) {
    const { rss: _, deadLetters: __, ...status } = peer.status()
    left.push(...Object.entries(status).filter(([, value]) => value !== 0))
    if (receivers(peer) !== own.get(peer)) left.push(['receivers', receivers(peer), own.get(peer)])
  }
  if (completed.size !== 18) left.push(['subscriptions', 18 - completed.size])
  const now = count(process.getActiveResourcesInfo())
  for (const kind of new Set([...Object.keys(before), ...Object.keys(now)])) if (now[kind] !== before[kind]) left.push([kind, now[kind] ?? 0, before[kind] ?? 0])
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify(left))
