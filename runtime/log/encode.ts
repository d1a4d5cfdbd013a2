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

/** Nearly every string is a short ASCII address: counted and copied here, since a call into native code costs more. */
function textBytes(text: string): number {
  const length = text.length
  if (length > 96) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return length
}

function putText(bytes: Buffer, at: number, tag: number, text: string, size: number): number {
  if (size === 0) return at
  bytes[at++] = tag
  at = putVarint(bytes, at, size)
  const length = text.length
  if (length !== size || length > 96) return at + bytes.write(text, at, size, 'utf8')
  for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i)
  return at
}

function fieldBytes(size: number): number {
  return size === 0 ? 0 : 1 + varintBytes(size) + size
}

/** Sizes of one record, counted before it is written so that every length is known. */
export class RecordSizes {
  from = 0
  to = 0
  type = 0
  body = 0
  envelope = 0
  record = 0
  /** With the length before it. */
  total = 0

  measure(e: LoggedEnvelope, nested: boolean): number {
    this.from = textBytes(e.from)
    this.to = textBytes(e.to)
    this.type = textBytes(e.type)
    this.body = e.bytes.length
    this.envelope = (e.seq === 0 ? 0 : 9) + (e.time === 0 ? 0 : 9) + (e.cause === 0 ? 0 : 9) +
      fieldBytes(this.from) + fieldBytes(this.to) + fieldBytes(this.type) + fieldBytes(this.body)
    this.record = 1 + varintBytes(this.envelope) + this.envelope + (nested ? 2 : 0)
    return this.total = varintBytes(this.record) + this.record
  }
}

/** Writes a LogRecord that holds an envelope, with its length before it, as protobuf would. */
export function putRecord(slab: Slab, field: number, e: LoggedEnvelope, nested: boolean, sizes: RecordSizes): void {
  const { bytes, view } = slab
  let at = putVarint(bytes, slab.end, sizes.record)
  bytes[at++] = (field << 3) | 2
  at = putVarint(bytes, at, sizes.envelope)
  at = putDouble(bytes, view, at, 0x09, e.seq)
  at = putDouble(bytes, view, at, 0x11, e.time)
  at = putText(bytes, at, 0x1a, e.from, sizes.from)
  at = putText(bytes, at, 0x22, e.to, sizes.to)
  at = putText(bytes, at, 0x2a, e.type, sizes.type)
  if (sizes.body > 0) {
    bytes[at++] = 0x32
    at = putVarint(bytes, at, sizes.body)
    bytes.set(e.bytes, at)
    at += sizes.body
  }
  at = putDouble(bytes, view, at, 0x39, e.cause)
  if (nested) {
    bytes[at++] = 0x28
    bytes[at++] = 1
  }
  slab.end = at
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
