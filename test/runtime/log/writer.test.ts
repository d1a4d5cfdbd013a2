import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { LinksChanged, TextMessage } from '../../../proto/index.ts'
import { LogFileError, LogWriter, readLog, type LogEntry, type LogWarning } from '../../../runtime/log/index.ts'
import { BLOCK_BYTES } from '../../../runtime/log/format.ts'
import { envelope, header, pack, scratch, unpack } from './samples.ts'

const dir = scratch()
const entriesOf = (path: string): LogEntry[] => [...readLog(path)]
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

describe('LogWriter', () => {
  it('writes what a reader gives back: header, inputs, outputs, end', async () => {
    const path = dir.path('round-trip')
    const writer = new LogWriter(path, header({ peerId: 'p1' }))
    writer.input(envelope(1, new TextMessage({ text: 'grüß dich 👋' }), { from: 'chat/main#ui', to: 'chat/main', time: 5 }), false)
    writer.output(envelope(3, new LinksChanged(), { from: 'link-keeper/main', time: 7, cause: 1 }))
    writer.input(envelope(4, new LinksChanged({ links: 2 }), { time: 7 }), true)
    writer.stopped(9)
    await writer.close()
    const log = readLog(path)
    expect(log.header).toMatchObject({ format: 1, library: 'p2pnet/0.1.0', name: 'ada', peerId: 'p1' })
    expect([...log]).toEqual([
      { kind: 'input', nested: false, envelope: { seq: 1, time: 5, from: 'chat/main#ui', to: 'chat/main', type: 'TextMessage', cause: 0, bytes: Buffer.from(TextMessage.encode(new TextMessage({ text: 'grüß dich 👋' })).finish()) } },
      { kind: 'output', envelope: { seq: 3, time: 7, from: 'link-keeper/main', to: '', type: 'LinksChanged', cause: 1, bytes: Buffer.alloc(0) } },
      { kind: 'input', nested: true, envelope: { seq: 4, time: 7, from: 'host', to: '', type: 'LinksChanged', cause: 0, bytes: Buffer.of(8, 2) } },
      { kind: 'stopped', time: 9, reason: 'stopped' }
    ])
    expect(log.ending).toBe('stopped')
  })

  it('writes the very bytes that protobufjs would', async () => {
    const path = dir.path('same-bytes')
    const writer = new LogWriter(path, header())
    const texts = ['', 'a', 'é', 'x'.repeat(200), '☃'.repeat(100), '\ud800']
    let seq = 0
    for (const from of texts) {
      for (const text of ['', 'y'.repeat(127), 'z'.repeat(20_000)]) {
        writer.input(envelope(++seq, new TextMessage({ text }), { from, to: from, time: seq * 1_000, cause: seq - 1 }), seq % 2 === 0)
      }
    }
    await writer.close()
    const log = readFileSync(path)
    expect(Buffer.compare(pack(unpack(log)), log)).toBe(0)
    expect(unpack(log).flat()).toHaveLength(seq + 2)
  })

  it('makes a file that only its owner can read', async () => {
    const writer = new LogWriter(dir.path('mode'), header())
    expect(statSync(writer.path).mode & 0o777).toBe(0o600)
    await writer.close()
  })

  it('replaces an older log, whatever its permissions, and leaves nothing else behind', async () => {
    const path = dir.path('replaced/log')
    mkdirSync(dirname(path))
    await new LogWriter(path, header({ name: 'older' })).close()
    chmodSync(path, 0o644)
    await new LogWriter(path, header({ name: 'newer' })).close()
    expect(readLog(path).header.name).toBe('newer')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(path))).toEqual(['log'])
  })

  it('follows no symbolic link, not even to nowhere', () => {
    const target = dir.path('target')
    symlinkSync(target, dir.path('link'))
    expect(() => new LogWriter(dir.path('link'), header())).toThrow(LogFileError)
    expect(existsSync(target)).toBe(false)
  })

  it('overwrites nothing but a log', () => {
    const path = dir.path('precious')
    writeFileSync(path, 'precious')
    mkdirSync(dir.path('folder'))
    expect(() => new LogWriter(path, header())).toThrow(/exists and is not a log/)
    expect(() => new LogWriter(dir.path('folder'), header())).toThrow(/not a regular file/)
    expect(() => new LogWriter(dir.path('no/such/folder'), header())).toThrow(LogFileError)
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  it('ends at its size limit with a warning, and the log is whole up to there', async () => {
    const warnings: LogWarning[] = []
    const path = dir.path('limited')
    const writer = new LogWriter(path, header(), { maxBytes: 100_000, onWarning: warning => warnings.push(warning) })
    for (let seq = 1; seq <= 2_000; seq++) writer.output(envelope(seq, new TextMessage({ text: 'x'.repeat(100) }), { time: seq }))
    expect(writer.recording).toBe(false)
    await writer.close()
    const entries = entriesOf(path)
    expect(entries.at(-1)).toEqual({ kind: 'stopped', time: entries.length - 1, reason: 'size-limit' })
    expect(entries).toHaveLength(writer.records + 1)
    expect(statSync(path).size).toBeLessThanOrEqual(100_000)
    expect(statSync(path).size).toBeGreaterThan(99_000)
    expect(warnings).toEqual([{ code: 'size-limit', message: expect.stringContaining('limit of 100000 bytes') }])
  })

  it('takes a message far larger than a block, and ends at one that no log takes', async () => {
    const warnings: LogWarning[] = []
    const path = dir.path('large')
    const writer = new LogWriter(path, header(), { onWarning: warning => warnings.push(warning) })
    writer.output(envelope(1, new TextMessage({ text: 'small' })))
    writer.output(envelope(2, new TextMessage({ text: 'x'.repeat(5_000_000) })))
    writer.output(envelope(3, new TextMessage({ text: 'small' })))
    writer.output(envelope(4, new TextMessage({ text: 'x'.repeat(17_000_000) })))
    writer.output(envelope(5, new TextMessage({ text: 'small' })))
    await writer.close()
    expect(entriesOf(path).map(entry => entry.kind)).toEqual(['output', 'output', 'output', 'stopped'])
    expect(warnings.map(({ code }) => code)).toEqual(['record-too-large'])
  })

  it('ends with a warning at a message that cannot be encoded', async () => {
    const warnings: LogWarning[] = []
    const path = dir.path('unencodable')
    const writer = new LogWriter(path, header(), { onWarning: warning => warnings.push(warning) })
    const broken = { ...envelope(1, new LinksChanged()), get bytes(): never { throw new TypeError('links: number expected') } }
    writer.output(broken)
    writer.output(envelope(2, new LinksChanged()))
    await writer.close()
    expect(entriesOf(path)).toEqual([{ kind: 'stopped', time: 0, reason: 'size-limit' }])
    expect(warnings.map(({ code }) => code)).toEqual(['not-encodable'])
  })

  it('has every record in the file within its time, while the run goes on', async () => {
    const path = dir.path('open')
    const writer = new LogWriter(path, header(), { maxOpenMs: 10 })
    const inFile = (count: number) => entriesOf(path).length === count
    await until(() => statSync(path).size > 8)
    expect(inFile(0)).toBe(true)
    writer.output(envelope(1, new LinksChanged()))
    await until(() => inFile(1))
    writer.output(envelope(2, new LinksChanged()))
    await until(() => inFile(2))
    const log = readLog(path)
    expect([...log]).toHaveLength(2)
    expect(log.ending).toBe('cut')
    await writer.close()
  })

  it('keeps the order and loses nothing when the disk is far behind', async () => {
    const path = dir.path('flood')
    const writer = new LogWriter(path, header())
    const text = 'x'.repeat(1_000)
    const before = process.memoryUsage().arrayBuffers
    // All in one turn, so that no write can report its end.
    for (let seq = 1; seq <= 40_000; seq++) writer.output(envelope(seq, new TextMessage({ text })))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(120_000_000)
    writer.stopped(0)
    await writer.close()
    let seqs = 0
    for (const entry of readLog(path)) if (entry.kind === 'output') expect(entry.envelope.seq).toBe(++seqs)
    expect(seqs).toBe(40_000)
  })

  it('can be closed twice, and takes nothing after the end', async () => {
    const path = dir.path('twice')
    const writer = new LogWriter(path, header())
    writer.stopped(3)
    writer.output(envelope(1, new LinksChanged()))
    await Promise.all([writer.close(), writer.close()])
    expect(entriesOf(path)).toEqual([{ kind: 'stopped', time: 3, reason: 'stopped' }])
  })

  it('says that recording ended before the run when it is closed first', async () => {
    const path = dir.path('early')
    const writer = new LogWriter(path, header())
    writer.output(envelope(1, new LinksChanged(), { time: 12 }))
    await writer.close()
    expect(entriesOf(path).at(-1)).toEqual({ kind: 'stopped', time: 12, reason: 'closed' })
  })

  it('refuses options out of their range', () => {
    expect(() => new LogWriter(dir.path('range'), header(), { maxBytes: BLOCK_BYTES - 1 })).toThrow(RangeError)
    expect(() => new LogWriter(dir.path('range'), header(), { maxOpenMs: 0 })).toThrow(RangeError)
    expect(existsSync(dir.path('range'))).toBe(false)
  })
})
