import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from '@jest/globals'
import { generateIdentity } from '../../../actors/identity/index.ts'
import type { ListenerOptions } from '../../../actors/listener/index.ts'
import { handshake, secureOutbound } from '../../../actors/tls/index.ts'
import { ListenAt, RejectInbound } from '../../../proto/index.ts'
import { Harness, closed } from './harness.ts'

let harness: Harness
afterEach(() => harness.end())
const at = async (hosts: string[], options?: Partial<ListenerOptions>): Promise<Harness> => (harness = await Harness.at(hosts, options))

describe('a caller', () => {
  it('is handed to the link keeper with the PeerId that it proved, and the link\'s id that it sees too', async () => {
    await at(['127.0.0.1'])
    const ann = generateIdentity()
    const socket = harness.caller('127.0.0.3', ann)
    const mine = await handshake(socket, { timeoutMs: 30_000, expectedPeerId: harness.identity.peerId })
    const { to, body } = await harness.next('InboundSecured')
    expect(to).toBe('link-keeper/main')
    expect(body).toMatchObject({ peerId: ann.peerId, linkId: mine.linkId, remote: { host: '127.0.0.3', port: socket.localPort } })
    const taken = harness.held.take(body.handle)
    expect(taken).toMatchObject({ peerId: ann.peerId, linkId: mine.linkId, local: { host: '127.0.0.1', port: harness.port }, remote: { host: '127.0.0.3' } })
    expect(taken?.sessionBinding).toEqual(mine.sessionBinding)
    expect(harness.held.take(body.handle)).toBeUndefined()
  })

  it('loses nothing of what it sends before it is taken over', async () => {
    await at(['127.0.0.1'])
    const socket = harness.caller()
    const sent = Buffer.alloc(300_000, 'abc')
    socket.end(sent)
    const { body: { handle } } = await harness.next('InboundSecured')
    const taken = harness.held.take(handle)
    expect(taken?.socket.readableFlowing).toBeNull()
    expect((await buffer(taken?.socket as NodeJS.ReadableStream)).equals(sent)).toBe(true)
  })

  it('is let go when nobody wants it', async () => {
    await at(['127.0.0.1'])
    const socket = harness.caller()
    socket.resume()
    const { body: { handle } } = await harness.next('InboundSecured')
    harness.command(new RejectInbound({ handle, code: 'full', reason: '' }))
    await closed(socket)
    expect(harness.held.size).toBe(0)
    expect(harness.held.take(handle)).toBeUndefined()
    harness.command(new RejectInbound({ handle: 'in-99' }))
  })

  it('is let go when nobody comes for it in time', async () => {
    await at(['127.0.0.1'], { adoptTimeoutMs: 20 })
    const socket = harness.caller()
    socket.resume()
    const { body: { handle } } = await harness.next('InboundSecured')
    await harness.counted('adopt-timeout')
    await closed(socket)
    expect(harness.held.take(handle)).toBeUndefined()
  })

  it('that left before it is taken over is gone', async () => {
    await at(['127.0.0.1'])
    const stream = harness.silent()
    secureOutbound(stream, generateIdentity())
    const { body: { handle } } = await harness.next('InboundSecured')
    stream.resetAndDestroy()
    while (harness.held.size > 0) await new Promise(setImmediate)
    expect(harness.held.take(handle)).toBeUndefined()
  })

  it.each([
    ['shows no certificate', { ALPNProtocols: ['p2pnet/1'] }, 'handshake-no-certificate'],
    ['speaks another protocol', { ALPNProtocols: ['h2'] }, 'handshake-alpn'],
    ['speaks TLS 1.2', { ALPNProtocols: ['p2pnet/1'], maxVersion: 'TLSv1.2' }, 'handshake-tls-version']
  ] as const)('that %s is refused and counted, and never told of', async (_, options, count) => {
    await at(['127.0.0.1'])
    const socket = connectTls({ host: '127.0.0.1', port: harness.port, rejectUnauthorized: false, ...options, ALPNProtocols: [...options.ALPNProtocols] })
    socket.on('error', () => {}).resume()
    await harness.counted(count)
    await closed(socket)
    expect(harness.held.size).toBe(0)
    harness.caller()
    expect((await harness.next('InboundSecured')).body.handle).toBe('in-1')
  })
})

describe('after the listener stopped', () => {
  it('nothing of it is left: no server, socket or timer', async () => {
    const before = await resources()
    await at(['127.0.0.1', '127.0.0.2'], { interfacePollMs: 1000 })
    const silent = [harness.silent(), harness.silent('127.0.0.3')]
    const waiting = harness.caller()
    const taken = harness.caller()
    for (const socket of [waiting, taken]) socket.resume()
    const handles = [await harness.next('InboundSecured'), await harness.next('InboundSecured')].map(({ body }) => body.handle)
    const sockets = handles.map(handle => harness.held.take(handle))
    const mine = sockets.find(held => held?.remote.port === taken.localPort)
    const other = sockets.find(held => held !== mine)
    other?.socket.destroy()
    await harness.stop()
    await Promise.all([...silent, waiting].map(closed))
    // Taken over: it belongs to someone else now, and lives.
    mine?.socket.write('x')
    await once(taken, 'data')
    mine?.socket.destroy()
    await closed(taken)
    expect(await beyond(before)).toEqual([])
  })

  it('it accepts nobody and answers no command', async () => {
    await at(['127.0.0.1'])
    await harness.stop()
    const socket = harness.silent()
    await closed(socket)
    harness.command(new RejectInbound({ handle: 'in-1' }))
  })

  it('also when it stops while it opens', async () => {
    const before = await resources()
    harness = new Harness()
    const opening = harness.listen(['127.0.0.1', '127.0.0.2', '127.0.0.3'])
    void opening
    await harness.stop()
    expect(await beyond(before)).toEqual([])
  })

  it('also when it stops while it moves, on an interface that it follows', async () => {
    const before = await resources()
    harness = new Harness()
    const [name = ''] = Object.entries(networkInterfaces()).find(([, infos]) => infos?.some(({ internal }) => internal)) ?? []
    await harness.listen(['0.0.0.0'], 0, [name])
    harness.command(new ListenAt({ hosts: ['0.0.0.0'], interfaces: [name] }))
    await Promise.resolve()
    await harness.stop()
    expect(await beyond(before)).toEqual([])
  })
})

async function resources(): Promise<string[]> {
  // A closed handle is gone with the next turn of the loop, and what it carried, TLS or a stream, in the turn after.
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  return process.getActiveResourcesInfo().filter(name => /^(TCP|TLS|Timeout)/.test(name)).sort()
}

/** What is there now and was not; a timer of an earlier test may have gone meanwhile. */
async function beyond(before: readonly string[]): Promise<string[]> {
  const known = [...before]
  return (await resources()).filter(name => {
    const at = known.indexOf(name)
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
}
