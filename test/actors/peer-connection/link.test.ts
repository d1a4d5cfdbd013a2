import { afterEach, describe, expect, it } from '@jest/globals'
import { NotConnectedError } from '../../../actors/peer-connection/link-errors.ts'
import {
  AbortDial, AdoptLink, CloseLink, DialEndpoint, Direction, Endpoint, FileChunk, Initiator, Level, SendPing, TextMessage
} from '../../../proto/index.ts'
import { chunks, closeAll, dial, goodbye, listen, listenRaw, pair, side, tick } from './link-sides.ts'

afterEach(closeAll)

describe('a dial', () => {
  it('opens a link that both ends know by the same id', async () => {
    const [a, b] = await pair()
    expect(a.of('DialOpened')).toMatchObject([{ attempt: 1 }])
    const [out] = a.of('LinkSecured')
    const [inbound] = b.of('LinkSecured')
    expect(out).toMatchObject({ attempt: 1, peerId: b.peerId, direction: Direction.DIRECTION_OUT, remote: { host: '127.0.0.1' } })
    expect(inbound).toMatchObject({ attempt: 0, peerId: a.peerId, direction: Direction.DIRECTION_IN })
    expect(out!.linkId).toMatch(/^[0-9a-f]{32}$/)
    expect(inbound!.linkId).toBe(out!.linkId)
    expect(a.of('Identify')[0]).toMatchObject({ accepts: ['FileAnswer', 'TextMessage', 'FileOffer', 'FileChunk'], maxFrameBytes: 4 * 1024 * 1024, name: b.peerId.slice(0, 8) })
  })

  it('to a port where nobody listens fails as dial-refused', async () => {
    const a = side('a')
    const endpoint = await listenRaw(() => {})
    await closeAll()
    const again = side('a')
    dial(again, endpoint)
    expect(await again.next('DialFailed')).toMatchObject({ attempt: 1, code: 'dial-refused' })
    void a
  })

  it('that reaches another peer fails as wrong-key', async () => {
    const [a, b, c] = [side('a'), side('b'), side('c')]
    dial(a, await listen(b), c.peerId)
    expect(await a.next('DialFailed')).toMatchObject({ code: 'wrong-key' })
    expect(a.of('LinkSecured')).toEqual([])
  })

  it.each([
    ['hangs up', 'closed', (socket: { destroy(): void }) => socket.destroy()],
    ['speaks something else', 'tls-version', (socket: { write(text: string): void }) => socket.write('220 mail.example ESMTP\r\n')]
  ])('to a place that %s fails by name', async (_, code, accept) => {
    const a = side('a')
    dial(a, await listenRaw(accept as never))
    expect(await a.next('DialFailed')).toMatchObject({ code })
  })

  it('to a place that says nothing fails in time', async () => {
    const a = side('a', Level.LEVEL_ENHANCED, { tlsTimeoutMs: 50 })
    dial(a, await listenRaw(() => {}))
    expect(await a.next('DialFailed')).toMatchObject({ code: 'tls-timeout' })
  })

  it.each([['a port that cannot be', { host: '127.0.0.1', port: 70_000 }], ['no place at all', undefined]])('to %s fails like any other', async (_, endpoint) => {
    const a = side('a')
    a.tell(new DialEndpoint({ endpoint: endpoint === undefined ? null : new Endpoint(endpoint), attempt: 3 }))
    expect(await a.next('DialFailed')).toMatchObject({ attempt: 3 })
  })

  it('that is given up says nothing any more', async () => {
    const [a, b] = [side('a'), side('b')]
    const silent = await listenRaw(() => {})
    dial(a, silent, '', 1)
    await a.next('DialOpened')
    a.tell(new AbortDial({ attempt: 1 }))
    dial(a, await listen(b), b.peerId, 2)
    await a.reached(Level.LEVEL_ENHANCED)
    expect(a.of('DialFailed')).toEqual([])
    expect(a.of('LinkSecured')).toMatchObject([{ attempt: 2 }])
  })

  it('is not given up by the number of another', async () => {
    const [a, b] = [side('a'), side('b')]
    dial(a, await listen(b), b.peerId, 2)
    a.tell(new AbortDial({ attempt: 1 }))
    await a.reached(Level.LEVEL_ENHANCED)
  })

  it('may follow a link that has ended', async () => {
    const [a, b] = await pair()
    a.tell(new CloseLink({ lingerMs: 500 }))
    await a.next('LinkClosed')
    const c = side('c')
    dial(a, await listen(c), c.peerId, 2)
    await c.reached(Level.LEVEL_ENHANCED)
    expect(a.links.connected()).toEqual([c.peerId])
    expect(b.links.connected()).toEqual([])
  })
})

it('a caller that has left cannot be taken over', async () => {
  const a = side('a')
  a.tell(new AdoptLink({ handle: 'in-99' }))
  expect(await a.next('LinkClosed')).toMatchObject({ code: 'lost', initiator: Initiator.INITIATOR_NETWORK })
})

describe('a link that is closed', () => {
  it('writes all that was sent before, and each side knows who closed it', async () => {
    const [a, b] = await pair()
    const offsets = chunks(b)
    for (let offset = 0; offset < 2000; offset++) a.links.send(b.peerId, new FileChunk({ offset, data: new Uint8Array(500) }))
    a.tell(goodbye('shutdown'))
    a.tell(new CloseLink({ lingerMs: 5000 }))
    expect(a.links.connected()).toEqual([])
    expect(await b.next('LinkClosed')).toMatchObject({ code: 'closed', initiator: Initiator.INITIATOR_REMOTE })
    expect(await a.next('LinkClosed')).toMatchObject({ code: 'closed', initiator: Initiator.INITIATOR_SELF })
    expect(b.of('Disconnect')).toMatchObject([{ code: 'shutdown' }])
    expect(offsets.length).toBe(2000)
    expect(b.links.connected()).toEqual([])
    expect(() => b.links.send(a.peerId, new FileChunk({}))).toThrow(NotConnectedError)
  })

  it('still brings what the other side had sent', async () => {
    const [a, b] = await pair()
    const offsets = chunks(a)
    for (let offset = 0; offset < 500; offset++) b.links.send(a.peerId, new FileChunk({ offset, data: new Uint8Array(500) }))
    a.tell(goodbye('duplicate'))
    a.tell(new CloseLink({ lingerMs: 5000 }))
    await b.next('Disconnect')
    b.tell(new CloseLink({ lingerMs: 0 }))
    await a.next('LinkClosed')
    expect(offsets.length).toBe(500)
  })

  it('does not wait longer than it may for who does not read', async () => {
    const [a, b] = await pair()
    b.links.subscribe(FileChunk, () => new Promise(() => {}))
    const data = new Uint8Array(1_000_000)
    for (let i = 0; i < 12; i++) a.links.send(b.peerId, new FileChunk({ data }))
    const drained = a.links.drained(b.peerId)
    drained.catch(() => {})
    a.tell(new CloseLink({ lingerMs: 100 }))
    expect(await a.next('LinkClosed')).toMatchObject({ code: 'closed', initiator: Initiator.INITIATOR_SELF })
    await expect(drained).rejects.toThrow(NotConnectedError)
  })

  it('at once is lost to the other side', async () => {
    const [a, b] = await pair()
    a.tell(new CloseLink({ lingerMs: 0 }))
    expect(a.of('LinkClosed')).toMatchObject([{ initiator: Initiator.INITIATOR_SELF }])
    expect(await b.next('LinkClosed')).toMatchObject({ code: 'lost', initiator: Initiator.INITIATOR_NETWORK })
  })
})

describe('a driver', () => {
  it('reports traffic while something passes, and is silent when idle', async () => {
    const [a, b] = await pair({ trafficEveryMs: 20 })
    expect(a.of('LinkTraffic')).toEqual([])
    a.links.send(b.peerId, new TextMessage({ text: 'x' }))
    expect(await a.next('LinkTraffic')).toMatchObject({ framesOut: 1, framesIn: 0 })
    expect(await b.next('LinkTraffic')).toMatchObject({ framesOut: 0, framesIn: 1 })
    a.tell(new SendPing({ id: 1 }))
    await a.next('PongReceived')
    await new Promise(resolve => setTimeout(resolve, 60))
    expect(a.of('LinkTraffic').length).toBe(1)
  })

  it('leaves no socket and no timer behind', async () => {
    const [a, b] = await pair()
    chunks(b)
    for (let i = 0; i < 10; i++) a.links.send(b.peerId, new FileChunk({ offset: i }))
    const c = side('c')
    dial(c, await listenRaw(() => {}))
    await c.next('DialOpened')
    await Promise.all([a.stop(), b.stop(), c.stop()])
    await closeAll()
    // The system closes handles a little later; this ends only when all are gone.
    while (process.getActiveResourcesInfo().some(name => /TCP|TLS/.test(name))) await tick()
    expect(a.of('LinkClosed')).toEqual([])
  })
})
