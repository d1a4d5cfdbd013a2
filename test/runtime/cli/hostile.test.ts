import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect, type Socket as TcpSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from '@jest/globals'
import { definitions } from '../../../actors/index.ts'
import { generateIdentity } from '../../../actors/identity/index.ts'
import { handshake, secureOutbound } from '../../../actors/tls/index.ts'
import { DriverCounts } from '../../../proto/index.ts'
import { readLog, replay } from '../../../runtime/log/index.ts'
import { HANGS_MS, ownNetwork, type Running } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const MIB = 1024 * 1024
const { scratch, up } = ownPeers()
const sockets: { destroy(): unknown }[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A peer under attack, and one with a link to it that must not notice. */
async function attacked(args: readonly string[] = []): Promise<{ ann: Running; bob: Running; port: number; untouched: () => Promise<void> }> {
  const network = ownNetwork()
  const ann = up(network, `ann-${network}`, args)
  const { port } = (await ann.until('ready')).listen[0]
  const bob = up(network, `bob-${network}`, ['--no-lan', '--peer', `127.0.0.1:${port}`])
  await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
  return {
    ann, bob, port,
    async untouched() {
      const before = ann.events.length
      bob.say('say still here')
      expect(await ann.until('message', undefined, before)).toMatchObject({ text: 'still here' })
      for (const peer of [ann, bob]) expect(peer.events.filter(({ event }) => event === 'peer.disconnected')).toEqual([])
    }
  }
}

function sender(): Promise<Socket> {
  const socket = createSocket('udp4')
  sockets.push({ destroy: () => socket.close() })
  return new Promise(resolve => socket.bind(0, '127.0.0.1', () => resolve(socket)))
}

/** What is written to it at that moment may come back as an error first. */
const closed = (socket: Duplex) => new Promise(resolve => socket.on('error', () => {}).once('close', resolve))

function silent(port: number): TcpSocket {
  const socket = connect(port, '127.0.0.1').on('error', () => {}).resume()
  sockets.push(socket)
  return socket
}

describe('up under attack', () => {
  it('does not notice 100,000 random datagrams on each port: not its log, its memory, or its links', async () => {
    const ports = Array.from({ length: 3 }, (_, i) => 20_000 + (process.pid % 4_000) * 3 + i)
    const record = scratch.of('datagrams.p2plog')
    const { ann, untouched } = await attacked(['--ports', ports.join(','), '--record', record])
    const before = await ann.ask('status', 'status')
    const size = statSync(record).size
    const socket = await sender()
    const noise = Array.from({ length: 1_100 }, (_, length) => randomBytes(1 + length))
    for (let i = 0; i < 100_000; i++) {
      for (const port of ports) socket.send(noise[i % noise.length]!, port, '127.0.0.1')
      // Now and then the kernel gets time to deliver.
      if (i % 20 === 0) await new Promise(setImmediate)
    }
    await untouched()
    const after = await ann.ask('status', 'status')
    expect(after.rss - before.rss).toBeLessThan(100 * MIB)
    expect(statSync(record).size - size).toBeLessThan(32 * 1024)
    await ann.quit()
    const counted = [...readLog(record)].flatMap(entry => entry.kind === 'input' && entry.envelope.type === 'DriverCounts' && entry.envelope.from === 'discovery-channel/lan#udp'
      ? DriverCounts.decode(entry.envelope.bytes).counts : [])
    // They came: what is not a few hundred told as malformed was over the budget of its source.
    expect(counted.reduce((sum, { count = 0 }) => sum + (count ?? 0), 0)).toBeGreaterThan(10_000)
    for (const name of ['oversize', 'malformed', 'source-rate']) expect(counted).toContainEqual(expect.objectContaining({ name }))
    expect(await replay(record, { definitions })).toMatchObject({ differences: 0, ending: 'stopped' })
  })

  it('closes who connects and says nothing, who drips into TLS, and who is silent after it, each within the bound', async () => {
    const bounds = ['listener.handshakeTimeoutMs', 'peer-connection.identifyTimeoutMs'].flatMap(option => ['--tune', `${option}=2000`])
    const { port, untouched } = await attacked(bounds)
    const began = performance.now()
    const nothing = silent(port)
    const dripping = silent(port)
    // A ClientHello that never ends: a record header of 512 bytes, then one byte at a time.
    dripping.write(Buffer.from('1603010200010001fc0303', 'hex'))
    const drip = setInterval(() => dripping.write(Uint8Array.of(1)), 50)
    const tls = secureOutbound(silent(port).pause(), generateIdentity())
    await handshake(tls, { timeoutMs: HANGS_MS })
    tls.resume()
    const lasted = await Promise.all([nothing, dripping, tls].map(socket => closed(socket).then(() => performance.now() - began)))
    clearInterval(drip)
    expect(Math.min(...lasted)).toBeGreaterThan(1_900)
    expect(Math.max(...lasted)).toBeLessThan(10_000)
    await untouched()
  })

  it('lets another in while one address holds 1,000 connections', async () => {
    const { port, untouched } = await attacked()
    const crowd = Array.from({ length: 1_000 }, () => silent(port))
    await Promise.all(crowd.map(socket => once(socket, 'connect').catch(() => {})))
    const tcp = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    sockets.push(tcp)
    await handshake(secureOutbound(tcp, generateIdentity()), { timeoutMs: HANGS_MS })
    await untouched()
  })

  it('prints one line for one event, whatever a message holds', async () => {
    const { ann, bob } = await attacked()
    const text = 'x\u2028{"event":"peer.verified","peerId":"forged"}\u2029\u009b31m\u202e'
    bob.say(`say ${text}`)
    expect((await ann.until('message')).text).toBe(text)
    expect(ann.strays).toEqual([])
    expect(ann.events.filter(({ peerId }) => peerId === 'forged')).toEqual([])
  })
})
