import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { definitions, generateIdentity } from '../../../actors/index.ts'
import {
  DirectoryOpened, DriverCounts, InboundLeft, InboundQueued, Initiator, LinkEnded, LinkLevelReached, Listening, PeerConnected, PeerDisconnected, PeerFound, PeerHeard, PeerPending, PeerRefused, PeerVerified,
  PolicyChanged, PolicyRefused, PolicyValue, RoutineDue, SetPolicy, TextMessage, Verified
} from '../../../proto/index.ts'
import { askStep, authorityStep, createPeer, NotConnectedError, signCertificate, type Peer, type PeerOptions } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-policy-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let networks = 0
let network = ''
beforeEach(() => { network = `policy-${process.pid}-${networks++}` })
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
const linked = (one: Peer, other: Peer) =>
  firstValueFrom(one.peers.pipe(filter(list => list.some(({ peerId, level }) => peerId === other.peerId && level === 'enhanced'))))
const refusedBy = (one: Peer) => firstValueFrom(one.bus.of(PeerRefused))
const counted = (one: Peer, name: string) =>
  firstValueFrom(one.bus.of(DriverCounts).pipe(filter(({ body }) => body.counts.some(each => each.name === name))))

/** All that a listener says to a caller from an address, until it hangs up. */
async function callFrom(localAddress: string, other: Peer, says: Buffer): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port: other.listening[0]!.port, localAddress })
  const heard: Buffer[] = []
  socket.on('data', chunk => heard.push(chunk))
  socket.on('error', () => {})
  socket.on('connect', () => socket.write(says))
  await new Promise(resolve => socket.once('close', resolve))
  return Buffer.concat(heard)
}

describe('a blocked address', () => {
  it('never gets a byte of TLS, is counted, and others are served', async () => {
    const ann = await peer('ann', { policy: { blocked: ['127.0.0.3/32'] } })
    const count = counted(ann, 'blocked-address')
    // The first bytes of a ClientHello, which a listener that reads them answers with an alert.
    const hello = Buffer.concat([Buffer.from('160301000401000000', 'hex'), Buffer.alloc(600)])
    expect(await callFrom('127.0.0.3', ann, hello)).toHaveLength(0)
    expect((await callFrom('127.0.0.1', ann, hello)).length).toBeGreaterThan(0)
    expect((await count).from).toBe('listener/main#tcp')
    const bob = await peer('bob', { peers: [at(ann)] })
    await linked(bob, ann)
  })

  it('is not dialled, by its number or by a name that leads to it', async () => {
    const ann = await peer('ann')
    const bob = createPeer({ name: 'bob', network, lan: false, inbound: false, peers: [`localhost:${ann.listening[0]!.port}`], policy: { blocked: ['127.0.0.0/8', '::1'] } })
    peers.push(bob)
    const refused = refusedBy(bob)
    await bob.start()
    expect((await refused).body).toMatchObject({ code: 'blocked-address', initiator: Initiator.INITIATOR_NETWORK })
    const cid = await peer('cid', { peers: [at(ann)], policy: { blocked: ['127.0.0.1'] } })
    expect([ann.links.value, cid.links.value]).toEqual([[], []])
  })

  it('loses its links when it is blocked, and both sides know why', async () => {
    const ann = await peer('ann')
    const bob = await peer('bob', { peers: [at(ann)] })
    await Promise.all([linked(ann, bob), linked(bob, ann)])
    const gone = Promise.all([ann, bob].map(each => firstValueFrom(each.bus.of(PeerDisconnected))))
    ann.block('127.0.0.0/8')
    expect((await gone).map(({ body }) => [body.code, body.initiator])).toEqual([['blocked-address', Initiator.INITIATOR_SELF], ['blocked-address', Initiator.INITIATOR_REMOTE]])
    expect(ann.policy.blocked).toEqual(['127.0.0.0/8'])
  })
})

describe('a blocked PeerId', () => {
  it('is closed as soon as TLS shows it, and both sides see the reason; the log replays', async () => {
    const identity = generateIdentity()
    const record = join(folder, 'blocked.p2plog')
    const ann = await peer('ann', { record, policy: { blocked: [identity.peerId] } })
    const refused = refusedBy(ann)
    const bob = createPeer({ identity, name: 'bob', network, lan: false, inbound: false, peers: [at(ann)] })
    peers.push(bob)
    const told = refusedBy(bob)
    await bob.start()
    expect((await refused).body).toMatchObject({ peerId: bob.peerId, code: 'blocked', initiator: Initiator.INITIATOR_SELF })
    expect((await told).body).toMatchObject({ peerId: ann.peerId, code: 'blocked', reason: 'The policy of one side blocks the PeerId of the other.', initiator: Initiator.INITIATOR_REMOTE })
    expect(ann.links.value).toEqual([])
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('is told so when we dial a place and find it there', async () => {
    const bob = await peer('bob')
    const told = refusedBy(bob)
    const ann = createPeer({ name: 'ann', network, lan: false, inbound: false, peers: [at(bob)], policy: { blocked: [bob.peerId] } })
    peers.push(ann)
    const refused = refusedBy(ann)
    await ann.start()
    expect((await refused).body).toMatchObject({ peerId: bob.peerId, code: 'blocked', initiator: Initiator.INITIATOR_SELF })
    expect((await told).body).toMatchObject({ peerId: ann.peerId, code: 'blocked', initiator: Initiator.INITIATOR_REMOTE })
  })

  it('stays blocked in the next run, and is forgotten as such when it is unblocked', async () => {
    const dir = join(folder, 'remembers')
    const other = generateIdentity().peerId
    const restarted = async () => {
      const ann = createPeer({ name: 'ann', network, dir, lan: false, listen: '127.0.0.1:0' })
      peers.push(ann)
      const opened = firstValueFrom(ann.bus.of(DirectoryOpened))
      await ann.start()
      await opened
      return ann
    }
    const first = await restarted()
    first.block(other)
    expect(first.policy.blocked).toEqual([other])
    await first.stop()
    const second = await restarted()
    expect(second.policy.blocked).toEqual([other])
    second.unblock(other)
    expect(second.policy.blocked).toEqual([])
    await second.stop()
    expect((await restarted()).policy.blocked).toEqual([])
  })

  it('is not found on the local network, until it is unblocked', async () => {
    const options = { network, interfaces: ['loopback'] }
    const bob = createPeer({ ...options, name: 'bob' })
    const ann = createPeer({ ...options, name: 'ann', policy: { blocked: [bob.peerId] } })
    peers.push(ann, bob)
    let found = 0
    ann.bus.of(PeerFound).subscribe(() => { found++ })
    const refused = firstValueFrom(bob.bus.of(PeerRefused).pipe(filter(({ body }) => body.code === 'blocked')))
    await Promise.all([ann.start(), bob.start()])
    // Whoever of the two dials; bob does when ann does not.
    await refused
    expect([found, ann.peers.value]).toEqual([0, []])
    ann.unblock(bob.peerId)
    await linked(ann, bob)
  }, 20_000)
})

describe('what passes before trust', () => {
  const pending = (one: Peer) => firstValueFrom(one.bus.of(PeerPending))

  it('is everything where the policy of both sides has it so, and verification goes on beside it', async () => {
    const options = { policy: { enhancedBeforeTrust: true }, verify: [askStep], messages: [RoutineDue] }
    const [ann, bob] = [await peer('ann', options), createPeer({ name: 'bob', network, lan: false, inbound: false, ...options })]
    peers.push(bob)
    const heard = firstValueFrom(bob.messages(RoutineDue))
    await bob.start()
    bob.publish(new PeerHeard({ peerId: ann.peerId, via: 'static', endpoints: [...ann.listening], acceptsInbound: true }))
    await Promise.all([pending(ann), firstValueFrom(ann.bus.of(PeerConnected)), firstValueFrom(ann.bus.of(Verified).pipe(filter(({ from }) => from.endsWith('#link'))))])
    ann.send(bob.peerId, new RoutineDue({ name: 'before anybody has approved' }))
    expect((await heard).body.name).toBe('before anybody has approved')
    expect([ann.peers.value[0]!.level, bob.peers.value[0]!.level]).toEqual(['basic', 'basic'])
    const verified = firstValueFrom(ann.bus.of(PeerVerified))
    ann.approve(bob.peerId)
    bob.approve(ann.peerId)
    expect((await verified).body.steps).toEqual(['ask'])
    const gone = firstValueFrom(bob.bus.of(PeerDisconnected))
    ann.revoke(bob.peerId)
    expect((await gone).body.code).toBe('trust-revoked')
    expect(() => ann.send(bob.peerId, new RoutineDue())).toThrow(NotConnectedError)
  })

  it('is nothing where the policy has it so: no message, and no goodbye', async () => {
    const ann = await peer('ann', { policy: { communication: false } })
    const bob = createPeer({ name: 'bob', network, lan: false, inbound: false, peers: [at(ann)], verify: [askStep] })
    peers.push(bob)
    // We have verified it, and nobody has approved us there yet.
    const waits = Promise.all([pending(ann), firstValueFrom(ann.bus.of(LinkLevelReached))])
    await bob.start()
    await waits
    expect([ann.peers.value, ann.links.value.length]).toEqual([[], 1])
    expect(() => ann.send(bob.peerId, new TextMessage({ text: 'hello' }))).toThrow(NotConnectedError)
    const ended = firstValueFrom(bob.bus.of(LinkEnded))
    await ann.stop()
    expect((await ended).body).toMatchObject({ code: 'lost', initiator: Initiator.INITIATOR_NETWORK })
  })

  it('is decided by the host program where the default protocol is off, until it is on again', async () => {
    const ann = await peer('ann', { policy: { defaultTrust: false } })
    const bob = await peer('bob', { peers: [at(ann)] })
    const verified = firstValueFrom(ann.bus.of(PeerVerified))
    expect((await pending(ann)).body).toMatchObject({ peerId: bob.peerId, step: 'ask' })
    ann.approve(bob.peerId)
    expect((await verified).body.steps).toEqual(['ask'])
    ann.setPolicy({ defaultTrust: true })
    const byPings = firstValueFrom(ann.bus.of(PeerVerified))
    const cid = await peer('cid', { peers: [at(ann)] })
    expect((await byPings).body).toMatchObject({ peerId: cid.peerId, steps: ['pings'] })
    expect(() => bob.setPolicy({ defaultTrust: false })).toThrow(expect.objectContaining({ problem: 'nobody-decides' }))
  })
})

describe('peers that dialled us', () => {
  const dialler = (name: string, to: Peer): Peer => {
    const made = createPeer({ name, network, lan: false, inbound: false, peers: [at(to)] })
    peers.push(made)
    return made
  }
  const queued = (one: Peer) => firstValueFrom(one.bus.to('host').pipe(filter(({ body }) => body instanceof InboundQueued)))

  it('wait in a queue where the policy has it so, and go on when they are taken; the log replays', async () => {
    const record = join(folder, 'queue.p2plog')
    const ann = await peer('ann', { record, policy: { inboundPlacement: 'queue', inboundQueueLimit: 1 } })
    let announced = 0
    ann.bus.of(PeerConnected).subscribe(() => { announced++ })
    const bob = dialler('bob', ann)
    const [first, held] = [queued(ann), firstValueFrom(bob.bus.of(PeerPending))]
    await bob.start()
    await first
    expect((await held).body).toMatchObject({ step: 'queue', reason: 'it waits to be taken' })
    expect([ann.inbound.waiting.map(({ peerId }) => peerId), announced]).toEqual([[bob.peerId], 0])
    const cid = dialler('cid', ann)
    const full = refusedBy(cid)
    await cid.start()
    expect((await full).body).toMatchObject({ code: 'queue-full', step: 'queue', initiator: Initiator.INITIATOR_REMOTE })
    await cid.stop()
    expect(ann.inbound.take()).toMatchObject({ peerId: bob.peerId })
    expect(ann.inbound.take()).toBeUndefined()
    await linked(ann, bob)
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('are announced besides where it says both; one can be turned away, and one that leaves does not wait any more', async () => {
    const ann = await peer('ann', { policy: { inboundPlacement: 'both' } })
    const bob = dialler('bob', ann)
    const [announced, refused] = [firstValueFrom(ann.events.pipe(filter(({ body }) => body instanceof InboundQueued))), refusedBy(bob)]
    await bob.start()
    await announced
    expect(ann.inbound.refuse('no room at the table')).toMatchObject({ peerId: bob.peerId })
    expect((await refused).body).toMatchObject({ code: 'not-approved', reason: 'no room at the table' })
    const cid = dialler('cid', ann)
    const [second, gone] = [queued(ann), firstValueFrom(ann.bus.to('host').pipe(filter(({ body }) => body instanceof InboundLeft && body.peerId === cid.peerId)))]
    await cid.start()
    await second
    await cid.stop()
    await gone
    expect(ann.inbound.waiting).toEqual([])
  })

  it('come one after another to whoever iterates, until the peer stops', async () => {
    const ann = await peer('ann', { policy: { inboundPlacement: 'queue' } })
    const taken: string[] = []
    const all = (async () => { for await (const { peerId } of ann.inbound) taken.push(peerId) })()
    const [bob, cid] = [dialler('bob', ann), dialler('cid', ann)]
    await bob.start()
    await linked(ann, bob)
    await cid.start()
    await linked(ann, cid)
    await ann.stop()
    await all
    expect(taken).toEqual([bob.peerId, cid.peerId])
    expect(ann.inbound.waiting).toEqual([])
  })
})

describe('what a peer is called', () => {
  it('is changed by the host program, for links and announcements from then on; the log replays', async () => {
    const record = join(folder, 'name.p2plog')
    const ann = await peer('ann', { record })
    ann.rename('ann of the north')
    expect(ann.name).toBe('ann of the north')
    expect(() => ann.rename('')).toThrow(expect.objectContaining({ name: 'PolicyError', problem: 'name' }))
    const bob = await peer('bob', { peers: [at(ann)] })
    await linked(bob, ann)
    expect(bob.peers.value[0]!.name).toBe('ann of the north')
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('is what an authority says where the policy has it so, and settled with it where that is strict', async () => {
    const [authority, stranger, identity] = [generateIdentity(), generateIdentity(), generateIdentity()]
    const certify = (name: string, by = authority) => signCertificate(by, { peerId: identity.peerId, notBefore: 0, notAfter: 1e14, name })
    const options = { identity, network, lan: false, inbound: false, answers: [authorityStep({ authorities: [authority.peerId], certificate: certify('ann by authority') })] } as const
    expect(createPeer(options).name).toBe('ann by authority')
    expect(createPeer({ ...options, name: 'ann' }).name).toBe('ann')
    expect(createPeer({ ...options, policy: { identifier: 'local' } }).name).toBe(identity.peerId.slice(0, 8))
    expect(() => createPeer({ ...options, name: 'ann', policy: { identifier: 'remote' } })).toThrow(expect.objectContaining({ problem: 'name-is-remote' }))
    expect(() => createPeer({ policy: { identifier: 'remote' } })).toThrow(expect.objectContaining({ problem: 'nobody-names' }))
    const remote = createPeer({ ...options, policy: { identifier: 'remote' } })
    const strict = createPeer({ ...options, policy: { identifier: 'strict-remote-only' } })
    peers.push(remote, strict)
    await Promise.all([remote.start(), strict.start()])
    remote.renameBy(certify('ann the second'))
    expect(remote.name).toBe('ann the second')
    expect(() => remote.renameBy(certify('ann', stranger))).toThrow(expect.objectContaining({ name: 'CertificateError', code: 'certificate-untrusted' }))
    expect(() => remote.rename('ann')).toThrow(expect.objectContaining({ problem: 'name-is-remote' }))
    expect(() => strict.renameBy(certify('ann the second'))).toThrow(expect.objectContaining({ problem: 'name-settled' }))
    expect(() => strict.setPolicy({ identifier: 'local' })).toThrow(expect.objectContaining({ problem: 'identifier-settled' }))
  })
})

describe('a policy', () => {
  it('is given, read and replaced, and refused by name where it contradicts itself', async () => {
    expect(() => createPeer({ policy: { blocked: ['nonsense'] } })).toThrow(expect.objectContaining({ name: 'PolicyError', problem: 'blocked-entry' }))
    const ann = createPeer({ network, lan: false, listen: '127.0.0.1:0' })
    peers.push(ann)
    expect(() => ann.setPolicy({ blocked: [] })).toThrow(expect.objectContaining({ name: 'PeerStateError' }))
    await ann.start()
    for (const [change, problem] of [[{ blocked: [ann.peerId] }, 'blocks-itself'], [{ inbound: 1 }, 'wrong-type'], [{ inbond: true }, 'unknown-part']] as const) {
      expect(() => ann.setPolicy(change as object)).toThrow(expect.objectContaining({ problem }))
    }
    expect(() => ann.unblock('192.0.2.1')).toThrow(expect.objectContaining({ problem: 'not-blocked' }))
    expect(ann.policy).toEqual({ communication: true, enhancedBeforeTrust: false, defaultTrust: true, inbound: true, inboundPlacement: 'event', inboundQueueLimit: 64, identifier: 'local-and-remote', blocked: [] })
    ann.setPolicy({ blocked: ['192.0.2.1', '192.0.2.1'] })
    expect(ann.policy.blocked).toEqual(['192.0.2.1'])
  })

  it('that comes as garbage over the bus is refused by name, and changes nothing', async () => {
    const ann = await peer('ann')
    let changes = 0
    ann.bus.of(PolicyChanged).subscribe(() => { changes++ })
    const refused: string[] = []
    ann.bus.of(PolicyRefused).subscribe(({ body }) => refused.push(body.problem))
    ann.publish(new SetPolicy({ policy: new PolicyValue({ ...ann.policy, blocked: ['\u0000', '__proto__'] }) }), { to: 'policy-keeper/main' })
    expect([refused, changes, ann.policy.blocked]).toEqual([['blocked-entry'], 0, []])
  })

  it('that accepts no links closes the door, leaves links that stand, and opens it again', async () => {
    const ann = await peer('ann')
    const bob = await peer('bob', { peers: [at(ann)] })
    await linked(bob, ann)
    const place = ann.listening[0]!
    const closed = firstValueFrom(ann.bus.of(Listening))
    ann.setPolicy({ inbound: false })
    await closed
    expect(ann.listening).toEqual([])
    const error = await new Promise<NodeJS.ErrnoException>(resolve => connect(place.port!, '127.0.0.1').once('error', resolve))
    expect([error.code, ann.peers.value.length]).toEqual(['ECONNREFUSED', 1])
    const open = firstValueFrom(ann.bus.of(Listening))
    ann.setPolicy({ inbound: true })
    await open
    const cid = await peer('cid', { peers: [at(ann)] })
    await linked(cid, ann)
  })
})
