import { Writable } from 'node:stream'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { Endpoint, LinksChanged, LogRecord, PeerHeard, TextMessage } from '../../../proto/index.ts'
import { checkCommand, LogWriter, readLog, replayCommand, showCommand, showLog } from '../../../runtime/log/index.ts'
import { widthOf } from '../../../runtime/columns.ts'
import { orders, puppet, record, seed } from './puppet.ts'
import { envelope, header, pack, scratch, unpack } from './samples.ts'

const dir = scratch()

class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    // Later, so that whoever writes has to wait.
    setImmediate(done)
  }
}

const streams = () => ({ out: new Text({ highWaterMark: 100 }), err: new Text() })

async function sample(): Promise<string> {
  const writer = new LogWriter(dir.path('sample'), header({ peerId: 'peer-1' }))
  const link = 'peer-connection/V1StGXR8Z5jdHi6B'
  writer.input(envelope(1, new TextMessage({ text: 'hi' }), { from: `${link}#link`, to: link, time: 5 }), false)
  writer.output(envelope(12, new LinksChanged({ links: 3 }), { from: 'link-keeper/main', time: 1_234_567, cause: 1 }))
  writer.output(envelope(13, new PeerHeard({ peerId: 'p', endpoints: [new Endpoint({ port: 1 })] }), { from: link, to: `${link}#link`, time: 1_234_568 }))
  writer.input(envelope(14, new TextMessage({ text: '\u001b[2J\u202e\u009b31m' }), { from: 'peer/QmAbcdefghijkl', time: 1_234_568 }), false)
  writer.output({ ...envelope(15, new LinksChanged(), { from: 'chat/main', to: 'host', time: 1_234_568 }), type: 'chat.v1.Say', bytes: Buffer.from('0123456789abcdef') })
  writer.stopped(1_234_569)
  await writer.close()
  return writer.path
}

describe('p2pnet log show', () => {
  it('shows one legible line for each record', async () => {
    const { out, err } = streams()
    expect(await showCommand(await sample(), { out, err }, { width: 110 })).toBe(0)
    expect(out.text.split('\n')).toEqual([
      '# p2pnet/0.1.0, format 1, recorded 2023-11-14T22:13:20.000Z',
      '# peer ada peer-1',
      '# actors none',
      '    0.005      1 ← peer-connection/V1StGXR8…#link TextMessage { text: "hi" }',
      ' 1234.567     12 → link-keeper/main → all       LinksChanged { links: 3 }',
      ' 1234.568     13 → peer-connection/V1StGXR8… → #link PeerHeard { peerId: "p", endpoints: [{ port: 1 }] }',
      ' 1234.568     14 ← peer/QmAbcdef… → all         TextMessage { text: "\\u001b[2J\\u202e\\u009b31m" }',
      ' 1234.568     15 → chat/main → host             chat.v1.Say <16 B 3031323334353637…>',
      ' 1234.569        ∎ stopped',
      ''
    ])
    expect(err.text).toBe('')
  })

  it('keeps its columns where letters are wide or have none of their own, and shows what nobody sees', async () => {
    const writer = new LogWriter(dir.path('letters'), header())
    const lines = ['日本', 'e\u0301e\u0301', 'ab\u200bc', '\u202eabc', 'a\u{e0041}']
    for (const [index, id] of lines.entries()) writer.output(envelope(index + 1, new TextMessage({ text: '語'.repeat(100) }), { from: `chat/${id}`, time: 1 }))
    await writer.close()
    const { out, err } = streams()
    await showCommand(dir.path('letters'), { out, err }, { width: 81 })
    const shown = out.text.split('\n').slice(3, 3 + lines.length)
    // A wide letter does not go into the last column.
    expect(shown.map(widthOf)).toEqual(lines.map(() => 80))
    expect(shown.map(line => widthOf(line.slice(0, line.indexOf('TextMessage'))))).toEqual(lines.map(() => 48))
    expect(shown.slice(2).map(line => line.slice(24, 40).trim())).toEqual(['ab\\u200bc → all', '\\u202eabc → all', 'a\\udb40\\udc41 →'])
  })

  it('shows of a body that has thousands of parts the beginning', async () => {
    const writer = new LogWriter(dir.path('huge'), header())
    writer.output(envelope(1, new PeerHeard({ peerId: 'p', endpoints: Array.from({ length: 20_000 }, (_, port) => new Endpoint({ host: `host-${port}`, port })) }), { from: 'a/b' }))
    await writer.close()
    const { out, err } = streams()
    await showCommand(dir.path('huge'), { out, err }, { width: 1_000_000 })
    const line = out.text.split('\n')[3]!
    expect(line).toMatch(/ PeerHeard \{ peerId: "p", endpoints: \[\{ host: "host-0" \}, \{ host: "host-1", port: 1 \}, .*, … 199\d\d more\] \}$/)
    expect(line.length).toBeLessThan(1_200)
  })

  it('fits into 80 columns', async () => {
    const { out, err } = streams()
    await record(dir.path('played'), { seed, orders })
    await showCommand(dir.path('played'), { out, err })
    const lines = out.text.split('\n')
    expect(lines.length).toBeGreaterThan(50)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
  })

  it('shows the type of a message in 60 columns too', async () => {
    const { out, err } = streams()
    await showCommand(await sample(), { out, err }, { width: 60 })
    expect(out.text).toContain('    0.005      1 ← peer-connection/V1StGXR8…#link TextMessa…\n')
    expect(out.text).toContain(' 1234.568     15 → chat/main → host   chat.v1.Say <16 B 303…\n')
    expect(Math.max(...out.text.split('\n').map(line => line.length))).toBeLessThanOrEqual(60)
  })

  it('gives one JSON object a line', async () => {
    const { out, err } = streams()
    await showCommand(await sample(), { out, err }, { json: true })
    const objects = out.text.trim().split('\n').map(line => JSON.parse(line) as object)
    expect(objects.map(({ kind }: { kind?: string }) => kind)).toEqual(['header', 'input', 'output', 'output', 'input', 'output', 'stopped'])
    expect(objects[2]).toEqual({ kind: 'output', seq: 12, time: 1_234_567, from: 'link-keeper/main', to: '', type: 'LinksChanged', cause: 1, body: { links: 3 } })
    expect(objects[5]).toMatchObject({ type: 'chat.v1.Say', body: Buffer.from('0123456789abcdef').toString('base64') })
  })

  it('shows what stands before the damage, and says where that is', async () => {
    const bytes = readFileSync(await sample())
    const torn = streams()
    expect(await showCommand(bytes.subarray(0, bytes.length - 5), torn)).toBe(0)
    expect(torn.out.text).toMatch(/# the log is cut off in block 1 at byte \d+, before the first message: there is nothing to read\n$/)
    const blocks = pack(unpack(bytes).flat().map(record => [record]))
    blocks[blocks.length - 1]! ^= 1
    const damaged = streams()
    expect(await showCommand(blocks, damaged)).toBe(1)
    expect(damaged.out.text).toContain('chat.v1.Say')
    expect(damaged.err.text).toMatch(/^p2pnet: the log is damaged in block 6 at byte \d+, after message 15: its checksum is wrong\n$/)
  })

  it('shows only what the filter lets through', async () => {
    const { out } = streams()
    await showLog(readLog(await sample()), out, { filter: entry => entry.kind === 'input' })
    expect(out.text.match(/[←→∎] /g)).toEqual(['← ', '← ', '→ '])
  })

  it('ends when its reader goes away', async () => {
    const { out } = streams()
    const log = readLog(await sample())
    out.once('drain', () => out.destroy())
    await showLog(log, out)
    expect(out.text.length).toBeLessThan(400)
  })

  it('exits with 2 for a path that leads nowhere', async () => {
    const { out, err } = streams()
    expect(await showCommand(dir.path('nowhere'), { out, err })).toBe(2)
    expect(err.text).toMatch(/nowhere does not exist\n$/)
  })
})

describe('p2pnet log check', () => {
  it('sums up a whole log', async () => {
    const whole = streams()
    expect(await checkCommand(await sample(), whole)).toBe(0)
    expect(whole.out.text).toBe('2 inputs and 3 outputs in 1234.569 s; ends with the run\n')
  })

  it('exits with 1 for a torn or damaged one', async () => {
    const bytes = readFileSync(await sample())
    const torn = streams()
    expect(await checkCommand(bytes.subarray(0, bytes.length - 1), torn, { json: true })).toBe(1)
    expect(JSON.parse(torn.out.text)).toEqual({ inputs: 0, outputs: 0, timeMs: 0, ending: 'torn', ok: false })
    bytes[bytes.length - 1]! ^= 1
    const damaged = streams()
    expect(await checkCommand(bytes, damaged)).toBe(1)
    expect(damaged.err.text).toMatch(/checksum is wrong/)
  })
})

describe('p2pnet log replay', () => {
  const definitions = [puppet]

  it('exits with 0 when every output is the same', async () => {
    const { path } = await record(dir.path('same'), { seed, orders })
    const same = streams()
    expect(await replayCommand(path, same, { definitions })).toBe(0)
    expect(same.out.text).toMatch(/^no differences: \d+ inputs fed and \d+ outputs the same, \d+\.\d{3} s of the run in \d+\.\d{3} s\n$/)
  })

  it('exits with 1 at a difference, and shows it', async () => {
    const { path } = await record(dir.path('other'), { seed, orders })
    const [[head], ...rest] = unpack(readFileSync(path)) as [[LogRecord], ...LogRecord[][]]
    const records = rest.flat()
    records.find(({ output }) => output?.to === 'host')!.output!.to = 'peer/eve'
    const other = streams()
    expect(await replayCommand(pack([[head], records]), other, { definitions })).toBe(1)
    expect(other.out.text).toMatch(/differ at message \d+, 0\.000 s.*\n {2}actor {5}puppet\/a\n {2}state {5}"ready"\n(.*\n)* {2}differs in\n {4}to\n {6}expected {2}"peer\/eve"\n {6}got {7}"host"\n$/)
    const json = streams()
    await replayCommand(pack([[head], records]), json, { definitions, json: true })
    expect(JSON.parse(json.out.text)).toMatchObject({ differences: 1, divergence: { kind: 'different', fields: [{ path: 'to' }] } })
  })

  it('exits with 1 and one line for a log that cannot be replayed', async () => {
    const { path } = await record(dir.path('unknown'), { seed, orders })
    const { out, err } = streams()
    expect(await replayCommand(path, { out, err }, { definitions: [] })).toBe(1)
    expect(err.text).toMatch(/^p2pnet: [^\n]+: the log holds an actor of kind 'puppet'.*\n$/)
  })
})
