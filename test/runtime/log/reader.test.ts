import { mkdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Reader } from 'protobufjs/minimal.js'
import { LinksChanged, LogBlock, LogRecord, LogStopped, TextMessage } from '../../../proto/index.ts'
import {
  LogCorruptError, LogFileError, LogTruncatedError, LogVersionError, LogWriter, NotALogError, readLog, type LogEnding, type LogEntry, type LogSource
} from '../../../runtime/log/index.ts'
import { BLOCK_BYTES_MAX, MAGIC_BYTES } from '../../../runtime/log/format.ts'
import { envelope, header, pack, scratch, unpack } from './samples.ts'

const dir = scratch()
const MAGIC = Buffer.from('\x89P2PLOG\x01', 'latin1')

/** A log of three blocks: the header, two inputs and an output, the end. */
async function small(): Promise<Buffer> {
  const writer = new LogWriter(dir.path('small'), header({ seed: new Uint8Array(4), name: '' }))
  writer.input(envelope(1, new TextMessage({ text: 'hi' }), { from: 'chat/main#ui', to: 'chat/main', time: 5 }), false)
  writer.input(envelope(2, new LinksChanged({ links: 2 }), { time: 7 }), true)
  writer.output(envelope(3, new LinksChanged({ links: 3 }), { from: 'link-keeper/main', time: 7, cause: 1 }))
  await writer.flush()
  writer.stopped(9)
  await writer.close()
  return readFileSync(writer.path)
}

interface Reading {
  entries: LogEntry[]
  ending: LogEnding | undefined
  error: Error | undefined
}

function read(source: LogSource): Reading {
  const entries: LogEntry[] = []
  let log
  try {
    log = readLog(source)
    for (const entry of log) entries.push(entry)
    return { entries, ending: log.ending, error: log.torn }
  } catch (error) {
    return { entries, ending: log?.ending, error: error as Error }
  }
}

const named = [NotALogError, LogVersionError, LogTruncatedError, LogCorruptError]
const isNamed = (error: Error | undefined) => named.some(type => error instanceof type && error.name === type.name)

describe('readLog', () => {
  it('reads a log in chunks of any size', async () => {
    const bytes = await small()
    const whole = read(bytes)
    expect(whole).toMatchObject({ ending: 'stopped', error: undefined })
    expect(whole.entries).toHaveLength(4)
    for (let size = 1; size < 40; size++) {
      const chunks = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      expect(read(chunks)).toEqual(whole)
    }
  })

  it('gives the valid prefix of every truncation, or says that there is none', async () => {
    const bytes = await small()
    const whole = read(bytes).entries
    for (let length = 0; length < bytes.length; length++) {
      const { entries, ending, error } = read(bytes.subarray(0, length))
      expect(entries).toEqual(whole.slice(0, entries.length))
      if (ending === 'cut') expect(error).toBeUndefined()
      else expect(error).toBeInstanceOf(LogTruncatedError)
      const { offset } = error as LogTruncatedError ?? {}
      if (error !== undefined) expect(offset).toBeLessThanOrEqual(length)
    }
    expect(read(bytes.subarray(0, bytes.length - 1))).toMatchObject({ entries: whole.slice(0, 3), ending: 'torn' })
  })

  it('finds every byte that was changed to anything else, and gives what stands before', async () => {
    const bytes = await small()
    const whole = read(bytes).entries
    for (let at = 0; at < bytes.length; at++) {
      const right = bytes[at]!
      for (let value = 0; value < 256; value++) {
        if (value === right) continue
        bytes[at] = value
        const { entries, error } = read(bytes)
        if (!isNamed(error) || entries.length === whole.length) throw new Error(`byte ${at} as ${value}: ${String(error)}`)
        // expect() would take a minute for these.
        if (!isDeepStrictEqual(entries, whole.slice(0, entries.length))) throw new Error(`byte ${at} as ${value} changes what stands before`)
      }
      bytes[at] = right
    }
  })

  it('names what is wrong at the beginning of a file', async () => {
    const bytes = await small()
    expect(read(Buffer.from('not a log at all')).error).toBeInstanceOf(NotALogError)
    expect(read(Buffer.from('no')).error).toBeInstanceOf(NotALogError)
    expect(read(new Uint8Array(0)).error).toBeInstanceOf(LogTruncatedError)
    const newer = Buffer.from(bytes)
    newer[MAGIC_BYTES - 1] = 2
    expect(read(newer).error).toBeInstanceOf(LogVersionError)
    expect(read(newer).error?.message).toMatch(/format 2 .* format 1/)
  })

  it('says where a block is damaged, and after which message', async () => {
    const bytes = await small()
    const flipped = Buffer.from(bytes)
    flipped[bytes.length - 1]! ^= 1
    const { error } = read(flipped)
    const sizes = [...blockOffsets(bytes)]
    expect(error).toMatchObject({ name: 'LogCorruptError', block: 2, offset: sizes[2], lastSeq: 3 })
    expect(error?.message).toBe(`the log is damaged in block 2 at byte ${sizes[2]}, after message 3: its checksum is wrong`)
  })

  it('believes no length', async () => {
    const head = (await small()).subarray(0, MAGIC_BYTES)
    const lengths: [number[], typeof LogCorruptError | typeof LogTruncatedError][] = [
      [[0xff, 0xff, 0xff, 0xff, 0x0f], LogCorruptError],
      [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], LogCorruptError],
      [varint(BLOCK_BYTES_MAX + 1), LogCorruptError],
      [varint(BLOCK_BYTES_MAX), LogTruncatedError],
      [[0], LogCorruptError]
    ]
    const before = process.memoryUsage().arrayBuffers
    for (const [length, type] of lengths) {
      expect(read(Buffer.concat([head, Buffer.from(length), Buffer.of(0x0d)])).error).toBeInstanceOf(type)
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000)
  })

  it('refuses what no writer writes, whatever the checksums', async () => {
    const [[head], [one, two, three], [end]] = unpack(await small()) as [[LogRecord], [LogRecord, LogRecord, LogRecord], [LogRecord]]
    const bad: [LogRecord[][], RegExp][] = [
      [[[one]], /header is missing/],
      [[[head, head]], /second header/],
      [[[head, two, one]], /message 1 follows message 2/],
      [[[head, one, new LogRecord({ stopped: new LogStopped({ time: 1, reason: 'stopped' }) })]], /time goes from 5 to 1/],
      [[[head, new LogRecord({ stopped: new LogStopped({ time: NaN, reason: 'stopped' }) })]], /time goes from 0 to NaN/],
      [[[head, end, three]], /follows the last one/],
      [[[head, end], [three]], /follows the end/],
      [[[head, new LogRecord({ stopped: new LogStopped({ reason: 'because' }) })]], /unknown reason, "because"/],
      [[[head, new LogRecord({ nested: true })]], /does not know: use a newer/],
      [[[new LogRecord({ header: header({ flags: [999] }) })]], /behaviour 999/],
      [[[new LogRecord({ header: header({ format: 9 }) })]], /format 9 in a log of format 1/],
      [[[head], []], /smaller than any block/]
    ]
    for (const [blocks, message] of bad) {
      const { error } = read(pack(blocks))
      expect(isNamed(error)).toBe(true)
      expect(error?.message).toMatch(message)
    }
  })

  it('never crashes on bytes behind a right magic, nor hangs', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      const { error, ending } = read(Buffer.concat([MAGIC, bytes]))
      expect(ending === 'cut' || isNamed(error)).toBe(true)
    }), { numRuns: 2_000 })
  })

  it('never crashes on records that a checksum vouches for', async () => {
    const [[head]] = unpack(await small()) as [[LogRecord]]
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), chunks => {
      const bytes = Buffer.concat([LogRecord.encode(head).ldelim().finish(), ...chunks])
      const block = LogBlock.encode(new LogBlock({ checksum: crc32(bytes), records: bytes })).finish()
      const { error, ending } = read(Buffer.concat([MAGIC, Buffer.from(varint(block.length)), block]))
      expect(ending === 'cut' || isNamed(error)).toBe(true)
    }), { numRuns: 500 })
  })

  it('reads a log of many blocks in the memory of one', async () => {
    const writer = new LogWriter(dir.path('many'), header())
    for (let seq = 1; seq <= 200_000; seq++) {
      writer.output(envelope(seq, new TextMessage({ text: 'x'.repeat(200) })))
      if (seq % 10_000 === 0) await writer.flush()
    }
    await writer.close()
    const before = process.memoryUsage()
    let count = 0
    let peak = 0
    for (const { kind } of readLog(writer.path)) {
      if (kind === 'output' && ++count % 1_000 === 0) peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    }
    expect(count).toBe(200_000)
    expect(peak - before.arrayBuffers).toBeLessThan(40_000_000)
  })

  it('says what is wrong with a path', () => {
    mkdirSync(dir.path('folder'))
    expect(() => readLog(dir.path('nothing'))).toThrow(LogFileError)
    expect(() => readLog(dir.path('nothing'))).toThrow(/does not exist/)
    expect(() => readLog(dir.path('folder'))).toThrow(/is a directory/)
  })

  it('lets go of a log that is not read to its end', async () => {
    await small()
    const log = readLog(dir.path('small'))
    log.close()
    expect([...log]).toEqual([])
  })
})

function varint(value: number): number[] {
  const bytes = []
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

/** Where each block begins. */
function* blockOffsets(log: Uint8Array): Generator<number> {
  const reader = Reader.create(log)
  for (reader.skip(MAGIC_BYTES); reader.pos < reader.len; reader.skip(reader.uint32())) yield reader.pos
}
