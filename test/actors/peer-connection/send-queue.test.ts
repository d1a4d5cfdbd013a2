import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FrameMalformedError } from '../../../actors/peer-connection/frame-errors.ts'
import { framesAhead, NUMBER_MAX, wireNumber } from '../../../actors/peer-connection/frame-number.ts'
import { FrameReader } from '../../../actors/peer-connection/frame-reader.ts'
import { LinkFullError } from '../../../actors/peer-connection/link-errors.ts'
import { SendQueue, type SendQueueOptions } from '../../../actors/peer-connection/send-queue.ts'

/** A socket that takes what it may, and a reader at its other end. */
class Wire {
  readonly writes: number[] = []
  readonly arrived: { number: number; ack: number; type: number; body: string }[] = []
  readonly queue: SendQueue
  room = Infinity
  readonly #reader = new FrameReader(1 << 20, ({ number, ack, type, buffer, start, end }) => {
    this.arrived.push({ number, ack, type, body: Buffer.from(buffer.subarray(start, end)).toString('latin1') })
    return true
  })

  constructor(options: Partial<SendQueueOptions> = {}) {
    this.queue = new SendQueue({
      write: bytes => {
        this.writes.push(bytes.length)
        this.#reader.push(Uint8Array.from(bytes))
        return --this.room > 0
      },
      settled: () => true
    }, { maxBytes: 1 << 20, highWaterBytes: 1 << 16, ...options })
  }

  push(body: string, type = 16): void {
    const bytes = Buffer.from(body, 'latin1')
    this.queue.push(type, bytes, bytes.length)
  }
}

const wires: Wire[] = []
const open = (options?: Partial<SendQueueOptions>): Wire => {
  const wire = new Wire(options)
  wires.push(wire)
  return wire
}
afterEach(() => {
  for (const wire of wires.splice(0)) wire.queue.close()
})
const tick = () => new Promise(resolve => setImmediate(resolve))

describe('frames to send', () => {
  it('go at once when the link is idle, and once a tick while more come', async () => {
    const wire = open()
    wire.push('a')
    expect(wire.arrived.length).toBe(1)
    for (let i = 0; i < 100; i++) wire.push('b')
    expect(wire.writes.length).toBe(1)
    await tick()
    expect(wire.writes.length).toBe(2)
    expect(wire.arrived.length).toBe(101)
    await tick()
    wire.push('c')
    expect(wire.writes.length).toBe(3)
  })

  it('are numbered from 1 and keep their order', async () => {
    const wire = open()
    for (let i = 0; i < 1000; i++) wire.push(`${i}`)
    await tick()
    expect(wire.arrived.map(({ number }) => number)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
    expect(wire.arrived.map(({ body }) => body)).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`))
  })

  it('take memory until they are acknowledged, and no longer', async () => {
    const wire = open()
    for (let i = 0; i < 100; i++) {
      wire.push('x'.repeat(100))
      if (i % 10 === 0) await tick()
    }
    await tick()
    const all = wire.queue.bytes
    expect(all).toBeGreaterThan(100 * 100)
    wire.queue.acknowledged(60)
    expect(wire.queue.bytes).toBeLessThan(all)
    wire.queue.acknowledged(100)
    expect(wire.queue.bytes).toBe(0)
  })

  it('are refused by name when too much waits, and taken again afterwards', async () => {
    const wire = open({ maxBytes: 10_000 })
    let sent = 0
    expect(() => {
      for (;;) {
        wire.push('x'.repeat(100))
        sent++
      }
    }).toThrow(LinkFullError)
    expect(wire.queue.bytes).toBeLessThanOrEqual(10_000)
    await tick()
    wire.queue.acknowledged(sent)
    wire.push('y')
    await tick()
    expect(wire.arrived.at(-1)).toMatchObject({ number: sent + 1, body: 'y' })
  })

  it('wait while the socket takes no more', async () => {
    const wire = open({ highWaterBytes: 1000 })
    wire.room = 1
    wire.push('a')
    for (let i = 0; i < 20; i++) wire.push('x'.repeat(100))
    await tick()
    expect(wire.writes.length).toBe(1)
    expect(wire.queue.ready).toBe(false)
    wire.room = Infinity
    wire.queue.drained()
    expect(wire.arrived.length).toBe(21)
    expect(wire.queue.ready).toBe(true)
  })

  it('take the acknowledgement of the other direction along', async () => {
    const wire = open()
    wire.queue.acknowledge(5)
    wire.push('a')
    wire.push('b')
    await tick()
    expect(wire.arrived).toMatchObject([{ number: 1, ack: 5 }, { number: 2, ack: 0 }])
    expect(wire.queue.acknowledgementDue).toBe(false)
  })

  it('need not be there for an acknowledgement', async () => {
    const wire = open()
    wire.queue.acknowledge(7)
    wire.queue.acknowledgeSoon()
    wire.queue.acknowledgeSoon()
    await tick()
    expect(wire.arrived).toEqual([{ number: 0, ack: 7, type: 0, body: '' }])
    expect(wire.queue.bytes).toBe(0)
  })

  it.each([['never sent', 3], ['that go back', 1], ['far off', 0xffff_fff0]])('that are %s cannot be acknowledged', async (_, number) => {
    const wire = open()
    wire.push('a')
    wire.push('b')
    await tick()
    wire.queue.acknowledged(2)
    expect(() => wire.queue.acknowledged(number)).toThrow(FrameMalformedError)
  })

  it('that wait for the socket cannot be acknowledged yet', () => {
    const wire = open()
    wire.room = 1
    wire.push('a')
    wire.push('b')
    expect(() => wire.queue.acknowledged(2)).toThrow(FrameMalformedError)
  })

  it('arrive whole and in order whatever is acknowledged, and whenever the socket is blocked', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 70_000 }) }),
      fc.record({ acknowledge: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ block: fc.boolean() }),
      fc.constant({ tick: true }),
      fc.constant({ say: true }),
      fc.constant({ trim: true })
    ), { maxLength: 60 }), async steps => {
      const wire = open({ maxBytes: 1 << 19 })
      const bodies: string[] = []
      let acknowledged = 0
      let arrived = 0
      for (const step of steps) {
        if ('push' in step) {
          const body = String.fromCharCode(97 + (bodies.length % 26)).repeat(step.push)
          try {
            wire.push(body)
            bodies.push(body)
          } catch (error) {
            expect(error).toBeInstanceOf(LinkFullError)
          }
        } else if ('acknowledge' in step) {
          const last = wire.arrived.filter(({ number }) => number > 0).length
          acknowledged = Math.min(last, acknowledged + step.acknowledge)
          wire.queue.acknowledged(acknowledged)
        } else if ('block' in step) {
          wire.room = step.block ? 1 : Infinity
          if (!step.block) wire.queue.drained()
        } else if ('say' in step) {
          wire.queue.acknowledge(++arrived)
          wire.queue.acknowledgeSoon()
        } else if ('trim' in step) {
          wire.queue.trim()
        } else {
          await tick()
        }
        expect(wire.queue.bytes).toBeLessThanOrEqual((1 << 19) + 64)
      }
      wire.room = Infinity
      wire.queue.drained()
      await tick()
      const numbered = wire.arrived.filter(({ number }) => number > 0)
      expect(numbered.map(({ number }) => number)).toEqual(bodies.map((_, i) => i + 1))
      expect(numbered.every(({ body }, i) => body === bodies[i])).toBe(true)
      wire.queue.acknowledged(bodies.length)
      expect(wire.queue.bytes).toBe(0)
      wire.queue.close()
    }), { numRuns: 200 })
  })
})

describe('numbers of frames', () => {
  it('begin again after 2^32-1 without a 0', () => {
    expect([0, 1, NUMBER_MAX, NUMBER_MAX + 1, 2 * NUMBER_MAX, 2 * NUMBER_MAX + 1].map(wireNumber)).toEqual([0, 1, NUMBER_MAX, 1, NUMBER_MAX, 1])
  })

  it('tell how far ahead they are, over that turn too', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 50 }), fc.integer({ min: 0, max: 10_000_000 }), (count, ahead) => {
      expect(framesAhead(wireNumber(count + ahead), count)).toBe(ahead)
    }))
    expect(framesAhead(5, 0)).toBe(5)
  })
})
