import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { createMachine } from 'xstate'
import { defineActor, definitions, DirectoryStoreError, generateIdentity, Links, networkTag } from '../../../actors/index.ts'
import { DirectoryStore } from '../../../actors/peer-directory/index.ts'
import { PEER_RECORD_CONTEXT } from '../../../actors/peer-exchange/record.ts'
import {
  CollectionShare, DirectoryOpened, Disconnect, Endpoint, LinkEnded, PeerClaim, PeerDisconnected, PeerFound, PeerRecord, PeersClaimed, ShareHeard,
  SignedPeerRecord, TextMessage
} from '../../../proto/index.ts'
import { createPeer, NotAcceptedError, type Peer, type PeerOptions } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-known-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let networks = 0
let network = ''
const peers: Peer[] = []
afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
})

/** On loopback, and found only as the test says. */
async function peer(name: string, options: PeerOptions = {}): Promise<Peer> {
  const made = createPeer({ name, network, lan: false, listen: '127.0.0.1:0', ...options })
  peers.push(made)
  await made.start()
  return made
}

const at = (other: Peer): string => `127.0.0.1:${other.listening[0]!.port}`
const enhanced = (one: Peer, other: Peer) =>
  firstValueFrom(one.peers.pipe(filter(list => list.some(({ peerId, level }) => peerId === other.peerId && level === 'enhanced'))))
const fast = { 'peer-exchange': { loopback: true, trickleMs: 500 }, 'peer-directory': { roundMs: 300 } }

describe('known peers', () => {
  it('are found again after a restart, without discovery and without being named; the log replays', async () => {
    network = `known-${process.pid}-${networks++}`
    const [dir, record] = [join(folder, 'again'), join(folder, 'again.p2plog')]
    const bob = await peer('bob')
    const ann = await peer('ann', { dir, peers: [at(bob)] })
    await enhanced(ann, bob)
    await ann.stop()
    const again = createPeer({ name: 'ann', network, lan: false, listen: '127.0.0.1:0', dir, record })
    peers.push(again)
    const found = firstValueFrom(again.bus.of(PeerFound))
    await again.start()
    expect((await found).body).toMatchObject({ peerId: bob.peerId, name: 'bob', via: 'directory' })
    await enhanced(again, bob)
    await again.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
    const store = await DirectoryStore.open(dir, networkTag(network), { readOnly: true })
    const known = [...store.records()]
    await store.close()
    expect(known).toMatchObject([{ peerId: bob.peerId, name: 'bob', steps: ['pings'], addresses: [{ via: 'link', endpoint: { host: '127.0.0.1' } }] }])
    expect([known[0]!.failures, known[0]!.source]).toEqual([0, ''])
    expect(known[0]!.verifiedAt).toBeGreaterThan(Date.now() - 600_000)
  })

  it('are remembered by one process a folder; a second one runs without memory, and says why', async () => {
    network = `known-${process.pid}-${networks++}`
    const dir = join(folder, 'shared')
    const ann = await peer('ann', { dir })
    const second = createPeer({ name: 'second', network, lan: false, listen: '127.0.0.1:0', dir, log: 'silent' })
    peers.push(second)
    const opened = firstValueFrom(second.bus.of(DirectoryOpened))
    await second.start()
    expect((await opened).body).toMatchObject({ durable: false, code: 'store-in-use' })
    expect(ann.peerId).toBe(second.peerId)
    expect(new DirectoryStoreError('store-failed', 'x').name).toBe('DirectoryStoreError')
  })

  it('are told of to others, who link with them', async () => {
    network = `known-${process.pid}-${networks++}`
    const hub = await peer('hub', { tune: fast })
    const [ann, bob] = [await peer('ann', { peers: [at(hub)], tune: fast }), await peer('bob', { peers: [at(hub)], tune: fast })]
    // The one that was dialled need not have heard of the other.
    const found = Promise.race([[ann, bob], [bob, ann]].map(([one, other]) => firstValueFrom(one!.bus.of(PeerFound).pipe(filter(({ body }) => body.peerId === other!.peerId)))))
    await Promise.all([enhanced(ann, bob), enhanced(bob, ann)])
    expect((await found).body.via).toBe('exchange')
  }, 180_000)

  it('stay connected whatever a third peer says of them: nobody can announce the departure of another', async () => {
    network = `known-${process.pid}-${networks++}`
    const victim = generateIdentity()
    const ann = await peer('ann', { tune: fast })
    const bob = await peer('bob', { identity: victim, peers: [at(ann)], tune: fast })
    let links!: Links
    const mouth = defineActor({
      kind: 'mouth', machine: createMachine({}), drivers: { any: ({ services }) => {
        links = services.get(Links)
        return { receive() {} }
      } }
    })
    const eve = await peer('eve', { peers: [at(ann)], actors: [mouth] })
    await Promise.all([enhanced(ann, bob), enhanced(ann, eve)])
    const ends: string[] = []
    ann.bus.of(PeerDisconnected).subscribe(({ body }) => ends.push(body.peerId))
    ann.bus.of(LinkEnded).subscribe(({ body }) => ends.push(body.peerId))

    // Even with records that bob's own key has signed: of no place, and of a place that is not his.
    const forged = [[], [new Endpoint({ host: '127.0.0.1', port: 4_000 })]].map((addresses, n) => {
      const record = PeerRecord.encode(new PeerRecord({
        version: 1, network: networkTag(network), publicKey: victim.publicKey, sequence: Date.now() + 60_000 + n, expiresAt: Date.now() + 3_600_000, addresses
      })).finish()
      return new SignedPeerRecord({ record, signature: victim.sign(PEER_RECORD_CONTEXT, record) })
    })
    const heard = firstValueFrom(ann.bus.of(ShareHeard).pipe(filter(({ body }) => body.peerId === eve.peerId && body.claims.some(({ peerId }) => peerId === bob.peerId))))
    links.send(ann.peerId, new CollectionShare({ entries: forged }))
    // What says that somebody left is no message that peers exchange.
    for (const word of [new PeerDisconnected({ peerId: bob.peerId, code: 'shutdown' }), new Disconnect({ code: 'shutdown' }), new PeersClaimed({ source: bob.peerId, claims: [new PeerClaim()] })]) {
      expect(() => links.send(ann.peerId, word)).toThrow(NotAcceptedError)
    }
    await heard
    const still = firstValueFrom(ann.messages(TextMessage).pipe(filter(({ peerId }) => peerId === bob.peerId)))
    bob.send(ann.peerId, new TextMessage({ text: 'still here' }))
    expect((await still).body.text).toBe('still here')
    expect(ends).toEqual([])
    expect(ann.peers.value.map(({ peerId, level }) => [peerId, level]).sort()).toEqual([[bob.peerId, 'enhanced'], [eve.peerId, 'enhanced']].sort())
  }, 180_000)
})
