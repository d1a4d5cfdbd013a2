import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { encodeFrame, frameLength, FRAME_OVERHEAD_MAX, FrameView } from '../../../actors/peer-connection/frame-codec.ts'
import { FrameMalformedError, FrameTooLargeError } from '../../../actors/peer-connection/frame-errors.ts'
import { FrameReader } from '../../../actors/peer-connection/frame-reader.ts'
import { Frame } from '../../../proto/index.ts'

interface Plain {
  readonly number: number
  readonly ack: number
  readonly type: number
  readonly body: number[]
}

const uint32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }))
const anyFrame = fc.record({ number: uint32, ack: uint32, type: uint32, body: fc.uint8Array({ maxLength: 400 }) })
const someFrame = anyFrame.filter(({ number, ack, type, body }) => frameLength(number, ack, type, body.length) > 0)

const plain = ({ number, ack, type, buffer, start, end }: FrameView): Plain => ({ number, ack, type, body: [...buffer.subarray(start, end)] })

function read(bytes: Uint8Array): Plain {
  const view = new FrameView()
  view.read(bytes, 0, bytes.length)
  return plain(view)
}

/** A reader whose sink collects. */
function collector(limit = 65_536): { reader: FrameReader; frames: Plain[] } {
  const frames: Plain[] = []
  return { frames, reader: new FrameReader(limit, frame => frames.push(plain(frame)) > 0) }
}

const times = (count: number, byte: number): number[] => Array.from({ length: count }, () => byte)
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const prefixed = (...values: number[]): Uint8Array => bytes(values.length, ...values)

describe('a frame', () => {
  it('is written as protobuf writes it', () => {
    fc.assert(fc.property(someFrame, ({ number, ack, type, body }) => {
      const ours = encodeFrame(number, ack, type, body)
      const theirs = Frame.encode(new Frame({ number, ack, type, body })).finish()
      expect(Buffer.from(ours.subarray(ours.length - theirs.length))).toEqual(Buffer.from(theirs))
      expect(ours.length).toBeLessThanOrEqual(body.length + FRAME_OVERHEAD_MAX)
    }))
  })

  it('is read as protobuf reads it', () => {
    fc.assert(fc.property(anyFrame, ({ number, ack, type, body }) => {
      expect(read(Frame.encode(new Frame({ number, ack, type, body })).finish())).toEqual({ number, ack, type, body: [...body] })
    }))
  })

  it('written by us is read by protobuf', () => {
    fc.assert(fc.property(someFrame, ({ number, ack, type, body }) => {
      const ours = encodeFrame(number, ack, type, body)
      const decoded = Frame.decode(ours.subarray(ours.length - frameLength(number, ack, type, body.length)))
      expect([decoded.number, decoded.ack, decoded.type, [...decoded.body]]).toEqual([number, ack, type, [...body]])
    }))
  })

  it('is read with its fields in any order, the last of a kind counting', () => {
    expect(read(bytes(0x18, 7, 0x08, 1, 0x22, 1, 9, 0x08, 2))).toEqual({ number: 2, ack: 0, type: 7, body: [9] })
  })

  it('may hold fields that we do not know', () => {
    const unknown = [0x28, 0xff, 0x01, 0x31, 1, 2, 3, 4, 5, 6, 7, 8, 0x3a, 2, 0x08, 9, 0x45, 1, 2, 3, 4, 0x4b, 0x08, 1, 0x4c]
    expect(read(bytes(...unknown, 0x08, 5))).toEqual({ number: 5, ack: 0, type: 0, body: [] })
    const negative = [0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    expect(read(bytes(...negative, 0x08, 5)).number).toBe(5)
  })

  it.each<[string, number[]]>([
    ['a number longer than 32 bits', [0x08, 0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['a varint of 10 bytes as a number', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a varint of 11 bytes in an unknown field', [0x28, ...times(10, 0x80), 0x01]],
    ['a number written longer than needed', [0x08, 0x81, 0x00]],
    ['a number cut off', [0x08, 0x81]],
    ['a field without a value', [0x08]],
    ['a body longer than its frame', [0x22, 5, 1, 2]],
    ['a body of 2^32-1 bytes', [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a body with the wire type of a number', [0x20, 5]],
    ['a number with the wire type of bytes', [0x0a, 1, 5]],
    ['a number with the wire type of fixed32', [0x0d, 1, 2, 3, 4]],
    ['a field with number 0', [0x00, 1]],
    ['a wire type that does not exist', [0x2e, 1]],
    ['an unknown field longer than its frame', [0x2a, 9, 1]],
    ['an unknown fixed64 cut off', [0x29, 1, 2, 3]],
    ['a group that is not closed', [0x2b, 0x08, 1]],
    ['a group closed by another field\'s end', [0x2b, 0x34]],
    ['the end of a group that never began', [0x2c]],
    ['groups nested without end', times(60_000, 0x2b)]
  ])('with %s is malformed', (_, values) => {
    expect(() => read(Uint8Array.from(values))).toThrow(FrameMalformedError)
  })

  it('is malformed in every truncation, or else a shorter frame', () => {
    const whole = encodeFrame(70_000, 300, 17, Uint8Array.from({ length: 40 }, (_, i) => i))
    const fieldEnds = new Set<number>()
    for (let length = 0; length < whole.length - 1; length++) {
      try {
        read(whole.subarray(1, 1 + length))
        fieldEnds.add(length)
      } catch (error) {
        expect(error).toBeInstanceOf(FrameMalformedError)
      }
    }
    expect([...fieldEnds]).toEqual([0, 4, 7, 9])
  })
})

describe('a stream of frames', () => {
  it('is read the same in chunks of any size', () => {
    fc.assert(fc.property(fc.array(someFrame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (frames, cuts) => {
      const stream = Buffer.concat(frames.map(({ number, ack, type, body }) => encodeFrame(number, ack, type, body)))
      const { reader, frames: got } = collector()
      for (let at = 0, cut = 0; at < stream.length; cut++) {
        const length = cuts[cut % cuts.length]!
        reader.push(stream.subarray(at, at + length))
        at += length
      }
      expect(got).toEqual(frames.map(frame => ({ ...frame, body: [...frame.body] })))
      expect(reader.midway).toBe(false)
      expect(reader.buffered).toBe(0)
    }))
  })

  it('is read the same whenever it is held and resumed', () => {
    fc.assert(fc.property(fc.array(fc.tuple(someFrame, fc.boolean()), { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 70 }), (frames, cut) => {
      const stream = Buffer.concat(frames.map(([{ number, ack, type, body }]) => encodeFrame(number, ack, type, body)))
      const got: Plain[] = []
      const reader: FrameReader = new FrameReader(65_536, frame => {
        got.push(plain(frame))
        return frames[got.length - 1]![1]
      })
      for (let at = 0; at < stream.length; at += cut) {
        const before = got.length
        reader.push(stream.subarray(at, at + cut))
        if (reader.held && at % 3 === 0) reader.resume()
        if (!frames.slice(before, got.length).every(([, on]) => on)) expect(got.length).toBeGreaterThan(before)
      }
      while (reader.held) reader.resume()
      expect(got.length).toBe(frames.length)
      expect(got).toEqual(frames.map(([frame]) => ({ ...frame, body: [...frame.body] })))
    }))
  })

  it('hands out nothing while it is held', () => {
    let on = false
    let count = 0
    const reader: FrameReader = new FrameReader(100, () => {
      count++
      return on
    })
    const frame = encodeFrame(1, 0, 16, bytes(1))
    reader.push(Buffer.concat([frame, frame, frame]))
    reader.push(frame)
    expect(count).toBe(1)
    on = true
    reader.resume()
    expect(count).toBe(4)
  })

  it.each<[string, Uint8Array, typeof FrameMalformedError]>([
    ['length 2^32-1', bytes(0xff, 0xff, 0xff, 0xff, 0x0f), FrameTooLargeError],
    ['a length above 32 bits', bytes(0xff, 0xff, 0xff, 0xff, 0x1f), FrameMalformedError],
    ['a length of 10 bytes', bytes(...times(9, 0xff), 0x01), FrameMalformedError],
    ['a length written longer than needed', bytes(0x85, 0x00, 1, 2, 3, 4, 5), FrameMalformedError],
    ['length 0', bytes(0), FrameMalformedError],
    ['a length one above the limit', bytes(0x81, 0x80, 0x04), FrameTooLargeError],
    ['nested groups', prefixed(...times(100, 0x2b)), FrameMalformedError]
  ])('with %s is refused by name, whole or byte by byte', (_, stream, type) => {
    expect(() => collector().reader.push(stream)).toThrow(type)
    const { reader } = collector()
    expect(() => {
      for (const byte of stream) reader.push(bytes(byte))
    }).toThrow(type)
    expect(reader.buffered).toBeLessThanOrEqual(stream.length)
  })

  it('takes a frame exactly at the limit', () => {
    const { reader, frames } = collector(1000)
    const frame = encodeFrame(1, 0, 16, new Uint8Array(993))
    expect(frame.length).toBe(1002)
    reader.push(frame)
    expect(frames.length).toBe(1)
    expect(() => reader.push(encodeFrame(1, 0, 16, new Uint8Array(994)))).toThrow(FrameTooLargeError)
  })

  it('keeps no more than has arrived of a large frame', () => {
    const { reader } = collector(4 * 1024 * 1024)
    reader.push(bytes(0x80, 0x80, 0x80, 0x02))
    expect(reader.buffered).toBe(0)
    for (let i = 0; i < 1000; i++) reader.push(bytes(0))
    expect(reader.buffered).toBe(1000)
    expect(reader.midway).toBe(true)
  })

  it('of random bytes ends in a named error or in frames, never in anything else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), stream => {
      const { reader } = collector(1000)
      try {
        reader.push(stream)
      } catch (error) {
        expect(error).toBeInstanceOf(FrameMalformedError)
      }
      expect(reader.buffered).toBeLessThanOrEqual(1000)
    }), { numRuns: 2000 })
  })
})
