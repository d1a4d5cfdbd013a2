import { afterEach, describe, expect, it } from '@jest/globals'
import { LinkFullError, MessageTooLargeError, NotAcceptedError, NotConnectedError } from '../../../actors/peer-connection/link-errors.ts'
import { Endpoint, FileAnswer, FileChunk, FileOffer, Level, SendPing, TextMessage } from '../../../proto/index.ts'
import { chunks, closeAll, dial, goodbye, linked, listen, pair, side, tick, type Side } from './link-sides.ts'

afterEach(closeAll)

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

  it('for the bus come no faster than the bus is asked to take them, and all of them', async () => {
    const a = side('a')
    const b = side('b', undefined, { busMessagesPerSecond: 100, busBurst: 10 })
    await linked(a, b)
    const before = performance.now()
    for (let i = 0; i < 30; i++) a.links.send(b.peerId, new TextMessage({ text: `${i}` }))
    await b.when(({ type, body }) => type === 'TextMessage' && (body as TextMessage).text === '29')
    expect(b.of('TextMessage').map(({ text }) => text)).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`))
    expect(performance.now() - before).toBeGreaterThan(150)
    expect(b.counted.get('bus-over-budget')).toBeGreaterThan(0)
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

  it('of one who takes nothing end with its link, and what waited is let go', async () => {
    const a = side('a', undefined, { highWaterBytes: 64 * 1024, stallMs: 200, trafficEveryMs: 50 })
    const b = side('b')
    await linked(a, b)
    // A subscriber that never settles: the link is read no further.
    b.links.subscribe(FileChunk, () => new Promise(() => {}))
    const data = new Uint8Array(60_000)
    const fill = (): void => {
      try {
        for (;;) a.links.send(b.peerId, new FileChunk({ data }))
      } catch (error) {
        expect((error as Error).name).toBe('LinkFullError')
      }
    }
    fill()
    expect(await a.next('LinkClosed')).toMatchObject({ code: 'overloaded' })
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
    while (offsets.length === 0) await tick()
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

  it('go out one after another, and are told of when the last is answered', async () => {
    const [a] = await pair()
    a.tell(new SendPing({ id: 7, count: 3 }))
    const pong = await a.next('PongReceived')
    expect(pong).toMatchObject({ id: 7 })
    expect(pong.rttUs).toBeGreaterThan(0)
    expect(a.of('PongReceived')).toHaveLength(1)
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
