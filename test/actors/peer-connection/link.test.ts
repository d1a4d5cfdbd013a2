import { afterEach, describe, expect, it } from '@jest/globals'
import { LinkFullError, MessageTooLargeError, NotAcceptedError, NotConnectedError } from '../../../actors/peer-connection/link-errors.ts'
import {
  AbortDial, AdoptLink, CloseLink, DialEndpoint, Direction, Endpoint, FileAnswer, FileChunk, FileOffer, Initiator, Level, SendPing, TextMessage
} from '../../../proto/index.ts'
import { closeAll, goodbye, linked, listen, listenRaw, side, type Side } from './link-sides.ts'

afterEach(closeAll)

const tick = () => new Promise(resolve => setImmediate(resolve))
const pair = async (options = {}): Promise<[Side, Side]> => {
  const a = side('a', Level.LEVEL_ENHANCED, options)
  const b = side('b', Level.LEVEL_ENHANCED, options)
  await linked(a, b)
  return [a, b]
}
const dial = (from: Side, endpoint: Endpoint, expectedPeerId = '', attempt = 1) => from.tell(new DialEndpoint({ endpoint, expectedPeerId, attempt }))
/** Collects the offsets of the chunks that reach a side. */
function chunks(at: Side): number[] {
  const offsets: number[] = []
  at.links.subscribe(FileChunk, (_, message) => void offsets.push(message.body.offset))
  return offsets
}

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

describe('messages', () => {
  it('for the bus come from the peer, announced', async () => {
    const [a, b] = await pair()
    expect(a.links.send(b.peerId, new TextMessage({ text: 'hello' }))).toBe(true)
    const heard = await b.when(({ type }) => type === 'TextMessage')
    expect(heard).toMatchObject({ to: '', from: `peer/${a.peerId}`, body: { text: 'hello' } })
  })

  it('that are encoded already are sent as they are', async () => {
    const [a, b] = await pair()
    a.links.send(b.peerId, { type: 'TextMessage', bytes: TextMessage.encode(new TextMessage({ text: 'hi' })).finish() })
    expect(await b.next('TextMessage')).toMatchObject({ text: 'hi' })
  })

  it('that pass by the bus keep nothing of what was read with them', async () => {
    const [a, b] = await pair()
    a.links.send(b.peerId, new FileOffer({ transferId: 'x', digest: new Uint8Array(32) }))
    const { digest } = await b.next('FileOffer')
    expect(digest.buffer.byteLength).toBeLessThan(100)
  })

  it('reach everyone who is connected', async () => {
    const [a, b, c] = [side('a'), side('b'), side('c')]
    await linked(b, a)
    await linked(c, a)
    expect(a.links.connected().length).toBe(1)
    expect(a.links.broadcast(new TextMessage({ text: 'all' }))).toBe(1)
    expect(await c.next('TextMessage')).toMatchObject({ text: 'all' })
  })

  it('arrive in order, none lost, none twice, in both directions at once', async () => {
    const [a, b] = await pair()
    const count = 20_000
    const [atA, atB] = [chunks(a), chunks(b)]
    const pump = async (from: Side, to: Side): Promise<void> => {
      for (let offset = 0; offset < count; offset++) {
        const data = new Uint8Array(offset % 997 === 0 ? 200_000 : offset % 83)
        if (!from.links.send(to.peerId, new FileChunk({ offset, data }))) await from.links.drained(to.peerId)
        if (offset % 3001 === 0) await tick()
      }
    }
    await Promise.all([pump(a, b), pump(b, a)])
    while (atA.length < count || atB.length < count) await tick()
    const order = Array.from({ length: count }, (_, i) => i)
    expect(atA).toEqual(order)
    expect(atB).toEqual(order)
    expect([...a.of('FrameRefused'), ...b.of('FrameRefused'), ...a.of('LinkClosed')]).toEqual([])
  })

  it('are refused to the sender by name', async () => {
    const a = side('a', Level.LEVEL_BASIC)
    const b = side('b', Level.LEVEL_ENHANCED)
    const to = b.peerId
    expect(() => a.links.send(to, new TextMessage({ text: 'x' }))).toThrow(NotConnectedError)
    await expect(a.links.drained(to)).rejects.toThrow(NotConnectedError)
    await linked(a, b)
    expect(() => a.links.send(to, new FileOffer({}))).toThrow(NotAcceptedError)
    expect(() => a.links.send(to, new Endpoint({ host: 'x' }))).toThrow(NotAcceptedError)
    expect(() => a.links.send(to, { type: 'nobody.knows.This', bytes: new Uint8Array(1) })).toThrow(NotAcceptedError)
    expect(() => a.links.send(to, new TextMessage({ text: 'x'.repeat(65_536) }))).toThrow(MessageTooLargeError)
    expect(a.links.send(to, new TextMessage({ text: 'x'.repeat(65_000) }))).toBe(true)
    expect((await b.next('TextMessage')).text.length).toBe(65_000)
  })

  it('of up to 4 MiB pass once the link is enhanced', async () => {
    const [a, b] = await pair()
    let length = 0
    b.links.subscribe(FileChunk, (_, { body }) => {
      length = body.data.length
    })
    const data = new Uint8Array(4 * 1024 * 1024 - 100)
    a.links.send(b.peerId, new FileChunk({ offset: 1, data }))
    while (length === 0) await tick()
    expect(length).toBe(data.length)
    expect(() => a.links.send(b.peerId, new FileChunk({ data: new Uint8Array(4 * 1024 * 1024) }))).toThrow(MessageTooLargeError)
  })

  it('sent before the other side has verified us wait for it', async () => {
    const a = side('a', Level.LEVEL_ENHANCED)
    const b = side('b', Level.LEVEL_IDENTIFIED)
    dial(a, await listen(b), b.peerId)
    await a.reached(Level.LEVEL_BASIC)
    a.links.send(b.peerId, new TextMessage({ text: 'early' }))
    await b.next('Verified')
    expect(b.of('TextMessage')).toEqual([])
    b.climbTo = Level.LEVEL_ENHANCED
    b.verify()
    expect(await b.next('TextMessage')).toMatchObject({ text: 'early' })
    expect(b.of('FrameRefused')).toEqual([])
    await a.reached(Level.LEVEL_ENHANCED)
  })

  it('of a verification step go to the step that speaks them, or wait for it', async () => {
    const a = side('a', Level.LEVEL_IDENTIFIED)
    const b = side('b', Level.LEVEL_IDENTIFIED)
    await linked(a, b)
    a.tell(new FileAnswer({ transferId: '1' }), 'verify-words/a')
    a.tell(new FileAnswer({ transferId: '2' }), 'verify-words/a')
    a.tell(new SendPing({ id: 1 }))
    await a.next('PongReceived')
    expect(b.of('FileAnswer')).toEqual([])
    b.step = 'verify-words/b'
    b.gate(Level.LEVEL_IDENTIFIED)
    expect(b.heard.filter(({ type }) => type === 'FileAnswer')).toMatchObject([
      { to: 'verify-words/b', from: `peer/${a.peerId}`, body: { transferId: '1' } }, { to: 'verify-words/b', body: { transferId: '2' } }
    ])
  })

  it('for a link that is gone come back as dead letters', async () => {
    const a = side('a')
    a.tell(goodbye('shutdown'))
    expect(await a.next('DeadLetter')).toMatchObject({ type: 'Disconnect', reason: 'not-connected' })
  })
})

describe('subscribers', () => {
  it('that throw are counted and harm nobody', async () => {
    const [a, b] = await pair()
    b.links.subscribe(FileChunk, () => {
      throw new Error('a bug of the host program')
    })
    const offsets = chunks(b)
    a.links.send(b.peerId, new FileChunk({ offset: 7 }))
    while (offsets.length === 0) await tick()
    expect(b.counted.get('subscribers-failed')).toBe(1)
    expect(b.of('LinkClosed')).toEqual([])
  })

  it('may keep no message unless they copy it', async () => {
    const [a, b] = await pair()
    const kept: { body: unknown }[] = []
    b.links.subscribe(FileChunk, (_, message) => void kept.push(message))
    a.links.send(b.peerId, new FileChunk({ offset: 7 }))
    while (kept.length === 0) await tick()
    expect(() => kept[0]!.body).toThrow(/copy what is kept/)
  })

  it('that leave get no more, and what nobody takes is counted', async () => {
    const [a, b] = await pair()
    const offsets: number[] = []
    const leave = b.links.subscribe('FileChunk', (_, { body }) => void offsets.push((body as FileChunk).offset))
    a.links.send(b.peerId, new FileChunk({ offset: 1 }))
    while (offsets.length === 0) await tick()
    leave()
    a.links.send(b.peerId, new FileChunk({ offset: 2 }))
    a.links.send(b.peerId, new TextMessage({ text: 'behind it' }))
    await b.next('TextMessage')
    expect(offsets).toEqual([1])
    expect(b.counted.get('messages-without-subscriber')).toBe(1)
    expect(() => b.links.subscribe(TextMessage, () => {})).toThrow(TypeError)
  })

  it('that are slow hold the sender back; its memory is bounded and nothing is lost', async () => {
    const [a, b] = await pair({ maxQueuedBytes: 2 * 1024 * 1024, highWaterBytes: 256 * 1024 })
    const offsets: number[] = []
    let release: () => void = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    b.links.subscribe(FileChunk, (_, { body }) => {
      offsets.push(body.offset)
      return offsets.length === 1 ? held : undefined
    })
    const data = new Uint8Array(60_000)
    let sent = 0
    // What the sockets of the system take, and then the bound.
    for (let quiet = 0; quiet < 50; quiet++) {
      try {
        for (;;) {
          a.links.send(b.peerId, new FileChunk({ offset: sent, data }))
          sent++
          quiet = 0
        }
      } catch (error) {
        expect(error).toBeInstanceOf(LinkFullError)
      }
      await tick()
    }
    expect(sent * 60_000).toBeLessThan(3 * 1024 * 1024)
    expect(offsets).toEqual([0])
    const drained = a.links.drained(b.peerId)
    release()
    await drained
    while (offsets.length < sent) await tick()
    expect(offsets).toEqual(Array.from({ length: sent }, (_, i) => i))
    expect(a.links.send(b.peerId, new FileChunk({ offset: sent }))).toBe(true)
  })
})

describe('pings', () => {
  it('tell the round-trip time to whoever asked', async () => {
    const [a] = await pair()
    a.tell(new SendPing({ id: 1 }), 'verify-pings/a')
    a.tell(new SendPing({ id: 1 }), a.address)
    await a.when(({ to, type }) => type === 'PongReceived' && to === a.address)
    const pong = await a.when(({ to, type }) => type === 'PongReceived' && to === 'verify-pings/a')
    expect(pong.body).toMatchObject({ id: 1 })
    expect(a.of('PongReceived').every(({ rttUs }) => rttUs > 0 && rttUs < 5e6)).toBe(true)
  })

  it('are answered while messages stream both ways', async () => {
    const [a, b] = await pair()
    chunks(a)
    chunks(b)
    const data = new Uint8Array(10_000)
    let on = true
    const pump = async (from: Side, to: Side): Promise<void> => {
      while (on) {
        if (!from.links.send(to.peerId, new FileChunk({ data }))) await from.links.drained(to.peerId)
      }
    }
    const pumps = [pump(a, b), pump(b, a)]
    for (let id = 1; id <= 10; id++) {
      a.tell(new SendPing({ id }))
      await a.next('PongReceived', body => body.id === id)
    }
    on = false
    await Promise.all(pumps)
  })
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
