import { Writable } from 'node:stream'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { setup } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import { LinksChanged, LogActor, LogRecord, TextMessage, type LogHeader } from '../../../proto/index.ts'
import { jsonText } from '../../../runtime/json-text.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { checkCommand, logHeader, LogWriter, replay, replayCommand, showCommand } from '../../../runtime/log/index.ts'
import { seed } from './puppet.ts'
import { header, pack, scratch, unpack } from './samples.ts'

const dir = scratch()

class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

const HOSTILE = 'x\u001b[2J\u009b31m\u0007\r\n\u2028{"event":"forged"}\u2029\u202e'
// What is left of a line when nothing in it works on a terminal, or begins another line.
const ONE_LINE = /^[^\p{Cc}\u2028\u2029\u202a-\u202e]*$/u

const kindRecord = (more: Partial<LogHeader>): LogRecord => new LogRecord({ header: header(more) })
const inputRecord = (fields: object): LogRecord => new LogRecord({ input: { seq: 1, time: 0, from: 'host', to: '', type: 'TextMessage', body: new Uint8Array(0), cause: 0, ...fields } as NonNullable<LogRecord['input']> })

async function says(log: Uint8Array, json = false): Promise<string[]> {
  const lines: string[] = []
  for (const command of [showCommand, checkCommand, (source: Uint8Array, streams: { out: Text; err: Text }, options: object) => replayCommand(source, streams, { ...options, definitions: [] })]) {
    const streams = { out: new Text(), err: new Text() }
    await command(log, streams, { json })
    lines.push(...streams.out.text.split('\n'), ...streams.err.text.split('\n'))
  }
  return lines
}

describe('a log from a stranger', () => {
  const logs = {
    'the header': [[kindRecord({ name: HOSTILE, library: HOSTILE, peerId: HOSTILE })]],
    'a kind': [[kindRecord({ actors: [new LogActor({ kind: HOSTILE, id: HOSTILE, version: 1 })] })]],
    'options': [[kindRecord({ actors: [new LogActor({ kind: 'a', version: 1, options: HOSTILE })], limits: HOSTILE })]],
    'a message': [[kindRecord({})], [inputRecord({ type: HOSTILE, from: `peer/${HOSTILE}`, to: HOSTILE })]],
    'a text': [[kindRecord({})], [inputRecord({ body: TextMessage.encode(new TextMessage({ text: HOSTILE })).finish() })]]
  }

  it.each(Object.entries(logs))('does nothing to a terminal and forges no line by %s', async (_, blocks) => {
    for (const line of [...await says(pack(blocks)), ...await says(pack(blocks), true)]) expect(line).toMatch(ONE_LINE)
  })

  it('ends a replay at its first difference, whatever time it says comes next', async () => {
    const ticker = defineActor({
      kind: 'ticker', options: {},
      machine: setup({ actions: { tick: publish(() => ['', new LinksChanged({ links: 1 })]) } }).createMachine({
        initial: 'on', states: { on: { after: { 10: { target: 'on', reenter: true, actions: 'tick' } } } }
      })
    })
    const actors = [{ definition: ticker }]
    const writer = new LogWriter(dir.path('far'), logHeader({ seed, actors, wallTime: 0, peerId: 'p', name: 'ada' }))
    const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
    kernel.start()
    kernel.advanceTo(35)
    await writer.close()
    const [[head], ...rest] = unpack(readFileSync(dir.path('far'))) as [[LogRecord], ...LogRecord[][]]
    const records = rest.flat().filter(({ stopped }) => stopped == null)
    const far = pack([[head], records, [inputRecord({ seq: 1_000, time: 2_000_000 })]])
    const result = await replay(far, { definitions: [ticker] })
    expect(result).toMatchObject({ outputs: records.length, differences: 1, durationMs: 40, divergence: { kind: 'extra', time: 40 } })
  })
})

describe('a log that would keep a replay at work', () => {
  const storm = defineActor({
    kind: 'storm', options: {},
    machine: setup({ actions: { say: publish(() => ['', new LinksChanged({ links: 1 })]) } }).createMachine({
      initial: 'calm',
      states: { calm: { on: { TextMessage: 'raging' } }, raging: { after: { 0: { target: 'raging', reenter: true, actions: 'say' } } } }
    })
  })

  it('ends it at the first difference, in the midst of a storm of timers', async () => {
    const actors = [{ definition: storm }]
    const records: LogRecord[] = []
    const kernel = new Kernel({
      seed, actors, shell: { deliver() {}, actorStarted() {}, actorStopped() {} },
      tap: { input: () => {}, output: ({ bytes: body, ...e }) => records.push(new LogRecord({ output: { seq: e.seq, time: 0, from: e.from, to: e.to, type: e.type, cause: e.cause, body } as NonNullable<LogRecord['output']> })), stopped: () => {} }
    })
    kernel.start()
    let fired = 0
    const log = pack([
      [new LogRecord({ header: logHeader({ seed, actors, limits: { maxTimersPerInstant: 1_000_000 }, wallTime: 0, peerId: '', name: '' }) })],
      [...records, inputRecord({ seq: kernel.nextSeq, to: 'storm/main' }), inputRecord({ seq: 1_000, time: 50 })]
    ])
    const result = await replay(log, { definitions: [storm], witness: { step: () => { fired++ } } })
    expect(result).toMatchObject({ outputs: records.length, divergence: { kind: 'extra', actor: 'storm/main' } })
    expect(fired).toBeLessThan(10)
  })

  it('is refused where it asks for limits beyond any peer, or starts more actors than its own', async () => {
    const endless = pack([[kindRecord({ limits: JSON.stringify({ maxTimersPerInstant: Number.MAX_SAFE_INTEGER }) })]])
    await expect(replay(endless, { definitions: [] })).rejects.toThrow('limit maxTimersPerInstant is 9007199254740991: give 1000000 at most')
    const crowd = pack([[kindRecord({ limits: '{"maxActors":2}', actors: ['a', 'b', 'c'].map(id => new LogActor({ kind: 'storm', id, version: 1 })) })]])
    await expect(replay(crowd, { definitions: [storm] })).rejects.toThrow('it starts 3 actors, and its limit is 2')
  })

  it('has its difference shown in few lines, however large the bodies are', async () => {
    const streams = { out: new Text(), err: new Text() }
    const huge = TextMessage.encode(new TextMessage({ text: 'x'.repeat(1_000_000) })).finish()
    const log = pack([[kindRecord({})], [new LogRecord({ output: { seq: 1, time: 0, from: 'a/b', to: 'host', type: 'TextMessage', body: huge, cause: 0 } as NonNullable<LogRecord['output']> })]])
    expect(await replayCommand(log, streams, { definitions: [] })).toBe(1)
    expect(streams.out.text.length).toBeLessThan(5_000)
    expect(streams.out.text).toContain('did not send the TextMessage that was recorded')
  })
})

describe('JSON on one line', () => {
  it('is the same value when it is parsed, and holds no character that works on a terminal or ends a line', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...HOSTILE, '\u{e0041}', '\ud800', '"', '\\') }))
    fc.assert(fc.property(fc.oneof(text, fc.dictionary(text, text)), value => {
      const line = jsonText(value)
      expect(JSON.parse(line)).toEqual(value)
      expect(line).toMatch(ONE_LINE)
    }))
  })
})
