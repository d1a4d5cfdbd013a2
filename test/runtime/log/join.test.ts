import { Writable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Checkpoint, LinkSecured, LogHeader, LogRecord, PeerConnected, TextMessage, Verified } from '../../../proto/index.ts'
import { writeFileSync } from 'node:fs'
import { joinLogs } from '../../../runtime/log/index.ts'
import { alignClocks } from '../../../runtime/log/join-clocks.ts'
import { diffCommand } from '../../../runtime/log/inspect-commands.ts'
import { joinCommand } from '../../../runtime/log/join-command.ts'
import { widthOf } from '../../../runtime/columns.ts'
import { envelope, header, pack, registry, scratch } from './samples.ts'

const dir = scratch()

class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

type Record = readonly ['in' | 'out', number, object, string, string]

/** A log of such messages. */
function log(head: Partial<LogHeader>, records: readonly Record[], beginsAt?: number): Uint8Array {
  const entries = records.map(([way, time, body, from, to], index) => {
    const { seq, type, cause, bytes } = envelope(index + 1, body as TextMessage)
    const e = { seq, time, from, to, type, cause, body: bytes } as NonNullable<LogRecord['input']>
    return new LogRecord(way === 'in' ? { input: e } : { output: e })
  })
  const checkpoint = beginsAt === undefined ? [] : [new LogRecord({ checkpoint: new Checkpoint({ time: beginsAt }) })]
  return pack([[new LogRecord({ header: header(head) })], [...checkpoint, ...entries]])
}

const link = 'peer-connection/x#link'
const text = (line: string) => new TextMessage({ text: line })

/** Ada's clock is right, bob's is ten seconds behind; a message takes 20 ms. */
const ada = log({ name: 'ada', peerId: 'a', wallTime: 100_000 }, [
  ['in', 10, new LinkSecured({ linkId: 'l1', peerId: 'b' }), link, 'peer-connection/x'],
  ['out', 11, new Verified({ steps: ['pings'] }), 'peer-connection/x', link],
  ['out', 12, new PeerConnected({ peerId: 'b' }), 'link-keeper/main', ''],
  ['in', 50, text('hello'), 'host', 'peer/*'],
  ['in', 60, text('again'), 'host', 'peer/b'],
  ['in', 61, text('never'), 'host', 'peer/b'],
  ['in', 90, text('oh'), 'peer/b', '']
])
const bob = log({ name: 'bob', peerId: 'b', wallTime: 90_000 }, [
  ['in', 12, new LinkSecured({ linkId: 'l1', peerId: 'a' }), 'peer-connection/y#link', 'peer-connection/y'],
  ['in', 31, new Verified({ steps: ['pings'] }), 'peer-connection/y#link', 'peer-connection/y'],
  ['in', 70, text('hello'), 'peer/a', ''],
  ['out', 70, text('oh'), 'chat/main', 'peer/a'],
  ['in', 80, text('again'), 'peer/a', '']
])

describe('logs of several peers', () => {
  it('make one picture: what one sent is what the other got, on one clock', () => {
    const { peers, rows } = joinLogs([ada, bob], { registry })
    expect(peers.map(({ name, correctionMs }) => [name, correctionMs])).toEqual([['ada', 0], ['bob', 10_000]])
    expect(rows.map(({ time, peer, envelope: { type }, message }) => [time - 100_000, peers[peer]!.name, type, message?.to, message?.arrived && message.arrived.time - time])).toEqual([
      [10, 'ada', 'LinkSecured', undefined, undefined],
      [11, 'ada', 'Verified', 1, 20],
      [12, 'ada', 'PeerConnected', undefined, undefined],
      [12, 'bob', 'LinkSecured', undefined, undefined],
      [50, 'ada', 'TextMessage', 1, 20],
      [60, 'ada', 'TextMessage', 1, 20],
      [61, 'ada', 'TextMessage', 1, undefined],
      [70, 'bob', 'TextMessage', 0, 20]
    ])
  })

  it('are shown as text, as a diagram and as JSON', async () => {
    const files = [dir.path('ada'), dir.path('bob')]
    writeFileSync(files[0]!, ada)
    writeFileSync(files[1]!, bob)
    const out = async (options: object) => {
      const streams = { out: new Text(), err: new Text() }
      expect(await joinCommand(files, streams, options)).toBe(0)
      return streams.out.text.trim().split('\n')
    }
    expect((await out({ width: 80 })).slice(0, 7)).toEqual([
      '# ada a, from 0.000 s on', '# bob b, from 0.000 s on, its clock moved by 10000 ms',
      '    0.010 ada       LinkSecured { linkId: "l1", peerId: "b" }',
      '    0.011 ada → bob Verified (20 ms) { steps: ["pings"] }',
      '    0.012 ada       PeerConnected { peerId: "b" }',
      '    0.012 bob       LinkSecured { linkId: "l1", peerId: "a" }',
      '    0.050 ada → bob TextMessage (20 ms) { text: "hello" }'
    ])
    expect(Math.max(...(await out({ width: 40 })).map(({ length }) => length))).toBeLessThanOrEqual(40)
    const diagram = await out({ mermaid: true })
    expect(diagram.slice(0, 5)).toEqual(['sequenceDiagram', '  participant p0 as ada', '  participant p1 as bob', '  Note over p0: LinkSecured', '  p0->>p1: Verified'])
    expect(diagram).toContain('  p0-xp1: TextMessage')
    const json = (await out({ json: true })).map(line => JSON.parse(line) as object)
    expect(json.slice(0, 4)).toMatchObject([{ kind: 'peer', name: 'ada' }, { kind: 'peer', name: 'bob' }, { kind: 'event', peer: 'ada' }, { kind: 'message', peer: 'ada', to: 'bob', arrived: { seq: 2 } }])
  })

  it('may come from strangers: no name and no type does anything in a diagram or on a terminal', async () => {
    const HOSTILE = 'x\u001b[2J\n;%%{init}%%<script>\u202e'
    writeFileSync(dir.path('hostile'), log({ name: HOSTILE, peerId: HOSTILE, wallTime: NaN }, [['in', 1, text(HOSTILE), 'host', `peer/${HOSTILE}`]]))
    for (const options of [{}, { mermaid: true }, { json: true }]) {
      const streams = { out: new Text(), err: new Text() }
      expect(await joinCommand([dir.path('hostile'), dir.path('hostile')], streams, options)).toBe(0)
      for (const line of streams.out.text.split('\n')) expect(line).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e]*$/u)
      if ('mermaid' in options) expect(streams.out.text).not.toMatch(/[;<{%]/)
    }
  })

  it('pair messages that are alike in their order, where some were lost and where logs begin in the midst', () => {
    const said = ['a', 'x', 'x', 'x', 'b', 'x', 'x', 'c', 'x', 'x', 'x', 'x']
    const sent = said.map((line, index) => ['in', 100 * index, text(line), 'host', 'peer/b'] as const)
    // It takes longer than from one to the next.
    const got = said.map((line, index) => ['in', 100 * index + 250, text(line), 'peer/a', ''] as const)
    const pairsOf = (from: Uint8Array, to: Uint8Array) => joinLogs([from, to], { registry }).rows
      .flatMap(({ envelope: { time }, message }) => message?.arrived === undefined ? [] : [message.arrived.time - time])
    const whole = log({ name: 'ada', peerId: 'a', wallTime: 0 }, sent)
    expect(pairsOf(whole, log({ name: 'bob', peerId: 'b', wallTime: 0 }, got))).toEqual(said.map(() => 250))
    expect(pairsOf(whole, log({ name: 'bob', peerId: 'b', wallTime: 0 }, got.slice(0, 8)))).toEqual(said.slice(0, 8).map(() => 250))
    for (const at of [1, 2, 3, 5, 6]) {
      const midst = log({ name: 'bob', peerId: 'b', wallTime: 0 }, got.slice(at), 300)
      expect(pairsOf(whole, midst)).toEqual(said.slice(at).map(() => 250))
    }
  })

  it('name the file that is damaged', async () => {
    const [good, bad] = [dir.path('good'), dir.path('bad')]
    writeFileSync(good, ada)
    writeFileSync(bad, bob.map((byte, index) => index === bob.length - 3 ? byte ^ 1 : byte))
    for (const files of [[good, bad], [bad, good]]) {
      for (const command of [joinCommand, ([a, b]: readonly string[], streams: { out: Text; err: Text }) => diffCommand(a!, b!, streams)]) {
        const streams = { out: new Text(), err: new Text() }
        expect(await command(files, streams)).toBe(1)
        expect(streams.err.text).toMatch(new RegExp(`^p2pnet: ${bad}: the log is damaged in block 1 at byte \\d+`))
      }
    }
    writeFileSync(bad, 'no log')
    const streams = { out: new Text(), err: new Text() }
    expect(await joinCommand([good, bad], streams)).toBe(1)
    expect(streams.err.text).toMatch(new RegExp(`^p2pnet: ${bad}: this is not a p2pnet log`))
  })

  it('keep their columns below each other, whatever names peers have', async () => {
    const names = ['日本', 'e\u0301', '👨‍👩‍👧', 'ada'] as const
    for (const name of names) {
      writeFileSync(dir.path('wide'), log({ name, peerId: 'a', wallTime: 0 }, [['in', 1, text('to bob'), 'host', 'peer/b'], ['out', 2, new PeerConnected({ peerId: 'b' }), 'x/y', '']]))
      const streams = { out: new Text(), err: new Text() }
      await joinCommand([dir.path('wide'), dir.path('bob')], streams, { width: 60 })
      const lines = streams.out.text.split('\n').filter(line => /TextMessage|PeerConnected/.test(line))
      const columns = new Set(lines.map(line => widthOf(line.slice(0, line.search(/ (TextMessage|PeerConnected)/)))))
      expect([name, columns.size]).toEqual([name, 1])
      for (const line of streams.out.text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(60)
    }
  })

  it('are taken up to a limit, which is said', () => {
    const { peers, rows } = joinLogs([ada, bob], { registry, maxEvents: 2 })
    expect(peers.map(({ truncated }) => truncated)).toEqual([true, true])
    expect(rows.length).toBeLessThanOrEqual(4)
  })
})

describe('clocks', () => {
  it('are put where no message arrives before it was sent, and left alone where none does', () => {
    const clock = fc.integer({ min: -1e6, max: 1e6 })
    const message = fc.record({ from: fc.nat(1), at: fc.nat(1e6), takes: fc.integer({ min: 0, max: 5_000 }) })
    fc.assert(fc.property(clock, fc.array(message, { minLength: 1, maxLength: 30 }), (wrong, messages) => {
      const clocks = [0, wrong]
      const crossings = messages.map(({ from, at, takes }) => ({ from, to: 1 - from, sent: at + clocks[from]!, arrived: at + takes + clocks[1 - from]! }))
      const corrections = alignClocks(2, crossings)
      expect(corrections[0]).toBe(0)
      for (const { from, to, sent, arrived } of crossings) expect(arrived + corrections[to]!).toBeGreaterThanOrEqual(sent + corrections[from]!)
      if (crossings.every(({ sent, arrived }) => arrived >= sent)) expect(corrections[1]).toBe(0)
    }))
  })
})
