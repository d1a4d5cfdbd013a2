import { readFileSync, truncateSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { LogActor, LogHeader, LogRecord, LogStopped, TextMessage } from '../../../proto/index.ts'
import { formatDivergence, KindVersionError, LogCorruptError, Replay, replay, UnknownKindError, type ReplayResult } from '../../../runtime/testing/index.ts'
import { manyOrders, orders, puppet, record, seed, specs, type Play } from './puppet.ts'
import { pack, scratch, unpack } from './samples.ts'

const dir = scratch()
const play: Play = { seed, orders }
const definitions = [puppet]
let recorded: Promise<Uint8Array> | undefined

/** The log of the play with something of everything. */
function log(): Promise<Uint8Array> {
  return recorded ??= record(dir.path('whole'), play).then(({ path }) => readFileSync(path))
}

/** The same log after something was done to its records, in one block. */
async function altered(change: (records: LogRecord[]) => void): Promise<Uint8Array> {
  const [head, ...rest] = unpack(await log()).flat()
  change(rest)
  return pack([[head!], rest])
}

describe('replay', () => {
  it('gives every output of a recorded run again', async () => {
    const result = await replay(await log(), { definitions })
    expect(result.divergence && formatDivergence(result.divergence)).toBeUndefined()
    expect(result).toMatchObject({ differences: 0, ending: 'stopped', torn: false, clean: true })
    const records = unpack(await log()).flat()
    expect(result.inputs).toBe(records.filter(({ input }) => input != null).length)
    expect(result.outputs).toBe(records.filter(({ output }) => output != null).length)
    // The play is worth something: inputs in the midst of the core's work, a restart, dead letters, a driver that threw.
    expect(records.filter(({ nested }) => nested).length).toBeGreaterThan(3)
    for (const type of ['ActorFailed', 'DeadLetter', 'ActorStopped']) expect(records.some(({ output }) => output?.type === type)).toBe(true)
    expect(records.some(({ input }) => input?.type === 'DriverFailed')).toBe(true)
  })

  it('gives the same with a bus that encodes and decodes every hop', async () => {
    expect((await replay(await log(), { definitions, codec: 'always' })).differences).toBe(0)
  })

  it('replays any run', async () => {
    let runs = 0
    const order = fc.record({
      after: fc.oneof(fc.constantFrom(0, 30), fc.integer({ min: 0, max: 40 }), fc.constant(500)),
      to: fc.constantFrom('puppet/a', 'puppet/a', 'puppet/b', 'puppet/a-c', 'puppet/b-c', 'puppet/a-c-c'),
      text: fc.string({ unit: fc.constantFrom(...'aadddprhlslkcwq', 'x', 'f'), maxLength: 6 })
    })
    await fc.assert(fc.asyncProperty(
      fc.array(order, { maxLength: 40 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), fc.nat(60),
      async (orders, seed, stop, answers) => {
        const path = dir.path(`any-${runs++ % 4}`)
        await record(path, { seed, orders, stop, answers })
        const result = await replay(path, { definitions })
        if (result.divergence !== undefined) throw new Error(formatDivergence(result.divergence))
        expect(result.ending).toBe(stop ? 'stopped' : 'closed')
      }
    ), { numRuns: 150 })
  })

  it('gives an input to an idle core only when every timer of that instant has fired', async () => {
    const orders = [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 0, to: 'puppet/b', text: 'q' }, { after: 30, to: 'puppet/b', text: 'd' }]
    const { path } = await record(dir.path('idle'), { seed, orders, answers: 0 })
    expect(await replay(path, { definitions })).toMatchObject({ differences: 0 })
    const hands = unpack(readFileSync(path)).flat().filter(({ output }) => output?.to === 'puppet/b#hand')
    expect(hands).toHaveLength(1)
  })

  it('gives an input between two timers of one instant, where it came in the midst of the work', async () => {
    const orders = [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 0, to: 'puppet/b', text: 'q' }, { after: 31, to: 'puppet/b', text: 'h' }]
    const { path } = await record(dir.path('nested'), { seed, orders, answers: 1, tickAnswered: 'tick 1' })
    const records = unpack(readFileSync(path)).flat()
    expect(records.filter(({ nested }) => nested)).toHaveLength(1)
    // It came before the quiet time was over.
    expect(records.some(({ output }) => output?.to === 'puppet/b#hand')).toBe(false)
    expect(await replay(path, { definitions })).toMatchObject({ differences: 0 })
  })

  it('needs no secrets, and the log has none', async () => {
    expect(Buffer.from(await log()).includes('hunter2')).toBe(false)
  })

  it('compares a torn log up to its last whole record', async () => {
    const path = dir.path('torn')
    await record(path, { seed, orders: manyOrders, answers: 0 })
    const whole = await replay(path, { definitions })
    expect(whole).toMatchObject({ differences: 0, torn: false })
    truncateSync(path, readFileSync(path).length - 10)
    const torn = await replay(path, { definitions })
    expect(torn).toMatchObject({ differences: 0, torn: true, clean: false, ending: 'torn' })
    expect(torn.outputs).toBeGreaterThan(0)
    expect(torn.outputs).toBeLessThan(whole.outputs)
  })

  it('compares a log that ended at its size limit up to there', async () => {
    const path = dir.path('limited')
    await record(path, { seed, orders: manyOrders, answers: 0 }, { maxBytes: 70_000 })
    expect(await replay(path, { definitions })).toMatchObject({ differences: 0, torn: false, clean: true, ending: 'size-limit' })
  })

  it('compares a log without a last record up to wherever it ends', async () => {
    const records = unpack(await log()).flat()
    for (let end = 1; end < records.length; end++) {
      const result = await replay(pack([records.slice(0, end)]), { definitions })
      expect(result).toMatchObject({ differences: 0, torn: false, clean: false, ending: 'cut' })
    }
  })

  it('throws at a damaged block, once what stands before has replayed', async () => {
    const path = dir.path('damaged')
    await record(path, { seed, orders: manyOrders, answers: 0 })
    const bytes = readFileSync(path)
    bytes[bytes.length - 2_000]! ^= 1
    const run = new Replay(bytes, { definitions })
    expect(() => { while (run.step()); }).toThrow(LogCorruptError)
    expect(run.result().outputs).toBeGreaterThan(50)
    await expect(replay(bytes, { definitions })).rejects.toThrow(/damaged in block \d+ at byte \d+, after message \d+/)
  })
})

describe('replay of a log that was altered', () => {
  const diverged = (result: ReplayResult) => {
    expect(result.differences).toBe(1)
    return result.divergence!
  }

  it('stops where one byte of an input leads to another output', async () => {
    let seq = 0
    const bytes = await altered(records => {
      const index = records.findIndex(({ input }) => input?.type === 'TextMessage' && input.to === 'puppet/b' && input.from === 'host')
      // `sldd` becomes `sldp`: one byte.
      records[index]!.input!.body = TextMessage.encode(new TextMessage({ text: 'sldp' })).finish()
      seq = records.slice(index).filter(({ output }) => output?.type === 'LinksChanged' && output.to === 'puppet/b#hand')[1]!.output!.seq
    })
    const found = diverged(await replay(bytes, { definitions }))
    expect(found).toMatchObject({
      kind: 'different', seq, actor: 'puppet/b', state: 'ready',
      expected: { type: 'LinksChanged', to: 'puppet/b#hand' }, got: { type: 'TextMessage', to: 'peer/bob' }
    })
    expect(found.fields.map(({ path }) => path)).toEqual(['to', 'type', 'body.links', 'body.text'])
  })

  it('names the fields of a body that differ, and the state', async () => {
    let seq = 0
    const bytes = await altered(records => {
      const output = records.find(({ output }) => output?.to === 'puppet/a#hand')!.output!
      output.body = Buffer.of(8, 99)
      seq = output.seq
    })
    const found = diverged(await replay(bytes, { definitions }))
    expect(found).toMatchObject({ kind: 'different', seq, actor: 'puppet/a', state: 'ready', fields: [{ path: 'body.links', expected: 99, got: 2 }] })
    expect(formatDivergence(found)).toBe([
      `replay and log differ at message ${seq}, 0.000 s: puppet/a sent something else than recorded`,
      '  actor     puppet/a',
      '  state     "ready"',
      `  expected  ${seq} LinksChanged from puppet/a to puppet/a#hand, because of ${found.got!.cause} {"links":99}`,
      `  got       ${seq} LinksChanged from puppet/a to puppet/a#hand, because of ${found.got!.cause} {"links":2}`,
      '  differs in',
      '    body.links',
      '      expected  99',
      '      got       2'
    ].join('\n'))
  })

  it('finds every output that is dropped', async () => {
    const outputs = unpack(await log()).flat().filter(({ output }) => output != null)
    for (const { output } of outputs) {
      const bytes = await altered(records => {
        records.splice(records.findIndex(record => record.output?.seq === output!.seq), 1)
      })
      const found = diverged(await replay(bytes, { definitions }))
      expect([found.kind, found.seq]).toEqual(['extra', output!.seq])
    }
  })

  it('finds an output that was added', async () => {
    for (const place of [0.2, 0.5, 0.9]) {
      let seq = 0
      const bytes = await altered(records => {
        // Messages between machines are not recorded, so there are free numbers.
        const index = records.findIndex((record, i) => i > records.length * place && seqOf(record) > seqOf(records[i - 1]!) + 1)
        const before = records[index - 1]!
        seq = seqOf(before) + 1
        const time = (before.output ?? before.input)!.time
        records.splice(index, 0, output({ ...before.output ?? before.input!, seq, time, from: 'puppet/a', to: 'host' }))
      })
      const found = diverged(await replay(bytes, { definitions }))
      expect([found.kind, found.seq]).toEqual(['missing', seq])
    }
  })

  it('finds two outputs that changed places', async () => {
    let seq = 0
    const bytes = await altered(records => {
      const index = records.findIndex((record, i) => record.output?.to === 'puppet/a#hand' && records[i + 1]?.output?.to === 'peer/bob')
      const [first, second] = [records[index]!.output!, records[index + 1]!.output!]
      seq = first.seq
      records[index] = output({ ...second, seq: first.seq })
      records[index + 1] = output({ ...first, seq: second.seq })
    })
    expect(diverged(await replay(bytes, { definitions }))).toMatchObject({ kind: 'different', seq })
  })

  it('finds an input at another time, or one too many', async () => {
    const later = await altered(records => {
      const index = records.findIndex(({ input }) => input?.time === 15)
      for (const record of records.slice(index)) (record.input ?? record.output ?? record.stopped)!.time += 1_000
    })
    expect((await replay(later, { definitions })).differences).toBe(1)
    const gone = await altered(records => {
      records.splice(records.findIndex(({ input }) => input?.to === 'puppet/b'), 1)
    })
    expect((await replay(gone, { definitions })).differences).toBe(1)
  })

  it('finds outputs that are missing or too many at the end', async () => {
    const more = await altered(records => {
      const last = records.at(-2)!.output!
      records.splice(-1, 0, output({ ...last, seq: last.seq + 1 }))
    })
    expect(diverged(await replay(more, { definitions }))).toMatchObject({ kind: 'missing' })
    const fewer = await altered(records => { records.splice(-2, 1) })
    expect(diverged(await replay(fewer, { definitions }))).toMatchObject({ kind: 'extra' })
  })

  it('finds a run that did not stop', async () => {
    const bytes = await altered(records => {
      const stop = records.findIndex(({ input }) => input?.type === 'Stop')
      const { time } = records[stop - 1]!.output ?? records[stop - 1]!.input!
      records.splice(stop, records.length, new LogRecord({ stopped: new LogStopped({ time, reason: 'stopped' }) }))
    })
    expect(diverged(await replay(bytes, { definitions }))).toMatchObject({ kind: 'end', actor: 'puppet/a' })
  })

  it('finds an input that is no message any more', async () => {
    let seq = 0
    const bytes = await altered(records => {
      const { input } = records.find(({ input }) => input?.type === 'TextMessage')!
      input!.body = Buffer.of(10, 200)
      seq = input!.seq
    })
    expect(diverged(await replay(bytes, { definitions }))).toMatchObject({ kind: 'input', seq })
  })

  it('passes over the text of an error, which is another on another Node', async () => {
    const text = await altered(records => {
      const { output } = records.find(({ output }) => output?.type === 'ActorFailed')!
      output!.body = Buffer.from(Buffer.from(output!.body).toString('latin1').replace('told to throw', 'asked to fail'), 'latin1')
    })
    expect((await replay(text, { definitions })).differences).toBe(0)
    const address = await altered(records => {
      const { output } = records.find(({ output }) => output?.type === 'ActorFailed')!
      output!.body = Buffer.from(Buffer.from(output!.body).toString('latin1').replace('puppet/', 'poppet/'), 'latin1')
    })
    expect(diverged(await replay(address, { definitions }))).toMatchObject({ kind: 'different', got: { type: 'ActorFailed' } })
  })
})

describe('replay with other definitions', () => {
  it('says which kind is unknown, and how to give it', async () => {
    await expect(replay(await log(), { definitions: [] })).rejects.toThrow(UnknownKindError)
    await expect(replay(await log(), { definitions: [] })).rejects.toThrow(/'puppet'.*definitions: \[/)
  })

  it('refuses a kind of another version', async () => {
    await expect(replay(await log(), { definitions: [{ ...puppet, version: 2 }] })).rejects.toThrow(KindVersionError)
  })

  it('starts from the options that were recorded, not from the defaults of today', async () => {
    expect((await replay(await log(), { definitions: [{ ...puppet, options: { step: 11 } }] })).differences).toBe(0)
  })

  it('names a message type that it does not know', async () => {
    const bytes = await altered(records => { records.find(({ input }) => input != null)!.input!.type = 'chat.v1.Say' })
    await expect(replay(bytes, { definitions })).rejects.toThrow(/chat\.v1\.Say.*messages: \[/)
  })

  it('refuses a header whose options are not JSON', async () => {
    const [[head]] = unpack(await log()) as [[LogRecord]]
    const actors = [new LogActor({ kind: 'puppet', id: 'a', version: 1, options: '[' })]
    const bytes = pack([[new LogRecord({ header: new LogHeader({ ...head.header!, actors }) })]])
    await expect(replay(bytes, { definitions })).rejects.toThrow(LogCorruptError)
    expect(specs).toHaveLength(2)
  })
})

function output(fields: object): LogRecord {
  return new LogRecord({ output: fields as NonNullable<LogRecord['output']> })
}

function seqOf(record: LogRecord): number {
  return (record.input ?? record.output)?.seq ?? Infinity
}
