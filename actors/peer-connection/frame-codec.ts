import { FrameMalformedError } from './frame-errors.ts'
import { VarintReader, varintLength, writeVarint } from './varint.ts'

// The Frame of wire.proto by hand: what protobufjs generates takes four times as long, most of it for
// objects that nobody keeps. Tests hold the two together.

// Tags of Frame's fields: the field's number, then its wire type in three bits.
const NUMBER = (1 << 3) | 0
const ACK = (2 << 3) | 0
const TYPE = (3 << 3) | 0
const BODY = (4 << 3) | 2

/** Groups within groups that are passed over in an unknown field; nobody writes any since proto3. */
const GROUP_DEPTH_MAX = 16

const varint = new VarintReader()

/** A frame as read: its body is `buffer` from `start` to `end`, not copied. Reused for every frame. */
export class FrameView {
  number = 0
  ack = 0
  type = 0
  buffer: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  /**
   * Reads one frame, without its length prefix, from a part of the buffer.
   * @throws FrameMalformedError when it is no Frame, or not in the form in which Frames are written
   */
  read(buffer: Uint8Array, start: number, end: number): void {
    this.number = this.ack = this.type = 0
    this.buffer = buffer
    this.start = this.end = end
    varint.at = start
    while (varint.at < end) {
      switch (buffer[varint.at]) {
        case NUMBER:
          varint.at++
          this.number = varint.uint32(buffer, end)
          break
        case ACK:
          varint.at++
          this.ack = varint.uint32(buffer, end)
          break
        case TYPE:
          varint.at++
          this.type = varint.uint32(buffer, end)
          break
        case BODY: {
          varint.at++
          const length = varint.uint32(buffer, end)
          if (length > end - varint.at) throw new FrameMalformedError('the body is longer than its frame')
          this.start = varint.at
          this.end = varint.at += length
          break
        }
        default:
          skipUnknown(buffer, end)
      }
    }
  }
}

function skipUnknown(buffer: Uint8Array, end: number): void {
  const tag = varint.uint32(buffer, end)
  if (tag >>> 3 >= 1 && tag >>> 3 <= 4) throw new FrameMalformedError(`field ${tag >>> 3} of a frame has wire type ${tag & 7}`)
  skipField(buffer, end, tag)
  // Groups are closed by a list, not by recursion: the sender chooses the depth.
  const open = openGroup([], tag)
  while (open.length > 0) {
    const inner = varint.uint32(buffer, end)
    if ((inner & 7) !== 4) {
      skipField(buffer, end, inner)
      openGroup(open, inner)
    } else if (open.pop() !== inner >>> 3) {
      throw new FrameMalformedError('a group is closed that is not open')
    }
  }
}

function openGroup(open: number[], tag: number): number[] {
  if ((tag & 7) === 3 && open.push(tag >>> 3) > GROUP_DEPTH_MAX) throw new FrameMalformedError('groups are nested too deep')
  return open
}

function skipField(buffer: Uint8Array, end: number, tag: number): void {
  if (tag >>> 3 === 0) throw new FrameMalformedError('a field has number 0')
  switch (tag & 7) {
    case 0:
      return varint.skip(buffer, end)
    case 1:
      return advance(8, end)
    case 2:
      return advance(varint.uint32(buffer, end), end)
    case 3:
      return
    case 5:
      return advance(4, end)
    default:
      throw new FrameMalformedError(`a field has wire type ${tag & 7}`)
  }
}

function advance(length: number, end: number): void {
  if (length > end - varint.at) throw new FrameMalformedError('a field is longer than its frame')
  varint.at += length
}

/** Most bytes that a frame has besides its body, its length prefix included. */
export const FRAME_OVERHEAD_MAX = 5 + 3 * 6 + 6

/** Length of a frame without its length prefix, in bytes. */
export function frameLength(number: number, ack: number, type: number, bodyLength: number): number {
  return (number === 0 ? 0 : 1 + varintLength(number)) + (ack === 0 ? 0 : 1 + varintLength(ack)) +
    (type === 0 ? 0 : 1 + varintLength(type)) + (bodyLength === 0 ? 0 : 1 + varintLength(bodyLength) + bodyLength)
}

/** Writes a frame's length prefix and everything before its body; returns where the body goes. */
export function writeFrameHead(bytes: Uint8Array, at: number, number: number, ack: number, type: number, bodyLength: number): number {
  at = writeVarint(bytes, at, frameLength(number, ack, type, bodyLength))
  if (number !== 0) {
    bytes[at] = NUMBER
    at = writeVarint(bytes, at + 1, number)
  }
  if (ack !== 0) {
    bytes[at] = ACK
    at = writeVarint(bytes, at + 1, ack)
  }
  if (type !== 0) {
    bytes[at] = TYPE
    at = writeVarint(bytes, at + 1, type)
  }
  if (bodyLength !== 0) {
    bytes[at] = BODY
    at = writeVarint(bytes, at + 1, bodyLength)
  }
  return at
}

/** One frame with its length prefix. */
export function encodeFrame(number: number, ack: number, type: number, body: Uint8Array): Uint8Array {
  const length = frameLength(number, ack, type, body.length)
  const bytes = new Uint8Array(varintLength(length) + length)
  bytes.set(body, writeFrameHead(bytes, 0, number, ack, type, body.length))
  return bytes
}
