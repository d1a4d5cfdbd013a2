import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from '@jest/globals'
import { AnnouncementWriter } from '../../../actors/lan/announcement.ts'
import { Announcements } from '../../../actors/lan/announcement-filter.ts'
import { generateIdentity, localPeer } from '../../../actors/identity/index.ts'
import { Endpoint, OpenChannel, SendAnnouncement, SendAnswer, SignedAnnouncement, Transport } from '../../../proto/index.ts'
import { DriverBench, type BenchOptions } from './driver-bench.ts'

const interfaces = ['lo']
/** Other runs of the tests on this machine have others. */
const ports = [0, 1, 2].map(at => 14_000 + (process.pid % 2_000) * 3 + at)
const open: { close(): unknown }[] = []

async function bench(options: BenchOptions = {}): Promise<DriverBench> {
  const made = await DriverBench.open({ interfaces, ports, ...options })
  open.push(made)
  return made
}

async function stranger(address = '127.0.0.1', options: { reuseAddr?: boolean, port?: number } = {}): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: options.reuseAddr ?? false })
  socket.bind({ address, port: options.port ?? 0, exclusive: true })
  await once(socket, 'listening')
  socket.setBroadcast(true)
  open.push({ close: () => socket.close() })
  return socket
}

const send = (socket: Socket, bytes: Uint8Array, port = ports[0]!, host = '127.255.255.255'): Promise<void> =>
  new Promise((resolve, reject) => socket.send(bytes, port, host, error => error ? reject(error) : resolve()))

const { TRANSPORT_BROADCAST } = Transport

/** Datagrams of a peer that has no drivers. */
function writer(options: { name?: string, network?: string } = {}, identity = generateIdentity()) {
  return { identity, write: new AnnouncementWriter(identity, localPeer(identity, options)) }
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close()))
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that are still in use; what the flood itself threw away does not count. */
function held(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('the LAN drivers on loopback', () => {
  it('let several peers of one machine share every port and hear each other there', async () => {
    const peers = await Promise.all([bench(), bench(), bench(), bench()])
    for (const port of ports) {
      const sequences = peers.map(peer => peer.announce(port))
      for (const peer of peers) for (const [i, other] of peers.entries()) {
        if (other !== peer) await peer.until(() => peer.from(other).some(({ sequence }) => sequence === sequences[i]))
      }
    }
    const heard = peers[0]!.from(peers[1]!)
    expect(heard.length).toBe(3)
    expect(heard[0]).toMatchObject({ endpoint: { host: '127.0.0.1', port: 4_000 }, name: peers[1]!.local.name, bytes: 256, answer: false })
  })

  it('send by broadcast and by multicast, and each is heard', async () => {
    const [ada, bob] = [await bench(), await bench()]
    ada.announce()
    await bob.until(() => bob.from(ada).length === 1 && bob.counted('repeated') === 1)
    await ada.until(() => ada.of('AnnouncementSent').length === 1 && ada.counted('self') === 2)
    expect(ada.of('AnnouncementSent')[0]).toMatchObject({ sequence: 1, datagrams: 2, failed: 0 })
    expect(bob.counts).toEqual({ repeated: 1 })
    expect(ada.counts).toEqual({ self: 2 })
  })

  it('carry answers to the source of what was heard, where the channel is told of them', async () => {
    const [ada, bob] = [await bench({ name: 'a'.repeat(200) }), await bench({ name: '' })]
    bob.announce()
    await ada.until(() => ada.from(bob).length === 1)
    const heard = ada.from(bob)[0]!
    ada.tell(ada.sender, new SendAnswer({
      sequence: 7, listenPort: 4_001, listenHosts: ['127.0.0.1'], to: new Endpoint(heard.source!), maxBytes: heard.bytes, via: heard.via
    }))
    await bob.until(() => bob.from(ada).length === 1)
    expect(bob.from(ada)[0]).toMatchObject({ answer: true, sequence: 7, via: heard.via, name: 'a'.repeat(64), endpoint: { host: '127.0.0.1', port: 4_001 } })
    expect(bob.from(ada)[0]!.bytes).toBeLessThanOrEqual(heard.bytes)
    expect(bob.published.find(({ body }) => body === bob.from(ada)[0])?.to).toBe('discovery-channel/lan')
  })

  it('never answer with more than was received, nor off the local networks', async () => {
    const ada = await bench({ name: 'a'.repeat(64) })
    const socket = await stranger()
    const answer = (maxBytes: number, host = '127.0.0.1') => ada.tell(ada.sender, new SendAnswer({
      sequence: 1, listenPort: 4_001, listenHosts: ['0.0.0.0'], to: new Endpoint({ host, port: socket.address().port }), maxBytes, via: 'broadcast'
    }))
    const received: Buffer[] = []
    socket.on('message', datagram => received.push(datagram))
    for (const size of [100, 180, 256]) answer(size)
    while (received.length < 2) await once(socket, 'message')
    expect(ada.counts).toEqual({ 'answer-too-large': 1 })
    expect(received.map(({ length }) => length <= 180)).toEqual([true, false])
    answer(256, '203.0.113.9')
    expect(ada.counted('answer-unroutable')).toBe(1)
  })

  it('announce no port where no links are accepted', async () => {
    const [ada, bob] = [await bench(), await bench()]
    ada.announce(ports[0], ['192.0.2.1'])
    await bob.until(() => bob.from(ada).length === 1)
    ada.announce(ports[0], ['127.0.0.1'])
    await bob.until(() => bob.from(ada).length === 2)
    expect(bob.from(ada).map(({ endpoint }) => endpoint!.port)).toEqual([0, 4_000])
  })

  it('count and drop what is no announcement for this peer', async () => {
    const ada = await bench()
    const socket = await stranger()
    const { identity, write } = writer()
    const good = (sequence: number, port = 4_000) => write.announcement({ sequence, port, transport: TRANSPORT_BROADCAST })
    await send(socket, new Uint8Array(1_025))
    await send(socket, Buffer.from('hello'))
    await send(socket, new Uint8Array(0))
    await send(socket, writer({ network: 'other' }).write.announcement({ sequence: 1, port: 4_000, transport: TRANSPORT_BROADCAST }))
    await send(socket, good(1, 22))
    const forged = SignedAnnouncement.decode(good(1))
    forged.signature = forged.signature.map(byte => byte ^ 1)
    await send(socket, SignedAnnouncement.encode(forged).finish())
    const altered = Buffer.from(good(1))
    const within = altered.indexOf(Buffer.from(identity.publicKey)) + 40
    altered.writeUInt8(altered.readUInt8(within) ^ 1, within)
    await send(socket, altered)
    const twin = writer({}, ada.identity)
    await send(socket, twin.write.announcement({ sequence: 1, port: 4_000, transport: TRANSPORT_BROADCAST }))
    await send(socket, good(2))
    await send(socket, good(2))
    await send(socket, good(1))
    ada.announce()
    await ada.until(() => ada.counted('self') === 2 && ada.counted('stale') === 1)
    expect(ada.counts).toEqual({ oversize: 1, malformed: 2, network: 1, port: 1, forged: 2, 'same-identity': 1, repeated: 1, stale: 1, self: 2 })
    expect(ada.of('AnnouncementHeard')).toMatchObject([{ peerId: identity.peerId, sequence: 2, via: 'broadcast' }])
  })

  it('go on with the other ports when one is taken, and open it when it is free', async () => {
    const taken = await stranger('0.0.0.0', { port: ports[1]! })
    const ada = await bench()
    expect(ada.of('ChannelOpened')).toMatchObject([{ ports: [ports[0], ports[2]], interfaces: [{ name: 'lo', addresses: ['127.0.0.1'] }] }])
    await ada.until(() => ada.of('ChannelFailed').length === 1)
    expect(ada.of('ChannelFailed')).toMatchObject([{ ports: [ports[1]], code: 'address-in-use' }])
    taken.close()
    open.splice(open.findIndex(each => each !== ada), 1)
    await once(taken, 'close')
    ada.tell(ada.receiver, new OpenChannel({ ports: [ports[1]!] }))
    await ada.until(() => ada.of('ChannelOpened').length === 2)
  })

  it('say so when no named interface is there', async () => {
    const ada = new DriverBench({ interfaces: ['none0'], ports })
    open.push(ada)
    ada.tell(ada.sender, new SendAnnouncement({ sequence: 1, broadcastPort: ports[0]!, listenPort: 4_000, listenHosts: ['::'] }))
    await ada.until(() => ada.of('AnnouncementSent').length === 1)
    expect(ada.of('AnnouncementSent')).toMatchObject([{ datagrams: 0, failed: 0 }])
  })

  it('stay within their budgets under 100,000 random datagrams, and hear a peer all the same', async () => {
    const [ada, bob] = [await bench(), await bench()]
    const sockets = await Promise.all(Array.from({ length: 8 }, () => stranger()))
    const datagram = new Uint8Array(512)
    const before = held()
    for (let i = 0; i < 100_000; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => {
        for (let k = 0; k < 64; k++) datagram[k] = (Math.imul(i + j, 2654435761) >>> (k % 25)) ^ (k * 31)
        return send(sockets[j % 8]!, datagram.slice(0, 1 + ((i * 7 + j) % 512)), ports[j % 3], j % 2 === 0 ? '127.0.0.1' : '127.255.255.255')
      }))
      // Lets what arrived be read: the flood comes from this very process.
      await new Promise(setImmediate)
      if (i % 10_000 === 0) bob.announce()
    }
    bob.announce()
    await ada.until(() => ada.from(bob).some(({ sequence }) => sequence === 11))
    expect(ada.of('AnnouncementHeard').length).toBe(ada.from(bob).length)
    expect(ada.counted('malformed') + ada.counted('source-rate') + ada.counted('total-rate')).toBeGreaterThan(45_000)
    expect(Object.keys(ada.counts).filter(name => !['malformed', 'source-rate', 'total-rate', 'version', 'repeated'].includes(name))).toEqual([])
    expect(ada.services.get(Announcements).held.sources).toBeLessThanOrEqual(1_024)
    expect(held() - before).toBeLessThan(64 * 1024 * 1024)
  }, 600_000)

  it('leave no socket and no timer behind', async () => {
    const resources = () => process.getActiveResourcesInfo().filter(name => name === 'UDPWrap' || name === 'Timeout').length
    const before = resources()
    const benches = [await bench(), await bench()]
    expect(resources()).toBeGreaterThan(before)
    const late = new DriverBench({ interfaces, ports })
    late.tell(late.receiver, new OpenChannel({ ports: [...ports] }))
    await Promise.all([...benches, late].map(each => each.close()))
    open.length = 0
    // A timer of what runs the tests may come and go meanwhile; this ends only when all of ours are gone.
    while (resources() > before) await new Promise(setImmediate)
  })
})
