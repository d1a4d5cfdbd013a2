import { describe, expect, it } from '@jest/globals'
import { connect } from 'node:net'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { definitions, generateIdentity } from '../../../actors/index.ts'
import { DirectoryOpened, DriverCounts, Initiator, PeerDisconnected, PeerFound, PeerRefused } from '../../../proto/index.ts'
import { createPeer, type Peer } from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { at, folder, linked, network, ownNetworks, peer, peers, refusedBy } from './policy-peers.ts'

ownNetworks()

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

describe('the address of a link that was dialled by a name', () => {
  it('ends the link when it is blocked', async () => {
    const ann = await peer('ann')
    const bob = await peer('bob', { peers: [`localhost:${ann.listening[0]!.port}`] })
    await linked(bob, ann)
    const gone = Promise.all([ann, bob].map(each => firstValueFrom(each.bus.of(PeerDisconnected))))
    bob.block('198.51.100.0/24')
    bob.block('127.0.0.0/8')
    expect((await gone).map(({ body }) => [body.code, body.initiator])).toEqual([['blocked-address', Initiator.INITIATOR_REMOTE], ['blocked-address', Initiator.INITIATOR_SELF]])
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
  })
})
