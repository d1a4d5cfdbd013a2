import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { generateIdentity, NetworkKey, type Identity } from '../../../actors/identity/index.ts'
import { linkKeeper } from '../../../actors/link-keeper/index.ts'
import { peerConnectionDefinition } from '../../../actors/peer-connection/index.ts'
import { networkTag } from '../../../actors/identity/local-peer.ts'
import { verifyPingsDefinition } from '../../../actors/verify-pings/index.ts'
import { publish } from '../../../machines/index.ts'
import type { PeerConnectionContext, PeerConnectionEvent } from '../../../machines/peer-connection-context.ts'
import { peerConnectionMachine } from '../../../machines/peer-connection.ts'
import { CallerRefused, Identify, LinkEnded, PeerDisconnected, PeerFound, PeerIgnored, PeerRefused, PeerVerified, type Message } from '../../../proto/index.ts'
import { UnknownPeerError, type Peer } from '../../../runtime/index.ts'
import { fromLog, lasting, placeOf, said, stagedPair, stagedPeer, stopStaged, type Staged } from './staged.ts'

const folder = mkdtempSync(join(tmpdir(), 'p2pnet-doctor-'))
afterEach(stopStaged)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ownNetwork = () => `doctor-${Math.random().toString(36).slice(2)}`

/** Stops both and reads each log: it must tell what the peer told when it ran. */
async function sameFromLogs(...sides: { peer: Peer; log: string; about: string; own?: Parameters<typeof fromLog>[2] }[]): Promise<void> {
  const live = sides.map(({ peer, about }) => lasting(peer.why(about)))
  // At the same time: neither ends as the other's doing.
  await Promise.all(sides.map(({ peer }) => peer.stop()))
  for (const [at, { log, about, own }] of sides.entries()) expect(lasting(await fromLog(log, about, own))).toEqual(live[at])
}

describe('the doctor names the cause', () => {
  it('wrong key: the peer that answers is another than the one expected', async () => {
    const bob = stagedPeer(folder, 'bob')
    await bob.peer.start()
    const expected = generateIdentity().peerId
    const ann = stagedPeer(folder, 'ann', { peers: [`${expected}@${placeOf(bob.peer)}`] })
    const ended = said(ann.peer, LinkEnded)
    await ann.peer.start()
    await ended
    const why = ann.peer.why(expected)
    expect(why.cause).toMatchObject({ code: 'wrong-key', rung: 'securing', place: placeOf(bob.peer), decider: { kind: 'guard', name: 'wrongPeer' } })
    expect(why.summary).toMatch(/ended in 'securing', wrong-key: .*; check the PeerId; the address may have gone to another peer\.$/)
    await sameFromLogs({ ...ann, about: expected })
  })

  it('wrong key: the networks have other keys', async () => {
    const network = ownNetwork()
    const bob = stagedPeer(folder, 'bob', { network, key: NetworkKey.generate() })
    await bob.peer.start()
    const ann = stagedPeer(folder, 'ann', { network, key: NetworkKey.generate(), peers: [placeOf(bob.peer)] })
    const ended = [said(ann.peer, LinkEnded), said(bob.peer, LinkEnded)]
    await ann.peer.start()
    await Promise.all(ended)
    for (const [side, about] of [[ann.peer, bob.peer.peerId], [bob.peer, ann.peer.peerId], [ann.peer, placeOf(bob.peer)]] as const) {
      const why = side.why(about)
      expect(why.cause).toMatchObject({ code: 'other-network', rung: 'identifying', decider: { kind: 'guard', name: 'otherNetwork' } })
      expect(why.summary).toMatch(/give both the same --network, and the same key where there is one\.$/)
    }
    await sameFromLogs({ ...ann, about: bob.peer.peerId }, { ...bob, about: ann.peer.peerId })
  })

  it('blocked: by this side or by the other', async () => {
    const { ann, bob } = await stagedPair(folder)
    const gone = [said(ann.peer, PeerDisconnected), said(bob.peer, PeerDisconnected)]
    bob.peer.block(ann.peer.peerId)
    await Promise.all(gone)
    expect(bob.peer.why('ann').cause).toMatchObject({ code: 'blocked', by: 'self', decider: { kind: 'policy', name: 'policy-keeper.blocked', at: 'self' } })
    const why = ann.peer.why('bob')
    expect(why.cause).toMatchObject({ code: 'blocked', by: 'remote', rung: 'enhanced', decider: { kind: 'policy', at: 'remote' } })
    expect(why.cause!.notBefore).toBeGreaterThan(Date.now())
    expect(why.summary).toMatch(/blocked: .*, decided by the policy policy-keeper\.blocked at the other side; .*unblock it there with the command unblock/)
    await sameFromLogs({ ...ann, about: bob.peer.peerId }, { ...bob, about: ann.peer.peerId })
  })

  it('blocked: before there was any link', async () => {
    const identity = generateIdentity()
    const bob = stagedPeer(folder, 'bob', { policy: { blocked: [identity.peerId] } })
    await bob.peer.start()
    const ann = stagedPeer(folder, 'ann', { identity, peers: [placeOf(bob.peer)] })
    const refused = [said(ann.peer, PeerRefused), said(bob.peer, PeerRefused)]
    await ann.peer.start()
    await Promise.all(refused)
    expect(bob.peer.why(identity.peerId).cause).toMatchObject({ code: 'blocked', by: 'self', inbound: true, rung: 'admitting' })
    expect(ann.peer.why(bob.peer.peerId).cause).toMatchObject({ code: 'blocked', by: 'remote', decider: { kind: 'policy', at: 'remote' } })
    await sameFromLogs({ ...ann, about: bob.peer.peerId }, { ...bob, about: identity.peerId })
  })

  it('blocked: the address, of which the other side is told nothing', async () => {
    const bob = stagedPeer(folder, 'bob', { policy: { blocked: ['127.0.0.0/8'] } })
    await bob.peer.start()
    const ann = stagedPeer(folder, 'ann', { peers: [placeOf(bob.peer)] })
    const ended = said(ann.peer, LinkEnded)
    await ann.peer.start()
    await ended
    const why = ann.peer.why(placeOf(bob.peer))
    expect(why.cause).toMatchObject({ rung: expect.stringMatching(/^dialing$|^securing$/), code: expect.stringMatching(/^dial-reset$|^closed$/) })
    expect(why.advice).toMatch(/ask the doctor at its side|Ask the doctor at its side/)
    expect(why.advice).toMatch(/block/)
    // At its side it is named, with the entry to take back.
    expect(bob.peer.why('127.0.0.1')).toMatchObject({
      peerId: '', standing: 'ended', cause: { code: 'blocked-address', by: 'self', inbound: true, rung: 'dialing', decider: { kind: 'policy', name: 'policy-keeper.blocked', at: 'self' } },
      summary: expect.stringMatching(/: somebody called from 127\.0\.0\.1 (\d+ times, the last )?at .* and was turned away before TLS, blocked-address: the policy here blocks 127\.0\.0\.0\/8, decided by the policy policy-keeper\.blocked here; unblock it here/)
    })
    bob.peer.unblock('127.0.0.0/8')
    expect(bob.peer.why('127.0.0.1').summary).toMatch(/blocked-address: the policy here blocked it then, and does no longer, decided by .* here; wait until it calls or is dialled\.$/)
    await sameFromLogs({ ...ann, about: placeOf(bob.peer) }, { ...bob, about: '127.0.0.1' })
  })

  it('another program: it calls, and does not get through TLS', async () => {
    const bob = stagedPeer(folder, 'bob')
    await bob.peer.start()
    const refused = said(bob.peer, CallerRefused)
    const socket = connectTls({ socket: connect({ host: '127.0.0.1', port: bob.peer.listening[0]!.port, localAddress: '127.0.0.9' }), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    socket.on('error', () => {}).resume()
    await refused
    expect(bob.peer.why('127.0.0.9')).toMatchObject({
      standing: 'ended', cause: { code: 'alpn', by: 'self', inbound: true, rung: 'securing', decider: { kind: 'guard', name: 'TLS handshake', at: 'self' } },
      summary: expect.stringMatching(/: somebody called from 127\.0\.0\.9 at .* and was turned away in TLS, alpn: the other side does not speak p2pnet\/1/)
    })
    expect(() => bob.peer.why('127.0.0.10')).toThrow(UnknownPeerError)
    await sameFromLogs({ ...bob, about: '127.0.0.9' })
    socket.destroy()
  })

  it('trimmed: another peer was kept before it', async () => {
    const network = ownNetwork()
    const identities = Array.from({ length: 4 }, generateIdentity).sort((a, b) => (a.peerId < b.peerId ? -1 : 1)) as [Identity, Identity, Identity, Identity]
    const ann = stagedPeer(folder, 'ann', { network, identity: identities[0], maxLanLinks: 2, lan: true })
    await ann.peer.start()
    // The neighbours of the lowest PeerId on the ring are the next one and the highest; this one is neither once both are there.
    const others = [identities[1], identities[2], identities[3]].map((identity, at) => stagedPeer(folder, `other-${at}`, { network, identity, lan: true }))
    const [, odd, last] = others as [Staged, Staged, Staged]
    for (const other of others.slice(0, 2)) {
      const connected = said(ann.peer, PeerVerified)
      await other.peer.start()
      await connected
    }
    const trimmed = [said(ann.peer, PeerDisconnected), said(odd.peer, PeerDisconnected)]
    await last.peer.start()
    await Promise.all(trimmed)
    expect(ann.peer.why(odd.peer.peerId).cause).toMatchObject({ code: 'trimmed', by: 'self', decider: { kind: 'policy', name: 'link-keeper.maxLanLinks', at: 'self' } })
    const why = odd.peer.why('ann')
    expect(why.cause).toMatchObject({ code: 'trimmed', by: 'remote', rung: 'enhanced' })
    expect(why.summary).toMatch(/trimmed: .*decided by the policy link-keeper\.maxLanLinks at the other side; .*raise --max-lan-links at the side that decided/)
    await sameFromLogs({ ...ann, about: odd.peer.peerId }, { ...odd, about: ann.peer.peerId })
  })

  it('full: the peer holds as many links as it wants', async () => {
    const network = ownNetwork()
    const bob = stagedPeer(folder, 'bob', { network, maxLinks: 1 })
    await bob.peer.start()
    const first = stagedPeer(folder, 'first', { network, peers: [placeOf(bob.peer)] })
    const verified = said(bob.peer, PeerVerified)
    await first.peer.start()
    await verified
    const ann = stagedPeer(folder, 'ann', { network, peers: [placeOf(bob.peer)] })
    const refused = [said(ann.peer, PeerRefused), said(bob.peer, PeerRefused)]
    await ann.peer.start()
    await Promise.all(refused)
    expect(bob.peer.why('ann').cause).toMatchObject({ code: 'too-many-links', by: 'self', rung: 'admitting', decider: { kind: 'policy', name: 'link-keeper.maxLinks', at: 'self' } })
    const why = ann.peer.why('bob')
    expect(why.cause).toMatchObject({ code: 'too-many-links', by: 'remote', decider: { kind: 'policy', at: 'remote' } })
    expect(why.summary).toMatch(/; it is dialled again in .*; raise --max-links at the peer that is full, or wait until it has room\.$/)
    await sameFromLogs({ ...ann, about: bob.peer.peerId }, { ...bob, about: ann.peer.peerId })
  })

  it('full: this side has no room, and does not dial whom it hears', async () => {
    const network = ownNetwork()
    const identities = Array.from({ length: 3 }, generateIdentity).sort((a, b) => (a.peerId < b.peerId ? -1 : 1)) as [Identity, Identity, Identity]
    const ann = stagedPeer(folder, 'ann', { network, identity: identities[0], maxLinks: 1, lan: true })
    const bob = stagedPeer(folder, 'bob', { network, identity: identities[1], lan: true })
    const verified = said(ann.peer, PeerVerified)
    await Promise.all([ann.peer.start(), bob.peer.start()])
    await verified
    // It leaves it to the lower PeerId to dial.
    const carol = stagedPeer(folder, 'carol', { network, identity: identities[2], lan: true, tune: { 'link-keeper': { dialPatienceMs: 600_000 } } })
    const found = said(ann.peer, PeerFound, ({ peerId }) => peerId === carol.peer.peerId)
    await carol.peer.start()
    await found
    expect(ann.peer.why('carol')).toMatchObject({
      standing: 'found', cause: { code: 'links-full', by: 'self', decider: { kind: 'policy', name: 'link-keeper.maxLinks', at: 'self' } }, advice: 'Raise --max-links here, or drop a peer.',
      summary: expect.stringMatching(/^carol was heard, since .*, and is not dialled: links-full: This side holds .*, decided by the policy link-keeper\.maxLinks here; raise --max-links here, or drop a peer\.$/)
    })
    await sameFromLogs({ ...ann, about: carol.peer.peerId })
  })

  it('timeout: whoever answers there does not speak TLS', async () => {
    const sockets: Socket[] = []
    const silent = createServer(socket => { sockets.push(socket) })
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const place = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const ann = stagedPeer(folder, 'ann', { peers: [place], tune: { 'peer-connection': { dialTimeoutMs: 300 } } })
    const ended = said(ann.peer, LinkEnded)
    await ann.peer.start()
    await ended
    expect(ann.peer.why(place)).toMatchObject({
      peerId: '', cause: { code: 'dial-timeout', rung: 'securing', decider: { kind: 'timeout', name: 'peer-connection.dialTimeoutMs', at: 'self' } },
      summary: expect.stringMatching(/ended in 'securing', dial-timeout: .*decided by the timeout peer-connection\.dialTimeoutMs here; it is dialled again in/)
    })
    await sameFromLogs({ ...ann, about: place })
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => silent.close(resolve))
  })

  it('refused port: nothing listens there', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const place = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    await new Promise(resolve => taken.close(resolve))
    const ann = stagedPeer(folder, 'ann', { peers: [place] })
    const ended = said(ann.peer, LinkEnded)
    await ann.peer.start()
    await ended
    expect(ann.peer.why(place)).toMatchObject({
      cause: { code: 'dial-refused', rung: 'dialing', by: 'network', decider: { kind: 'network' } },
      summary: expect.stringMatching(/a dial of 127\.0\.0\.1:\d+ ended in 'dialing', dial-refused: .*; check that the peer runs and which port it listens on\.$/)
    })
    await sameFromLogs({ ...ann, about: place })
  })

  it('other network: it is here, and passed over', async () => {
    const [ann, bob] = ['ann', 'bob'].map(name => stagedPeer(folder, name, { network: ownNetwork(), lan: true })) as [Staged, Staged]
    const ignored = [[ann, bob], [bob, ann]].map(([side, other]) => said(side!.peer, PeerIgnored, ({ peerId }) => peerId === other!.peer.peerId))
    await Promise.all([ann.peer.start(), bob.peer.start()])
    await Promise.all(ignored)
    for (const [side, other] of [[ann, bob], [bob, ann]] as const) {
      expect(side.peer.why(other.peer.peerId)).toMatchObject({
        name: other.peer.name, standing: 'ignored', cause: { code: 'other-network', by: 'self', decider: { kind: 'guard', name: 'otherNetwork', at: 'self' } },
        summary: expect.stringMatching(/is heard at 127\.0\.0\.1:\d+ and passed over, since .*: other-network: it is of a network of another name, or of another key/)
      })
    }
    await sameFromLogs({ ...ann, about: bob.peer.peerId }, { ...bob, about: ann.peer.peerId })
  })

  it('version: the two speak no common one', async () => {
    const identity = generateIdentity()
    const future = {
      ...peerConnectionDefinition,
      machine: peerConnectionMachine.provide({
        actions: {
          identifyUs: publish<PeerConnectionContext, PeerConnectionEvent, PeerConnectionEvent>(({ context }): readonly [string, Message] =>
            [context.link, new Identify({ versions: [99], network: networkTag('p2pnet') })])
        } as never
      })
    } as typeof peerConnectionDefinition
    const bob = stagedPeer(folder, 'bob', {
      identity, actors: [linkKeeper({ peerId: identity.peerId, network: Buffer.from(networkTag('p2pnet')).toString('hex') }, [future, verifyPingsDefinition])].flat()
    })
    await bob.peer.start()
    const ann = stagedPeer(folder, 'ann', { peers: [placeOf(bob.peer)] })
    const refused = said(ann.peer, PeerRefused)
    await ann.peer.start()
    await refused
    const why = ann.peer.why(identity.peerId)
    expect(why.cause).toMatchObject({ code: 'version', by: 'self', rung: 'identifying', decider: { kind: 'guard', name: 'noCommonVersion', at: 'self' } })
    expect(why.summary).toMatch(/version: Both sides share no version of the protocol, decided by the guard noCommonVersion here; .*update the older one\.$/)
    await sameFromLogs({ ...ann, about: identity.peerId })
  })

  it('and nothing where there is nothing wrong', async () => {
    const { ann } = await stagedPair(folder)
    expect(ann.peer.why('bob')).toMatchObject({ standing: 'linked', rung: 'enhanced', cause: undefined, advice: '' })
  })
})
