import { FrameMalformedError } from './frame-errors.ts'

/**
 * Reads base-128 varints of at most 32 bits, in their shortest form only, from bytes that must hold
 * them whole. One object is reused, so that reading a frame allocates nothing.
 */
export class VarintReader {
  /** Where the next byte is. */
  at = 0

  /** @throws FrameMalformedError when it is cut off, longer than 32 bits, or longer than needed */
  uint32(bytes: Uint8Array, end: number): number {
    let at = this.at
    if (at >= end) throw new FrameMalformedError('a number is cut off at the end of the frame')
    let byte = bytes[at++]!
    if (byte < 0x80) {
      this.at = at
      return byte
    }
    let value = byte & 0x7f
    for (let shift = 7; ; shift += 7) {
      if (at >= end) throw new FrameMalformedError('a number is cut off at the end of the frame')
      byte = bytes[at++]!
      if (shift === 28 && byte > 0x0f) throw new FrameMalformedError('a number has more than 32 bits')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if (byte === 0) throw new FrameMalformedError('a number is written longer than needed')
    this.at = at
    return value >>> 0
  }

  /** Passes over a varint of up to 64 bits. @throws FrameMalformedError when it is cut off or longer */
  skip(bytes: Uint8Array, end: number): void {
    for (let count = 1; count <= 10; count++) {
      if (this.at >= end) throw new FrameMalformedError('a number is cut off at the end of the frame')
      if (bytes[this.at++]! < 0x80) return
    }
    throw new FrameMalformedError('a number has more than 64 bits')
  }
}

/** Bytes that the number takes as a varint, 1 to 5. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

/** Writes the number as a varint and returns where the next byte goes. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at] = value
  return at + 1
}
