import { crc32 } from 'node:zlib'
import { BLOCK_HEAD_BYTES_MAX, TAG_CHECKSUM, TAG_RECORDS, type LoggedEnvelope } from './format.ts'

/** Field numbers of LogRecord. */
export const INPUT = 2
export const OUTPUT = 3

/** A block under construction: records are laid down behind room for the block's head. */
export interface Slab {
  readonly bytes: Buffer
  readonly view: DataView
  /** Where the next record goes. */
  end: number
}

export function makeSlab(recordBytes: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(BLOCK_HEAD_BYTES_MAX + recordBytes)
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), end: BLOCK_HEAD_BYTES_MAX }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

function putVarint(bytes: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}

/** Strings that are kept encoded: the addresses and types of a busy peer, in about 1 MiB. */
const KEPT_TEXTS = 8_192
const KEPT_TEXT_LENGTH = 128
const NO_TEXT: Uint8Array = new Uint8Array(0)

/** Addresses and types come again and again: copying their bytes takes half the time of encoding them. */
class Texts {
  readonly #kept = new Map<string, Uint8Array>()

  encode(text: string): Uint8Array {
    if (text === '') return NO_TEXT
    const known = this.#kept.get(text)
    if (known !== undefined) return known
    // Memory of its own: a small Buffer would hold on to the pool that it was cut from.
    const bytes = new TextEncoder().encode(text)
    if (text.length <= KEPT_TEXT_LENGTH) {
      if (this.#kept.size >= KEPT_TEXTS) this.#kept.clear()
      this.#kept.set(text, bytes)
    }
    return bytes
  }
}

function fieldBytes(size: number): number {
  return size === 0 ? 0 : 1 + varintBytes(size) + size
}

function putField(bytes: Buffer, at: number, tag: number, value: Uint8Array): number {
  const size = value.length
  if (size === 0) return at
  bytes[at++] = tag
  at = putVarint(bytes, at, size)
  bytes.set(value, at)
  return at + size
}

/** One envelope on its way into a slab: measured first, so that every length is known before it is written. */
export class RecordEncoder {
  readonly #texts = new Texts()
  #from: Uint8Array = NO_TEXT
  #to = NO_TEXT
  #type = NO_TEXT
  #body = NO_TEXT
  #envelopeBytes = 0
  #recordBytes = 0

  /** @returns the size of the record with the length before it, in bytes */
  measure(e: LoggedEnvelope, nested: boolean): number {
    this.#from = this.#texts.encode(e.from)
    this.#to = this.#texts.encode(e.to)
    this.#type = this.#texts.encode(e.type)
    this.#body = e.bytes
    this.#envelopeBytes = (e.seq === 0 ? 0 : 9) + (e.time === 0 ? 0 : 9) + (e.cause === 0 ? 0 : 9) +
      fieldBytes(this.#from.length) + fieldBytes(this.#to.length) + fieldBytes(this.#type.length) + fieldBytes(this.#body.length)
    this.#recordBytes = 1 + varintBytes(this.#envelopeBytes) + this.#envelopeBytes + (nested ? 2 : 0)
    return varintBytes(this.#recordBytes) + this.#recordBytes
  }

  /** Writes the envelope that was measured last as a LogRecord, with its length before it, as protobufjs would. */
  put(slab: Slab, field: number, e: LoggedEnvelope, nested: boolean): void {
    const { bytes, view } = slab
    let at = putVarint(bytes, slab.end, this.#recordBytes)
    bytes[at++] = (field << 3) | 2
    at = putVarint(bytes, at, this.#envelopeBytes)
    at = putDouble(bytes, view, at, 0x09, e.seq)
    at = putDouble(bytes, view, at, 0x11, e.time)
    at = putField(bytes, at, 0x1a, this.#from)
    at = putField(bytes, at, 0x22, this.#to)
    at = putField(bytes, at, 0x2a, this.#type)
    at = putField(bytes, at, 0x32, this.#body)
    at = putDouble(bytes, view, at, 0x39, e.cause)
    if (nested) {
      bytes[at++] = 0x28
      bytes[at++] = 1
    }
    slab.end = at
  }
}

function putDouble(bytes: Buffer, view: DataView, at: number, tag: number, value: number): number {
  if (value === 0) return at
  bytes[at] = tag
  view.setFloat64(at + 1, value, true)
  return at + 9
}

/** Lays down a record that protobufjs has encoded. */
export function putEncoded(slab: Slab, record: Uint8Array): void {
  const at = putVarint(slab.bytes, slab.end, record.length)
  slab.bytes.set(record, at)
  slab.end = at + record.length
}

export function encodedBytes(record: Uint8Array): number {
  return varintBytes(record.length) + record.length
}

/** Writes the block's head in front of its records and returns the whole block. */
export function sealBlock(slab: Slab): Buffer {
  const { bytes } = slab
  const records = bytes.subarray(BLOCK_HEAD_BYTES_MAX, slab.end)
  const block = 1 + 4 + 1 + varintBytes(records.length) + records.length
  const start = BLOCK_HEAD_BYTES_MAX - (varintBytes(block) + block - records.length)
  let at = putVarint(bytes, start, block)
  bytes[at++] = TAG_CHECKSUM
  at = bytes.writeUInt32LE(crc32(records), at)
  bytes[at++] = TAG_RECORDS
  putVarint(bytes, at, records.length)
  return bytes.subarray(start, slab.end)
}
