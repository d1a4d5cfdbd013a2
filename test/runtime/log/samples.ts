import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from '@jest/globals'
import { crc32 } from 'node:zlib'
import { Reader, Writer } from 'protobufjs/minimal.js'
import { LogBlock, LogHeader, LogRecord, Registry, type Envelope, type Message } from '../../../proto/index.ts'
import { BusEnvelope } from '../../../runtime/kernel/index.ts'
import { classOf, typeName } from '../../../proto/index.ts'
import { MAGIC_BYTES } from '../../../runtime/log/format.ts'

/** A folder for the tests of one file, removed after them. */
export function scratch(): { readonly path: (name: string) => string } {
  let folder = ''
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-log-')) })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return { path: name => join(folder, name) }
}

export const registry = new Registry()

export function header(more: Partial<LogHeader> = {}): LogHeader {
  return new LogHeader({ format: 1, library: 'p2pnet/0.1.0', seed: new Uint8Array(32).fill(7), wallTime: 1_700_000_000_000, name: 'ada', limits: '{}', ...more })
}

export function envelope(seq: number, body: Message, head: Partial<Envelope> = {}): Envelope {
  const type = classOf(body)
  return BusEnvelope.of({ seq, time: 0, from: 'host', to: '', cause: 0, ...head, type: typeName(type) }, type, body)
}

/** The blocks of a log as their records. */
export function unpack(log: Uint8Array): LogRecord[][] {
  const reader = Reader.create(log)
  reader.skip(MAGIC_BYTES)
  const blocks = []
  while (reader.pos < reader.len) {
    const records = Reader.create(LogBlock.decode(reader, reader.uint32()).records)
    const block = []
    while (records.pos < records.len) block.push(LogRecord.decode(records, records.uint32()))
    blocks.push(block)
  }
  return blocks
}

/** A log of such blocks, with right lengths and checksums whatever the records hold. */
export function pack(blocks: LogRecord[][], magic: Uint8Array = Buffer.from('\x89P2PLOG\x01', 'latin1')): Uint8Array {
  const log = Writer.create()
  for (const block of blocks) {
    const records = Writer.create()
    for (const record of block) records.bytes(LogRecord.encode(record).finish())
    const bytes = records.finish()
    log.bytes(LogBlock.encode(new LogBlock({ checksum: crc32(bytes), records: bytes })).finish())
  }
  return Buffer.concat([magic, log.finish()])
}
