import { describe, expect, it } from '@jest/globals'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { filter, firstValueFrom } from 'rxjs'
import { definitions, generateIdentity } from '../../../actors/index.ts'
import {
  InboundLeft, InboundQueued, Initiator, LinkEnded, LinkLevelReached, Listening, PeerConnected, PeerDisconnected, PeerHeard,
  PeerPending, PeerVerified, PolicyChanged, PolicyRefused, PolicyValue, RoutineDue, SetPolicy, TextMessage, Verified
} from '../../../proto/index.ts'
import { askStep, authorityStep, createPeer, NotConnectedError, signCertificate, type Peer } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { at, folder, linked, network, ownNetworks, peer, peers, refusedBy } from './policy-peers.ts'

ownNetworks()

describe('changes of the policy within a handler', () => {
  it('all count, though none of them is in force yet', async () => {
    const ann = await peer('ann')
    ann.bus.of(RoutineDue).subscribe(() => {
      ann.block('192.0.2.1')
      ann.block('192.0.2.2')
      ann.setPolicy({ inboundQueueLimit: 7 })
    })
    ann.publish(new RoutineDue({ name: 'none' }))
    expect(ann.policy).toMatchObject({ blocked: ['192.0.2.1', '192.0.2.2'], inboundQueueLimit: 7 })
  })

  it('are read at once, may be taken back, and never seem to be undone; the log replays', async () => {
    const record = join(folder, 'within.p2plog')
    const ann = await peer('ann', { record })
    const read: (readonly string[])[] = []
    const blocked = ({ length } = ann.policy.blocked) => { if (length > 0) read.push(ann.policy.blocked) }
    ann.bus.of(PolicyChanged).subscribe(() => blocked())
    const bob = generateIdentity().peerId
    ann.bus.of(RoutineDue).subscribe(() => {
      for (const entry of ['192.0.2.1', bob, '192.0.2.2']) ann.block(entry)
      blocked()
      for (const entry of ['192.0.2.1', bob]) ann.unblock(entry)
      blocked()
      expect(() => ann.unblock(bob)).toThrow(expect.objectContaining({ name: 'PolicyError', problem: 'not-blocked' }))
      ann.setPolicy({ inboundQueueLimit: 7 })
      expect(ann.policy).toMatchObject({ blocked: ['192.0.2.2'], inboundQueueLimit: 7 })
    })
    ann.publish(new RoutineDue({ name: 'none' }))
    expect(read.shift()).toEqual(['192.0.2.1', bob, '192.0.2.2'])
    expect(new Set(read.map(String))).toEqual(new Set(['192.0.2.2']))
    expect(ann.policy).toMatchObject({ blocked: ['192.0.2.2'], inboundQueueLimit: 7 })
    await ann.stop()
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, clean: true })
  })

  it('are not read any more once they are refused', async () => {
    const ann = await peer('ann')
    const read: string[] = []
    ann.bus.of(PolicyRefused).subscribe(() => read.push(ann.policy.identifier))
    ann.bus.of(RoutineDue).subscribe(() => {
      ann.publish(new SetPolicy({ policy: new PolicyValue({ identifier: 'strict-local-only' } as PolicyValue), parts: ['identifier'] }), { to: 'policy-keeper/main' })
      ann.setPolicy({ identifier: 'local' })
      read.push(ann.policy.identifier)
    })
    ann.publish(new RoutineDue({ name: 'none' }))
    expect(read).toEqual(['local', 'strict-local-only'])
  })
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

  it('is nothing for a caller that is turned down either', async () => {
    const identity = generateIdentity()
    const ann = await peer('ann', { policy: { communication: false, blocked: [identity.peerId] } })
    const refused = refusedBy(ann)
    const bob = createPeer({ name: 'bob', network, identity, lan: false, inbound: false, peers: [at(ann)] })
    peers.push(bob)
    const ended = firstValueFrom(bob.bus.of(LinkEnded))
    await bob.start()
    expect((await refused).body).toMatchObject({ peerId: bob.peerId, code: 'blocked' })
    expect(['closed', 'lost']).toContain((await ended).body.code)
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

  it('is not what a certificate says that is of another peer, of another time, or signed by nobody: a warning says so', () => {
    const [authority, other, identity] = [generateIdentity(), generateIdentity(), generateIdentity()]
    const days = (many: number) => Date.now() + many * 86_400_000
    const certify = (peerId: string, from: number, until: number) => signCertificate(authority, { peerId, notBefore: days(from), notAfter: days(until), name: 'ann by authority' })
    const start = (certificate: Uint8Array) => {
      const lines: string[] = []
      const options = { identity, network, answers: [authorityStep({ authorities: [], certificate })], log: pino({}, { write: line => lines.push(line) }) } as const
      expect(() => createPeer({ ...options, policy: { identifier: 'remote' } })).toThrow(expect.objectContaining({ problem: 'nobody-names' }))
      expect(createPeer(options).name).toBe(identity.peerId.slice(0, 8))
      return lines.map(line => (JSON.parse(line) as { code?: string }).code)
    }
    const forged = certify(identity.peerId, -1, 1).map((byte, at, { length }) => at === length - 9 ? byte ^ 1 : byte)
    expect([certify(other.peerId, -1, 1), certify(identity.peerId, -2, -1), certify(identity.peerId, 1, 2), forged, Uint8Array.of(7)].map(start)).toEqual(
      [['certificate-of-other'], ['certificate-expired'], ['certificate-early'], ['certificate-forged'], ['certificate-malformed']])
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
