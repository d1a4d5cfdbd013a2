import { Writable } from 'node:stream'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import { LogActor, LogHeader, LogRecord, Ping, TextMessage, type EventOf } from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { followLog, logHeader, LogWriter, parseTime, showCommand } from '../../../runtime/log/index.ts'
import { atCommand, diffCommand, traceCommand } from '../../../runtime/log/inspect-commands.ts'
import {
  actorsAt, assertPath, cutLog, diffLogs, LogDivergedError, NoSuchMessageError, LogPathError, statesOf, readLog, traceLog
} from '../../../runtime/testing/index.ts'
import { orders, puppet, record, seed, type Order } from './puppet.ts'
import { header, pack, scratch, unpack } from './samples.ts'

const dir = scratch()
const options = { definitions: [puppet] }

class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

const streams = () => ({ out: new Text(), err: new Text() })
const HOSTILE = 'x\u001b[2J\u009b31m\u0007\n\u2028\u202e'
// What is left of a line when nothing in it works on a terminal, or begins another line.
const ONE_LINE = /^[^\p{Cc}\u2028\u2029\u202a-\u202e]*$/u

async function played(name: string, given: readonly Order[] = orders): Promise<string> {
  return (await record(dir.path(name), { seed, orders: given })).path
}

async function shows(path: string, more: Parameters<typeof showCommand>[2]): Promise<string[]> {
  const { out, err } = streams()
  expect(await showCommand(path, { out, err }, { ...more, json: true })).toBe(0)
  return out.text.trim().split('\n').slice(1)
}

describe('log show with filters', () => {
  it('shows what is to, from or for drivers of an actor, of some types, from some time on', async () => {
    const path = await played('filters')
    const all = (await shows(path, {})).map(line => JSON.parse(line) as { from: string; to: string; type: string; time: number; kind: string })
    const seen = async (more: Parameters<typeof showCommand>[2]) => (await shows(path, more)).map(line => JSON.parse(line) as unknown)
    const own = (address: string | undefined) => address === 'puppet/a' || address?.startsWith('puppet/a#') === true
    expect(await seen({ actor: 'puppet/a' })).toEqual(all.filter(({ kind, from, to }) => kind === 'stopped' || own(from) || own(to)))
    expect(await seen({ actor: 'puppet' })).toEqual(all.filter(({ kind, from, to }) => kind === 'stopped' || /puppet/.test(from + to)))
    expect(await seen({ actor: 'puppet/a-…' })).toEqual(all.filter(({ kind, from, to }) => kind === 'stopped' || /puppet\/a-/.test(from + to)))
    expect(await seen({ types: ['DeadLetter', 'ActorFailed'], sinceMs: 50 })).toEqual(
      all.filter(({ kind, type, time }) => kind === 'stopped' || (['DeadLetter', 'ActorFailed'].includes(type) && time >= 50)))
    expect((await seen({ actor: 'nobody' }))).toHaveLength(1)
  })

  it('knows times', () => {
    expect(['0', '1500', '10s', '2m', '1.5h', '20ms', '0.25s'].map(parseTime)).toEqual([0, 1_500, 10_000, 120_000, 5_400_000, 20, 250])
    expect(['', '-1', '10d', 's', '1e3', ' 1', '1 s', '9'.repeat(20)].filter(text => parseTime(text) !== undefined)).toEqual([])
  })
})

describe('log show --follow', () => {
  it('shows each record when it comes, whole or in pieces, and ends with the run', async () => {
    const bytes = readFileSync(await played('grown'))
    const path = dir.path('growing')
    writeFileSync(path, bytes.subarray(0, 5))
    const items = followLog(path, { pollMs: 1 })
    const first = items.next()
    const cut = bytes.length - 40
    for (let at = 5; at < cut; at += 700) appendFileSync(path, bytes.subarray(at, Math.min(at + 700, cut)))
    expect((await first).value).toMatchObject({ kind: 'header' })
    appendFileSync(path, bytes.subarray(cut))
    const rest = []
    for await (const item of items) rest.push(item)
    expect(rest).toEqual([...readLog(bytes)])
    expect(rest.at(-1)).toMatchObject({ kind: 'stopped' })
  })

  it('ends without an error when it is told to, and when the file is gone', async () => {
    const blocks = unpack(readFileSync(await played('told'))).flat().map(record => [record])
    const path = dir.path('unended')
    writeFileSync(path, pack(blocks.slice(0, -1)))
    const stop = new AbortController()
    const { out, err } = streams()
    const shown = showCommand(path, { out, err }, { follow: true, signal: stop.signal, pollMs: 1 })
    for await (const { kind } of followLog(path)) if (kind === 'input') break
    stop.abort()
    expect(await shown).toBe(0)
    expect(err.text).toBe('')
    const until = []
    for await (const item of followLog(path, { pollMs: 1 })) {
      until.push(item)
      if (until.length === 1) rmSync(path)
    }
    expect(until.length).toBeGreaterThan(0)
    expect(await showCommand(dir.path('nowhere'), { out, err }, { follow: true })).toBe(2)
  })
})

describe('log trace', () => {
  it('leads back through messages that no log holds to the one that came first', async () => {
    const path = await played('trace', [{ after: 0, to: 'puppet/a', text: 'l' }])
    const announced = [...readLog(path)].find(entry => entry.kind === 'output' && entry.envelope.type === 'LinksChanged')
    if (announced?.kind !== 'output') throw new Error('no announcement')
    const trace = traceLog(path, announced.envelope.seq, options)
    expect(trace.map(({ type, from, to, boundary }) => [type, from, to, boundary])).toEqual([
      ['TextMessage', 'host', 'puppet/a', 'input'], ['TextMessage', 'puppet/a', 'puppet/a', 'inside'], ['LinksChanged', 'puppet/a', '', 'output']
    ])
    expect(trace.at(-1)!.actors.map(({ actor }) => actor)).toEqual(['puppet/a', 'puppet/b'])
  })

  it('leads through timers', async () => {
    const path = await played('ticks', [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 40, to: 'puppet/b', text: 'a' }])
    const { seq } = [...readLog(path)].flatMap(entry => (entry.kind === 'output' && entry.envelope.time === 30 ? [entry.envelope] : []))[0]!
    expect(traceLog(path, seq, options).map(({ type, byTimer }) => [type, byTimer])).toEqual([['TextMessage', false], ['TextMessage', true]])
    const { out, err } = streams()
    expect(await traceCommand(path, seq, { out, err }, { ...options, width: 60 })).toBe(0)
    expect(out.text.split('\n')).toEqual([
      expect.stringMatching(/^ {4}0\.000 +\d+ ← TextMessage {2}host → puppet\/a$/), '                   { text: "w" }', '                   puppet/a: ready → waiting',
      '                   … a timer that was set then',
      expect.stringMatching(/^ {4}0\.030 +\d+ → TextMessage {2}puppet\/a → all$/), '                   { text: "tick 1" }', ''
    ])
  })

  it('gives the whole chain of any message in a run, each caused by the one before', async () => {
    const path = await played('chains')
    const seqs = [...readLog(path)].flatMap(entry => (entry.kind === 'stopped' ? [] : [entry.envelope.seq]))
    for (const seq of seqs.filter((_, index) => index % 7 === 0)) {
      const trace = traceLog(path, seq, options)
      expect(trace.at(-1)!.seq).toBe(seq)
      trace.slice(1).forEach((step, index) => expect(step.byTimer || step.cause === trace[index]!.seq).toBe(true))
    }
  })

  it('keeps the first and the last of a chain that is very long, and says how much is between', async () => {
    const countdown = defineActor({ kind: 'countdown', machine: createMachine({ on: { Ping: {
      guard: ({ event }) => (event as EventOf<'Ping'>).body.id > 0,
      actions: publish(({ event }) => ['countdown/main', new Ping({ id: (event as EventOf<'Ping'>).body.id - 1 })])
    } } }) })
    const actors = [{ definition: countdown }]
    const writer = new LogWriter(dir.path('countdown'), logHeader({ seed, actors, wallTime: 0, peerId: 'p', name: 'ada' }))
    const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
    kernel.start()
    const { seq } = kernel.input(new Ping({ id: 4_999 }), { from: 'host', to: 'countdown/main' })
    await writer.close()
    const known = { definitions: [countdown] }
    const last = seq + 4_999
    expect(traceLog(writer.path, last, { ...known, maxSteps: 5 }).map(step => [step.seq - seq, step.skipped])).toEqual([[0, 0], [1, 0], [2, 0], [4_998, 4_995], [4_999, 0]])
    expect(traceLog(writer.path, last, known)).toHaveLength(1_000)
    expect(traceLog(writer.path, seq + 4, { ...known, maxSteps: 5 }).map(({ skipped }) => skipped)).toEqual([0, 0, 0, 0, 0])
    for (const maxSteps of [1, 1.5, NaN]) expect(() => traceLog(writer.path, seq, { ...known, maxSteps })).toThrow(RangeError)
    const { out, err } = streams()
    await traceCommand(writer.path, last, { out, err }, { ...known, maxSteps: 2 })
    expect(out.text).toContain('\n                   … 4998 messages of the chain left out\n')
  })

  it('names what is wrong with a seq, and a log that does not replay', async () => {
    const path = await played('wrong')
    for (const seq of [100_000, Number.MAX_SAFE_INTEGER]) expect(() => traceLog(path, seq, options)).toThrow(NoSuchMessageError)
    const { out, err } = streams()
    expect(await traceCommand(path, 100_000, { out, err }, options)).toBe(1)
    expect(err.text).toMatch(/^p2pnet: [^\n]*there is no message 100000: the last is \d+[^\n]*\n$/)
    const [head, ...rest] = unpack(readFileSync(path)).flat()
    rest.find(({ output }) => output?.to === 'host')!.output!.to = 'peer/eve'
    expect(() => traceLog(pack([[head!], rest]), 60, options)).toThrow(LogDivergedError)
    expect(() => cutLog(pack([[head!], rest]), { ...options, actor: 'puppet/a' })).toThrow(LogDivergedError)
  })
})

describe('log at', () => {
  it('gives every actor that lives at the moment, in its state then and not later', async () => {
    const path = await played('moment', [{ after: 0, to: 'puppet/a', text: 'sw' }, { after: 10, to: 'puppet/b', text: 'a' }, { after: 50, to: 'puppet/a', text: 'k' }, { after: 10, to: 'puppet/b', text: 'f' }])
    const orderAt = (time: number) => [...readLog(path)].flatMap(entry => (entry.kind === 'input' && entry.envelope.time === time && entry.envelope.from === 'host' ? [entry.envelope.seq] : []))[0]!
    const at = (seq: number) => Object.fromEntries(actorsAt(path, seq, options).map(({ address, state }) => [address, state]))
    expect(at(orderAt(0))).toEqual({ 'puppet/a': 'waiting', 'puppet/b': 'ready' })
    expect(at(orderAt(10))).toEqual({ 'puppet/a': 'waiting', 'puppet/b': 'ready', 'puppet/a-c': 'ready' })
    expect(at(orderAt(70))).toEqual({ 'puppet/a': 'ready', 'puppet/b': 'done' })
    expect(actorsAt(path, orderAt(70), options).find(({ address }) => address === 'puppet/a')).toMatchObject({ since: 30 })
  })

  it('shows a context when it is asked for', async () => {
    const path = await played('context', [{ after: 0, to: 'puppet/a', text: 'a' }])
    const [, input] = [...readLog(path)].flatMap(entry => (entry.kind === 'input' ? [entry.envelope] : []))
    const { out, err } = streams()
    expect(await atCommand(path, input!.seq, { out, err }, { ...options, actor: 'puppet/a' })).toBe(0)
    expect(out.text).toMatch(/^puppet\/a +ready +since 0\.000 s, last message \d+\n {2}\{\n {4}"address": "puppet\/a",\n {4}"count": 1,/)
    const json = streams()
    await atCommand(path, input!.seq, json, { ...options, json: true })
    expect(JSON.parse(json.out.text.split('\n')[0]!)).toMatchObject({ address: 'puppet/a', state: 'ready', context: { count: 1 } })
    const nobody = streams()
    expect(await atCommand(path, input!.seq, nobody, { ...options, actor: 'puppet/z' })).toBe(1)
    expect(nobody.err.text).toMatch(/no actor puppet\/z is alive then: there are puppet\/a, puppet\/b\n$/)
  })
})

describe('log diff', () => {
  it('finds two logs of one run the same', async () => {
    const [a, b] = [await played('one'), await played('other')]
    expect(diffLogs(a, b)).toMatchObject({ same: true, header: [] })
    const { out, err } = streams()
    expect(await diffCommand(a, b, { out, err })).toBe(0)
    expect(out.text).toMatch(/^the same, \d+ records\n$/)
  })

  it('shows the first difference with what stands around it, and exits with 1', async () => {
    const a = await played('a')
    const [head, ...rest] = unpack(readFileSync(a)).flat()
    const place = rest.findIndex(({ output }, index) => index > 10 && output?.type === 'LinksChanged')
    rest[place]!.output!.body = TextMessage.encode(new TextMessage({ text: 'other' })).finish()
    rest[place]!.output!.type = 'TextMessage'
    writeFileSync(dir.path('b'), pack([[head!], rest]))
    const found = diffLogs(a, dir.path('b'))
    expect(found).toMatchObject({ same: false, common: place, first: { before: expect.anything(), fields: expect.arrayContaining([expect.objectContaining({ path: 'type' })]) } })
    expect([found.first!.before.length, found.first!.afterA.length, found.first!.afterB.length]).toEqual([3, 3, 3])
    const { out, err } = streams()
    expect(await diffCommand(a, dir.path('b'), { out, err }, { width: 70 })).toBe(1)
    const lines = out.text.split('\n')
    expect(lines.map(line => line[0]).join('')).toMatch(/^t {3}-{4}\+{4}d/)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(70)
    const json = streams()
    await diffCommand(a, dir.path('b'), json, { json: true })
    expect(JSON.parse(json.out.text)).toMatchObject({ same: false, common: place, first: { b: { type: 'TextMessage', body: { text: 'other' } } } })
  })

  it('compares what the runs were made from, and how the logs end', async () => {
    const a = readFileSync(await played('ends'))
    const [head, ...rest] = unpack(a).flat()
    const made = (more: Partial<LogHeader>, records = rest) => pack([[new LogRecord({ header: new LogHeader({ ...head!.header!, ...more }) })], records])
    expect(diffLogs(a, made({ wallTime: 5, library: 'p2pnet/9' }))).toMatchObject({ same: true, header: [{ path: 'library' }, { path: 'wallTime' }] })
    expect(diffLogs(a, made({ seed: new Uint8Array(32) }))).toMatchObject({ same: false, header: [{ path: 'seed' }] })
    const actors = [...head!.header!.actors as LogActor[]]
    actors[1] = new LogActor({ ...actors[1]!, options: '{"step":4}' })
    expect(diffLogs(a, made({ actors })).header.map(({ path }) => path)).toEqual(['actors.puppet/b.options.step'])
    expect(diffLogs(a, made({}, rest.slice(0, -5)))).toMatchObject({ same: false, common: rest.length - 5, first: { b: undefined } })
  })
})

describe('a log in a test', () => {
  it('is cut to one actor and its causes', async () => {
    const path = await played('cut', [{ after: 0, to: 'puppet/a', text: 'dh' }, { after: 5, to: 'puppet/b', text: 's' }, { after: 5, to: 'puppet/b', text: 'c' }, { after: 5, to: 'puppet/a', text: 'h' }])
    const cut = cutLog(path, { ...options, actor: 'puppet/b-c' })
    expect(cut.inputs.map(({ envelope: { type, to } }) => [type, to])).toEqual(expect.arrayContaining([['TextMessage', 'puppet/b']]))
    expect(cut.inputs.some(({ envelope }) => envelope.to === 'puppet/a' && envelope.time === 15)).toBe(false)
    expect(cut.inputs.length).toBeLessThan(cut.of)
    expect(cutLog(path, { ...options, actor: 'puppet/nobody' }).inputs).toEqual([])
  })

  it('tells the path of an actor, and asserts it', async () => {
    const path = await played('path', [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 50, to: 'puppet/a', text: 'q' }, { after: 50, to: 'puppet/a', text: 'f' }])
    const a = { ...options, actor: 'puppet/a' }
    expect(statesOf(path, a).map(({ state, time, type }) => [state, time, type])).toEqual([
      ['ready', 0, '(start)'], ['waiting', 0, 'TextMessage'], ['ready', 30, '(timer)'], ['quiet', 50, 'TextMessage'], ['ready', 80, '(timer)'], ['done', 100, 'TextMessage']
    ])
    for (const good of [['ready', 'waiting', 'ready', 'quiet', 'ready', 'done'], ['ready', '...', 'done'], ['...'], ['...', 'quiet', '...'], ['...', 'ready', 'done', '...']]) assertPath(path, good, a)
    for (const bad of [['ready'], ['ready', 'quiet', '...'], ['...', 'closed', '...'], [], ['...', 'done', 'ready']]) expect(() => assertPath(path, bad, a)).toThrow(LogPathError)
    expect(() => assertPath(path, ['ready', 'quiet', 'done'], a)).toThrow(/puppet\/a did not go ready, quiet, done:\n {4}0\.000 s {2}ready {2}by \(start\)\n {2}> 0\.000 s {2}waiting {2}by TextMessage \(message \d+\)\n/)
    expect(() => assertPath(path, ['ready'], { ...options, actor: 'puppet/z' })).toThrow(/it never started/)
  })
})

describe('a log from a stranger', () => {
  it('does nothing to a terminal through any tool', async () => {
    const input = { seq: 1, time: 0, from: `peer/${HOSTILE}`, to: HOSTILE, type: HOSTILE, body: new Uint8Array(0), cause: 0 } as NonNullable<LogRecord['input']>
    const [a, b] = [dir.path('hostile-a'), dir.path('hostile-b')]
    writeFileSync(a, pack([[new LogRecord({ header: header({ name: HOSTILE, limits: HOSTILE }) })], [new LogRecord({ input })]]))
    writeFileSync(b, pack([[new LogRecord({ header: header({ name: 'b', actors: [new LogActor({ kind: HOSTILE, id: HOSTILE })] }) })], [new LogRecord({ input: { ...input, to: 'b' } as typeof input })]]))
    const said = streams()
    for (const json of [true, false]) {
      await diffCommand(a, b, said, { json })
      await traceCommand(a, 1, said, { ...options, json })
      await atCommand(b, 1, said, { ...options, json })
    }
    for (const line of `${said.out.text}${said.err.text}`.split('\n')) expect(line).toMatch(ONE_LINE)
  })

  it('takes no memory for causes that cannot be', async () => {
    const path = await played('causes', [{ after: 0, to: 'puppet/a', text: 'h' }])
    const [head, ...rest] = unpack(readFileSync(path)).flat()
    const order = rest.find(({ input }) => input != null)!.input!
    order.cause = Number.MAX_SAFE_INTEGER
    expect(traceLog(pack([[head!], rest]), order.seq, options).map(({ seq }) => seq)).toEqual([order.seq])
  })
})
