import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom, take, toArray } from 'rxjs'
import { definitions } from '../../../actors/index.ts'
import { FileChunk, Level, PeerConnected, PeerDisconnected, PeerFound, PeerRefused, PeerVerified, TextMessage } from '../../../proto/index.ts'
import { createPeer, generateIdentity, NotAcceptedError, type Peer, type PeerOptions } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { Program } from '../../examples/run.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-two-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let network = 0
let peers: Peer[] = []
afterEach(async () => {
  await Promise.all(peers.map(peer => peer.stop()))
  peers = []
})

/** Peers that only meet one another. */
function pair(...options: PeerOptions[]): Peer[] {
  const name = `two-peers-${process.pid}-${network++}`
  return peers = ['ann', 'bob'].map((who, at) => createPeer({ name: who, network: name, interfaces: ['loopback'], ...options[at] }))
}

const verified = (peer: Peer, count = 1) =>
  firstValueFrom(peer.peers.pipe(filter(list => list.filter(({ level }) => level === 'enhanced').length === count)))
const text = (of: string) => new TextMessage({ text: of })

describe('two peers on one machine', () => {
  it('find, verify and message each other, and part in order; their logs replay without a difference', async () => {
    const records = ['ann', 'bob'].map(name => join(folder, `${name}.p2plog`))
    // Ann has to dial, and so to find bob first; there is no second link, however slow this one is.
    const [ann, bob] = pair({ record: records[0]!, inbound: false }, { record: records[1]! }) as [Peer, Peer]
    const told = firstValueFrom(ann.events.pipe(
      filter(({ type }) => [PeerFound, PeerConnected, PeerVerified].some(({ name }) => name === type)), take(3), toArray()
    ))
    await Promise.all([ann.start(), bob.start()])
    await Promise.all([verified(ann), verified(bob)])
    expect((await told).map(({ type }) => type)).toEqual(['PeerFound', 'PeerConnected', 'PeerVerified'])
    expect(ann.peers.value).toMatchObject([{
      peerId: bob.peerId, name: 'bob', level: 'enhanced', path: 'tcp', address: expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):\d+$/)
    }])
    expect(ann.links.value).toHaveLength(1)
    expect(ann.links.value[0]!.linkId).toBe(bob.links.value[0]!.linkId)

    const heard = firstValueFrom(bob.messages(TextMessage).pipe(take(3), toArray()))
    ann.send('bob', text('by name'))
    ann.send(bob.peerId.slice(0, 20), text('by prefix'))
    ann.broadcast(text('to all'))
    expect((await heard).map(({ peerId, body }) => [peerId, body.text])).toEqual([
      [ann.peerId, 'by name'], [ann.peerId, 'by prefix'], [ann.peerId, 'to all']
    ])

    const parted = firstValueFrom(bob.bus.of(PeerDisconnected))
    await ann.stop('off to bed')
    expect((await parted).body).toMatchObject({ peerId: ann.peerId, code: 'shutdown', reason: 'off to bed' })
    expect(bob.peers.value).toEqual([])
    await bob.stop()

    for (const record of records) {
      const { differences, divergence, clean, outputs } = await replay(record, { definitions })
      expect({ differences, divergence, clean }).toEqual({ differences: 0, divergence: undefined, clean: true })
      expect(outputs).toBeGreaterThan(20)
    }
  })

  it('leave no actor, timer, socket, subscription or file behind, and the process ends by itself', async () => {
    expect(await new Program(join(import.meta.dirname, 'leak-program.ts')).done()).toEqual(['[]'])
  })

  it('do not meet when they belong to different networks', async () => {
    const [ann, bob] = pair() as [Peer, Peer]
    const eve = createPeer({ name: 'eve', network: `${ann.network}-elsewhere`, interfaces: ['loopback'] })
    peers.push(eve)
    await Promise.all([ann.start(), bob.start(), eve.start()])
    await Promise.all([verified(ann), verified(bob)])
    expect(eve.peers.value).toEqual([])
  })

  it('wait to be told before they look for each other', async () => {
    const [ann, bob] = pair() as [Peer, Peer]
    await Promise.all([ann.start({ wait: true }), bob.start({ wait: true })])
    expect(ann.listening.length).toBeGreaterThan(0)
    expect(ann.peers.value).toEqual([])
    ann.discover()
    bob.discover()
    await verified(ann)
  })

  it('meet without announcements where one knows the other\'s place', async () => {
    const [ann] = pair({ lan: false }) as [Peer]
    await ann.start()
    const { host, port } = ann.listening[0]!
    const bob = createPeer({ network: ann.network, lan: false, inbound: false, peers: [`${ann.peerId}@${host}:${port}`] })
    peers.push(bob)
    await bob.start()
    expect(bob.listening).toEqual([])
    await Promise.all([verified(ann), verified(bob)])
    expect(bob.peers.value).toMatchObject([{ direction: 'out' }])
  })

  it('refuse whoever has another key than the expected one', async () => {
    const [ann] = pair({ lan: false }) as [Peer]
    await ann.start()
    const { host, port } = ann.listening[0]!
    const bob = createPeer({ network: ann.network, lan: false, peers: [`${generateIdentity().peerId}@${host}:${port}`] })
    peers.push(bob)
    const refused = firstValueFrom(bob.bus.of(PeerRefused))
    await bob.start()
    expect((await refused).body).toMatchObject({ code: 'wrong-key' })
    expect(ann.peers.value).toEqual([])
  })

  it('part when one is dropped, and stay apart', async () => {
    const [ann, bob] = pair() as [Peer, Peer]
    await Promise.all([ann.start(), bob.start()])
    await Promise.all([verified(ann), verified(bob)])
    const gone = [ann, bob].map(peer => firstValueFrom(peer.bus.of(PeerDisconnected)))
    ann.drop('bob')
    expect((await gone[0]!).body.code).toBe('dropped')
    expect((await gone[1]!).body.code).toBe('dropped')
    expect(() => ann.send('bob', text('are you there?'))).toThrow('no connected peer is called')
  })

  it('know a peer that comes back under its identity', async () => {
    const identity = generateIdentity()
    const [ann, bob] = pair({}, { identity }) as [Peer, Peer]
    await Promise.all([ann.start(), bob.start()])
    await verified(ann)
    const gone = firstValueFrom(ann.bus.of(PeerDisconnected))
    await bob.stop()
    await gone
    const again = createPeer({ name: 'bob', network: ann.network, interfaces: ['loopback'], identity })
    peers.push(again)
    await again.start()
    expect((await verified(ann)).map(({ peerId }) => peerId)).toEqual([identity.peerId])
  })

  it('pump messages past the bus where a type is declared so', async () => {
    const messages = [{ type: FileChunk, via: 'pump' as const }]
    const [ann, bob] = pair({ messages }, { messages }) as [Peer, Peer]
    await Promise.all([ann.start(), bob.start()])
    await Promise.all([verified(ann), verified(bob)])
    let onTheBus = 0
    for (const peer of [ann, bob]) peer.bus.of(FileChunk).subscribe(() => { onTheBus++ })
    const heard = firstValueFrom(bob.messages(FileChunk).pipe(take(1_000), toArray()))
    for (let at = 0; at < 1_000; at++) if (!ann.send('bob', new FileChunk({ offset: at }))) await ann.drained('bob')
    expect((await heard).map(({ body }) => body.offset)).toEqual(Array.from({ length: 1_000 }, (_, at) => at))
    expect(onTheBus).toBe(0)
  })

  it('say which message the other side does not take', async () => {
    const [ann, bob] = pair({ messages: [{ type: FileChunk, level: Level.LEVEL_BASIC }] }) as [Peer, Peer]
    await Promise.all([ann.start(), bob.start()])
    await verified(ann)
    expect(() => ann.send('bob', new FileChunk())).toThrow(NotAcceptedError)
  })

  it('take a text that was cut within an emoji, and stay linked; the log replays', async () => {
    const record = join(folder, 'cut.p2plog')
    const [ann, bob] = pair({ record }) as [Peer, Peer]
    await Promise.all([ann.start(), bob.start()])
    await Promise.all([verified(ann), verified(bob)])
    const heard = firstValueFrom(bob.messages(TextMessage).pipe(take(2), toArray()))
    const cut = 'party \u{1f389}'.slice(0, 7)
    ann.send('bob', text(cut))
    ann.publish(text(cut))
    ann.send('bob', text('whole'))
    expect((await heard).map(({ body }) => body.text)).toEqual(['party \ufffd', 'whole'])
    await ann.stop()
    expect(await replay(record)).toMatchObject({ differences: 0, clean: true })
  })

  it('take a message sent from within a subscriber', async () => {
    const [ann, bob] = pair() as [Peer, Peer]
    bob.bus.of(PeerVerified).subscribe(({ body }) => {
      expect(bob.send(body.peerId, text('welcome'))).toBe(true)
    })
    const heard = firstValueFrom(ann.messages(TextMessage))
    await Promise.all([ann.start(), bob.start()])
    expect((await heard).body.text).toBe('welcome')
  })
})

describe('ten peers on one machine', () => {
  it('form a full mesh, of one link a pair', async () => {
    peers = Array.from({ length: 10 }, (_, at) => createPeer({ name: `peer-${at}`, network: `mesh-${process.pid}`, interfaces: ['loopback'] }))
    await Promise.all(peers.map(peer => peer.start()))
    await Promise.all(peers.map(peer => verified(peer, 9)))
    const links = peers.flatMap(peer => peer.peers.value.map(({ peerId }) => [peer.peerId, peerId].sort().join()))
    expect(new Set(links).size).toBe(45)
  }, 180_000)
})
