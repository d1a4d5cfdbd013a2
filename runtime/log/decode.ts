import { crc32 } from 'node:zlib'
import { Reader } from 'protobufjs/minimal.js'
import { LogRecord } from '../../proto/index.ts'
import { HOST_FLAGS_FROM, LIBRARY_FLAGS } from '../kernel/index.ts'
import { LogCorruptError, LogTruncatedError, LogVersionError, NotALogError, type LogPlace } from './errors.ts'
import {
  BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, FORMAT_VERSION, MAGIC, MAGIC_BYTES, TAG_CHECKSUM, TAG_RECORDS,
  type LogEnding, type LogItem, type LoggedEnvelope
} from './format.ts'

/** Read so far of a varint: its value, or why there is none. */
type Varint = { readonly value: number; readonly next: number } | 'more' | 'bad'

function varint(bytes: Uint8Array, at: number, end: number): Varint {
  let value = 0
  for (let i = 0; i < 5; i++) {
    if (at + i >= end) return 'more'
    const byte = bytes[at + i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, next: at + i + 1 }
  }
  return 'bad'
}

/**
 * Decodes a log as its bytes come. It trusts no length: memory grows with the bytes that came, and
 * to one block at most.
 */
export class LogDecoder {
  #buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #begun = false
  /** Length of the block at hand, with all that is before its records. */
  #size = 0
  /** Offset in the file of the first byte that is not consumed. */
  #offset = 0
  #block = 0
  #seq = 0
  #time = 0
  #header = false
  #ending: LogEnding | undefined

  /** Where the first undecoded block begins. */
  get place(): LogPlace {
    return { offset: this.#offset, block: this.#block, lastSeq: this.#seq }
  }

  /**
   * Takes the next bytes of the file and gives the records that they complete, all of which must be
   * taken before the next push.
   * @throws NotALogError, LogVersionError, LogCorruptError after the records that stand before the fault
   */
  *push(chunk: Uint8Array): Generator<LogItem, void, void> {
    this.#append(chunk)
    if (!this.#begun && !this.#begin()) return
    for (;;) {
      const records = this.#nextBlock()
      if (records === undefined) return
      yield* this.#records(records)
    }
  }

  /**
   * Says how the log ends, when its bytes are all there.
   * @throws LogTruncatedError when it ends before its first record
   */
  end(): { readonly ending: LogEnding; readonly torn?: LogTruncatedError } {
    const torn = this.#begun && this.#start === this.#end ? undefined : new LogTruncatedError(this.place)
    if (!this.#header) throw torn ?? new LogTruncatedError(this.place)
    if (torn !== undefined) return { ending: 'torn', torn }
    return { ending: this.#ending ?? 'cut' }
  }

  #append(chunk: Uint8Array): void {
    const kept = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const roomier = kept + chunk.length > this.#buffer.length ? Buffer.allocUnsafe((kept + chunk.length) * 2) : this.#buffer
      this.#buffer.copy(roomier, 0, this.#start, this.#end)
      this.#buffer = roomier
      this.#start = 0
      this.#end = kept
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  #begin(): boolean {
    const have = Math.min(this.#end - this.#start, MAGIC_BYTES)
    for (let i = 0; i < Math.min(have, MAGIC.length); i++) {
      if (this.#buffer[this.#start + i] !== MAGIC[i]) {
        throw new NotALogError('this is not a p2pnet log: give the file that was named with --record')
      }
    }
    if (have < MAGIC_BYTES) return false
    const version = this.#buffer[this.#start + MAGIC.length]!
    if (version !== FORMAT_VERSION) {
      throw new LogVersionError(`the log has format ${version} and this version reads format ${FORMAT_VERSION}: ` +
        'read it with the version of p2pnet that recorded it')
    }
    this.#begun = true
    this.#consume(MAGIC_BYTES)
    return true
  }

  #consume(bytes: number): void {
    this.#start += bytes
    this.#offset += bytes
  }

  /** The records of the next block, checked, in memory of their own; nothing while it is not all there. */
  #nextBlock(): Buffer | undefined {
    const { place } = this
    const bytes = this.#buffer
    const have = this.#end
    if (this.#start === have) return undefined
    if (this.#ending !== undefined) throw new LogCorruptError(place, 'something follows the end of the log')
    const length = varint(bytes, this.#start, have)
    if (length === 'more') return undefined
    if (length === 'bad' || length.value > BLOCK_BYTES_MAX) throw new LogCorruptError(place, 'it says that it is larger than any block')
    if (length.value < BLOCK_BYTES_MIN) throw new LogCorruptError(place, 'it says that it is smaller than any block')
    // The block's length is checked against its records' before it is believed, so that a damaged one
    // does not pass for a torn end.
    let at = length.next
    const end = at + length.value
    if (at >= have) return undefined
    if (bytes[at++] !== TAG_CHECKSUM) throw new LogCorruptError(place, 'it does not begin with a checksum')
    if (at + 4 >= have) return undefined
    const checksum = bytes.readUInt32LE(at)
    at += 4
    if (bytes[at++] !== TAG_RECORDS) throw new LogCorruptError(place, 'its records do not follow its checksum')
    const size = varint(bytes, at, have)
    if (size === 'more') return undefined
    if (size === 'bad' || size.value === 0 || size.next + size.value !== end) {
      throw new LogCorruptError(place, 'its length is not that of its records')
    }
    if (end > have) return undefined
    const records = Buffer.from(bytes.subarray(size.next, end))
    if (crc32(records) !== checksum) throw new LogCorruptError(place, 'its checksum is wrong')
    this.#size = end - this.#start
    return records
  }

  *#records(block: Buffer): Generator<LogItem, void, void> {
    const reader = Reader.create(block)
    while (reader.pos < reader.len) {
      let record
      try {
        const size = reader.uint32()
        if (size > reader.len - reader.pos) throw new RangeError('a record is longer than its block')
        record = LogRecord.decode(reader, size)
      } catch (error) {
        throw new LogCorruptError(this.place, `a record cannot be decoded (${(error as Error).message})`, { cause: error })
      }
      yield this.#item(record)
    }
    this.#consume(this.#size)
    this.#block++
  }

  #item(record: LogRecord): LogItem {
    if (this.#ending !== undefined) throw new LogCorruptError(this.place, 'a record follows the last one')
    if (this.#header === (record.header != null)) {
      throw new LogCorruptError(this.place, this.#header ? 'it holds a second header' : 'the header is missing')
    }
    if (record.header != null) {
      const unknown = record.header.flags.find(flag => flag < HOST_FLAGS_FROM && !LIBRARY_FLAGS.includes(flag))
      if (record.header.format !== FORMAT_VERSION || unknown !== undefined) {
        throw new LogVersionError(unknown === undefined
          ? `the header has format ${record.header.format} in a log of format ${FORMAT_VERSION}`
          : `the log was recorded with behaviour ${unknown}, which this version does not have: use a newer p2pnet`)
      }
      this.#header = true
      return { kind: 'header', header: record.header }
    }
    if (record.input != null) return { kind: 'input', envelope: this.#envelope(record.input), nested: record.nested }
    if (record.output != null) return { kind: 'output', envelope: this.#envelope(record.output) }
    if (record.checkpoint != null) {
      const { time, seq } = record.checkpoint
      this.#checkTime(time)
      if (!(Number.isSafeInteger(seq) && seq >= this.#seq)) throw new LogCorruptError(this.place, `a checkpoint of message ${seq} follows message ${this.#seq}`)
      this.#seq = seq
      return { kind: 'checkpoint', checkpoint: record.checkpoint }
    }
    if (record.stopped != null) {
      const { time, reason } = record.stopped
      this.#checkTime(time)
      if (reason !== 'stopped' && reason !== 'closed' && reason !== 'size-limit') {
        throw new LogCorruptError(this.place, `it ends for an unknown reason, ${JSON.stringify(reason)}`)
      }
      this.#ending = reason
      return { kind: 'stopped', time, reason }
    }
    throw new LogVersionError(`block ${this.#block} at byte ${this.#offset} holds a record that this version does not know: use a newer p2pnet`)
  }

  #envelope(e: NonNullable<LogRecord['input']>): LoggedEnvelope {
    if (!(Number.isSafeInteger(e.seq) && e.seq > this.#seq)) {
      throw new LogCorruptError(this.place, `message ${e.seq} follows message ${this.#seq}`)
    }
    this.#checkTime(e.time)
    if (!(Number.isSafeInteger(e.cause) && e.cause >= 0)) throw new LogCorruptError(this.place, `message ${e.seq} has cause ${e.cause}`)
    this.#seq = e.seq
    return { seq: e.seq, time: e.time, from: e.from, to: e.to, type: e.type, cause: e.cause, bytes: e.body }
  }

  #checkTime(time: number): void {
    if (!(Number.isSafeInteger(time) && time >= this.#time)) {
      throw new LogCorruptError(this.place, `time goes from ${this.#time} to ${time}`)
    }
    this.#time = time
  }
}
