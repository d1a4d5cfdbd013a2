import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { DISCONNECT, IDENTIFY, PING, PONG, VERIFIED } from '../../../actors/peer-connection/built-in.ts'
import { encodeFrame } from '../../../actors/peer-connection/frame-codec.ts'
import { Disconnect, FileChunk, FileOffer, Identify, Initiator, Instance, Level, Ping, Pong, SendPing, TextMessage, Verified } from '../../../proto/index.ts'
import { caller, closeAll, linked, numberOf, side, tick, type Caller, type Side } from './link-sides.ts'

afterEach(closeAll)

const times = (count: number, byte: number): number[] => Array.from({ length: count }, () => byte)
const text = (value: string): Uint8Array => TextMessage.encode(new TextMessage({ text: value })).finish()

/** A side that climbs so far, and a caller to it that has identified itself. */
async function identified(climbTo: Level): Promise<[Side, Caller]> {
  const to = side('b', climbTo)
  const by = await caller(to)
  by.identify()
  if (climbTo >= Level.LEVEL_ENHANCED) by.send(VERIFIED, Verified.encode(new Verified({ steps: ['words'] })).finish())
  await to.reached(climbTo)
  return [to, by]
}

describe('the gate', () => {
  it('lets only Identify pass before it, and ends the link at the third other message', async () => {
    const to = side('b')
    const by = await caller(to)
    by.send(PING, Ping.encode(new Ping({ id: 1 })).finish())
    by.send(VERIFIED)
    by.send(numberOf(to, TextMessage), text('early'))
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'protocol', initiator: Initiator.INITIATOR_SELF })
    expect(to.of('FrameRefused')).toMatchObject([{ type: 'Ping', code: 'level' }, { type: 'Verified', code: 'level' }, { type: 'TextMessage', code: 'level' }])
    expect(to.of('TextMessage')).toEqual([])
    expect(Disconnect.decode(await by.next(DISCONNECT))).toMatchObject({ code: 'protocol' })
  })

  it('keeps what comes behind Identify until the machine has judged it', async () => {
    const to = side('b', Level.LEVEL_SECURED)
    const by = await caller(to)
    by.identify()
    by.send(PING, Ping.encode(new Ping({ id: 9 })).finish())
    by.send(VERIFIED, Verified.encode(new Verified({ steps: ['words'] })).finish())
    await to.next('Identify')
    for (let i = 0; i < 20; i++) await tick()
    expect(to.of('Verified')).toEqual([])
    to.gate(Level.LEVEL_IDENTIFIED)
    await to.next('Verified')
    expect(Pong.decode(await by.next(PONG))).toMatchObject({ id: 9 })
    expect(to.of('FrameRefused')).toEqual([])
  })

  it('counts types above the level and types that nobody knows', async () => {
    const [to, by] = await identified(Level.LEVEL_BASIC)
    by.send(numberOf(to, FileOffer))
    by.send(99)
    by.send(numberOf(to, TextMessage), text('allowed'))
    expect(await to.next('TextMessage')).toMatchObject({ text: 'allowed' })
    expect(to.of('FrameRefused')).toMatchObject([{ type: 'FileOffer', code: 'level' }, { type: '#99', code: 'unknown-type' }])
    by.identify()
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'protocol' })
    expect(to.of('FrameRefused').at(-1)).toMatchObject({ type: 'Identify' })
  })

  it('has no message of the link but its own', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    for (const type of [9, 15, 10]) by.send(type)
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'protocol' })
  })
})

describe('a peer that breaks the protocol', () => {
  const malformed: readonly [string, (by: Caller, to: Side) => Uint8Array][] = [
    ['announces 2^32-1 bytes', () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['writes a length of 10 bytes', () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ['sends an empty frame', () => Uint8Array.of(0)],
    ['nests groups in a frame', () => Uint8Array.from([64, ...times(64, 0x2b)])],
    ['sends a frame larger than the level allows', () => Uint8Array.of(0x81, 0x80, 0x04)],
    ['leaves a number out', by => {
      by.frame(PING)
      return by.frame(PING)
    }],
    ['sends a frame twice', by => {
      const frame = by.frame(PING)
      return Buffer.concat([frame, frame])
    }],
    ['sends a message without a number', () => encodeFrame(0, 0, PING, Uint8Array.of(8, 1))],
    ['numbers a frame without a type', by => by.frame(0)],
    ['acknowledges what was never sent', by => by.frame(PING, Uint8Array.of(8, 1), 4000)],
    ['acknowledges what was never sent, and no more', () => encodeFrame(0, 5000, 0, new Uint8Array(0))],
    ['sends a body that is no message', by => by.frame(PING, Uint8Array.of(0x08))],
    ['nests groups in a body', by => by.frame(PING, Uint8Array.from(times(50_000, 0x2b)))]
  ]

  it.each(malformed)('and %s is told so, and is heard no more', async (_, write) => {
    const [to, by] = await identified(Level.LEVEL_IDENTIFIED)
    by.socket.write(write(by, to))
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'malformed', initiator: Initiator.INITIATOR_SELF })
    expect(Disconnect.decode(await by.next(DISCONNECT))).toMatchObject({ code: 'malformed' })
    expect(to.of('LinkClosed').length).toBe(1)
  })

  it('does not disturb another link of the same process', async () => {
    const [a, b] = [side('a'), side('c')]
    await linked(a, b)
    for (const [, write] of malformed) {
      const [to, by] = await identified(Level.LEVEL_IDENTIFIED)
      by.socket.write(write(by, to))
      await to.next('LinkClosed')
      a.links.send(b.peerId, new TextMessage({ text: 'still here' }))
    }
    await b.when(({ type }) => type === 'TextMessage' && b.of('TextMessage').length === malformed.length)
  })

  it('with a body that a subscriber cannot decode is malformed too', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    to.links.subscribe(FileChunk, (_, message) => void message.body)
    by.send(numberOf(to, FileChunk), Uint8Array.of(0x22, 0xff, 0x01))
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'malformed' })
  })

  it('may take no more than 64 KiB of memory for a frame before it is enhanced', async () => {
    const [to, by] = await identified(Level.LEVEL_BASIC)
    by.send(numberOf(to, TextMessage), text('x'.repeat(65_000)))
    expect((await to.next('TextMessage')).text.length).toBe(65_000)
    by.send(numberOf(to, TextMessage), text('x'.repeat(65_536)))
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'malformed' })
  })

  it('cuts a frame off at any byte, and nothing of it is taken', async () => {
    const whole = (by: Caller, to: Side) => by.frame(numberOf(to, TextMessage), text('never whole'))
    const [first, sample] = await identified(Level.LEVEL_BASIC)
    const { length } = whole(sample, first)
    for (let cut = 1; cut < length; cut++) {
      const [to, by] = await identified(Level.LEVEL_BASIC)
      by.socket.end(whole(by, to).subarray(0, cut))
      expect(await to.next('LinkClosed')).toMatchObject({ code: 'lost', reason: 'the connection ended within a frame', initiator: Initiator.INITIATOR_NETWORK })
      expect(to.of('TextMessage')).toEqual([])
    }
  })

  it('writes byte by byte and is understood', async () => {
    const to = side('b')
    const by = await caller(to)
    by.identify()
    const stream = Buffer.concat([
      by.frame(VERIFIED, Verified.encode(new Verified({ steps: ['words'] })).finish()),
      by.frame(numberOf(to, TextMessage), text('slow'))
    ])
    for (const byte of stream) {
      await new Promise(resolve => by.socket.write(Uint8Array.of(byte), resolve))
    }
    expect(await to.next('TextMessage')).toMatchObject({ text: 'slow' })
  })

  it('writes anything at all, and the process lives', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 4000 }), fc.constantFrom(Level.LEVEL_SECURED, Level.LEVEL_ENHANCED), async (noise, level) => {
      const [to, by] = level === Level.LEVEL_SECURED ? await (async (): Promise<[Side, Caller]> => {
        const fresh = side('b')
        return [fresh, await caller(fresh)]
      })() : await identified(level)
      by.socket.end(noise)
      const { code } = await to.next('LinkClosed')
      expect(['malformed', 'protocol', 'lost', 'closed']).toContain(code)
      by.tcp.destroy()
      await to.stop()
      // Shrinking over real sockets outlives the test.
    }), { numRuns: 40, endOnFailure: true })
  })

  it('resets the connection, which is lost by the network', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    by.tcp.resetAndDestroy()
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'lost', initiator: Initiator.INITIATOR_NETWORK })
  })

  it('ends its side without a goodbye, which is lost by the network', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    by.socket.end()
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'lost', reason: 'the connection ended without a goodbye' })
    await by.until(() => by.ended)
  })

  it('says goodbye and goes on talking, to no avail', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    by.send(DISCONNECT, Disconnect.encode(new Disconnect({ code: 'shutdown' })).finish())
    by.send(numberOf(to, TextMessage), text('one more thing'))
    by.send(IDENTIFY)
    by.socket.end()
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'closed', initiator: Initiator.INITIATOR_REMOTE })
    expect(to.of('TextMessage')).toEqual([])
    expect(to.of('FrameRefused')).toEqual([])
  })

  it('floods with pings and is answered within the budget', async () => {
    const [to, by] = await identified(Level.LEVEL_IDENTIFIED)
    const flood = Buffer.concat(Array.from({ length: 5000 }, (_, id) => by.frame(PING, Ping.encode(new Ping({ id: id + 1 })).finish())))
    by.socket.write(flood)
    by.send(VERIFIED)
    await to.next('Verified')
    const answered = 5000 - (to.counted.get('pings-over-budget') ?? 0)
    expect(answered).toBeGreaterThanOrEqual(100)
    expect(answered).toBeLessThan(1500)
    expect(to.of('LinkClosed')).toEqual([])
  })

  it('says more than once that it has verified us, and is heard once', async () => {
    const [to, by] = await identified(Level.LEVEL_ENHANCED)
    for (let i = 0; i < 1000; i++) by.send(VERIFIED)
    expect(await to.next('LinkClosed')).toMatchObject({ code: 'protocol' })
    expect(to.of('Verified')).toHaveLength(1)
  })

  it('says more of itself than anybody asked, and what is told and logged stays small', async () => {
    const to = side('b', Level.LEVEL_BASIC)
    const by = await caller(to)
    const long = 'x'.repeat(10_000)
    by.send(IDENTIFY, Identify.encode(new Identify({
      versions: times(100, 1), network: new Uint8Array(5_000), instance: new Instance({ startedAt: 1, nonce: new Uint8Array(5_000) }), name: long, agent: long,
      accepts: ['', '__proto__', long, 'TextMessage', ...Array.from({ length: 5_000 }, () => 'y')]
    })).finish())
    const told = await to.next('Identify')
    expect(Identify.encode(told).finish().length).toBeLessThan(1_000)
    expect(told.accepts).toEqual(['', '', '', 'TextMessage'])
    await to.reached(Level.LEVEL_BASIC)
    by.send(VERIFIED, Verified.encode(new Verified({ steps: Array.from({ length: 1_000 }, () => 'y') })).finish())
    await to.next('Verified')
    to.links.send(to.links.connected()[0]!, new TextMessage({ text: 'still understood' }))
    expect(TextMessage.decode(await by.next(19))).toMatchObject({ text: 'still understood' })
    by.send(DISCONNECT, Disconnect.encode(new Disconnect({ code: 'shutdown', reason: long })).finish())
    expect((await to.next('Disconnect')).reason).toHaveLength(256)
  })

  it('answers pings that nobody asked, which tells nobody anything', async () => {
    const [to, by] = await identified(Level.LEVEL_IDENTIFIED)
    to.tell(new SendPing({ id: 1 }))
    for (let id = 1; id <= 10; id++) by.send(PONG, Pong.encode(new Pong({ id })).finish())
    by.send(VERIFIED)
    await to.next('Verified')
    expect(to.of('PongReceived')).toEqual([])
    expect(to.counted.get('pongs-unasked')).toBe(10)
  })

  it('acknowledges nothing, and is sent no more than may be kept', async () => {
    const to = side('b', Level.LEVEL_ENHANCED, { maxQueuedBytes: 100_000 })
    const by = await caller(to)
    by.identify()
    by.send(VERIFIED)
    await to.reached(Level.LEVEL_ENHANCED)
    const peerId = to.links.connected()[0]!
    let sent = 0
    expect(() => {
      for (;;) {
        to.links.send(peerId, new TextMessage({ text: 'x'.repeat(1000) }))
        sent++
      }
    }).toThrow(/wait for the other side/)
    await by.until(() => by.arrived.filter(({ type }) => type >= 16).length === sent)
    expect(() => to.links.send(peerId, new TextMessage({ text: 'x'.repeat(1000) }))).toThrow(/wait for the other side/)
    const drained = to.links.drained(peerId)
    by.socket.write(encodeFrame(0, by.arrived.length, 0, new Uint8Array(0)))
    await drained
    expect(to.links.send(peerId, new TextMessage({ text: 'x' }))).toBe(true)
  })
})
