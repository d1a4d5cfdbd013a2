import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { assign, setup } from 'xstate'
import { defineActor, type ActorDefinition } from '../../../actors/seam/index.ts'
import { publish, type MachineInput, type Outgoing } from '../../../machines/publish.ts'
import { Checkpoint, TextMessage, type EventOf } from '../../../proto/index.ts'
import { Kernel, type Tap } from '../../../runtime/kernel/index.ts'
import { checkCommand, followLog, showCommand, type LogEntry, type LogItem } from '../../../runtime/log/index.ts'
import { atCommand, diffCommand, traceCommand } from '../../../runtime/log/inspect-commands.ts'
import {
  actorsAt, assertPath, compareMachines, cutLog, diffLogs, formatDifferences, logHeader, logMatchers, LogWriter, NoSuchMessageError, readLog, RestoreError,
  statesOf, traceLog, walk
} from '../../../runtime/testing/index.ts'
import { checkpointOf, streams, until } from './kept.ts'
import { puppet, seed, specs } from './puppet.ts'
import { pack, scratch, unpack } from './samples.ts'

expect.extend(logMatchers)

const dir = scratch()
const options = { definitions: [puppet] }
const turn = () => new Promise(resolve => setImmediate(resolve))

interface Kept {
  readonly path: string
  /** The same run, recorded from its start. */
  readonly whole: string
  readonly checkpoint: Checkpoint
}

type Actors = ConstructorParameters<typeof Kernel>[0]['actors']

/** Records a run twice: all of it, and its last part. */
async function keep(name: string, actors: Actors, ms: number, play: (kernel: Kernel) => AsyncIterable<void>): Promise<Kept> {
  const header = logHeader({ seed, actors, wallTime: 1_700_000_000_000, peerId: 'p', name: 'ada' })
  const whole = new LogWriter(dir.path(`${name}-whole`), header)
  const path = dir.path(name)
  const kept = new LogWriter(path, header, { keep: { ms, checkpoint: () => kernel.checkpoint() }, maxOpenMs: 1, onWarning: ({ message }) => { throw new Error(message) } })
  const tap: Tap = {
    input: (envelope, nested) => { for (const each of [whole, kept]) each.input(envelope, nested) },
    output: envelope => { for (const each of [whole, kept]) each.output(envelope) },
    stopped: time => { for (const each of [whole, kept]) each.stopped(time) },
    idle: () => kept.idle()
  }
  const kernel: Kernel = new Kernel({ seed, actors, tap, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
  kernel.start()
  for await (const _ of play(kernel)) await kept.flush()
  await Promise.all([whole.close(), kept.close()])
  const checkpoint = checkpointOf(path)
  if (checkpoint === undefined) throw new Error('nothing was dropped')
  return { path, whole: whole.path, checkpoint }
}

/** a waits again and again, most of all while a checkpoint is taken; b and its child do nothing any more. */
async function* waiting(kernel: Kernel, rounds = 40): AsyncGenerator<void> {
  kernel.input(new TextMessage({ text: 'shq' }), { from: 'host', to: 'puppet/b' })
  for (let round = 0; round < rounds; round++) {
    kernel.advanceTo(kernel.clock.now() + 40)
    kernel.input(new TextMessage({ text: 'hl' }), { from: 'host', to: 'puppet/a' })
    kernel.advanceTo(kernel.clock.now() + 60)
    kernel.input(new TextMessage({ text: 'w' }), { from: 'host', to: 'puppet/a' })
    yield
    await turn()
  }
  kernel.stop('done')
}

const logged = (path: string | Uint8Array) => [...readLog(path)]
const after = (seq: number) => (entry: LogEntry) => entry.kind === 'stopped' || entry.envelope.seq > seq

let run: Kept
beforeAll(async () => { run = await keep('run', specs, 200, waiting) })

describe('a log that begins at a checkpoint', () => {
  it('says so at once, and what follows is the last part of the whole', () => {
    const reader = readLog(run.path)
    expect(reader.checkpoint).toEqual(run.checkpoint)
    reader.close()
    expect(run.checkpoint.time).toBeGreaterThan(3_000)
    expect(run.checkpoint.timers.map(({ owner }) => owner)).toContain('puppet/a')
    expect(logged(run.path)).toEqual(logged(run.whole).filter(after(run.checkpoint.seq)))
  })

  it('says so in log show and log check', async () => {
    const { out, err } = streams()
    expect(await showCommand(run.path, { out, err }, { types: ['Nothing'] })).toBe(0)
    const seconds = run.checkpoint.time / 1000
    expect(out.text.split('\n').slice(3, 5)).toEqual([`# begins at ${seconds.toFixed(1)} s, from a checkpoint of 3 actors`, expect.stringMatching(/∎ stopped$/)])
    const json = streams()
    await showCommand(run.path, json, { json: true })
    expect(JSON.parse(json.out.text.split('\n')[1]!)).toEqual({ kind: 'checkpoint', time: run.checkpoint.time, seq: run.checkpoint.seq, actors: 3 })
    const checked = streams()
    expect(await checkCommand(run.path, checked)).toBe(0)
    expect(checked.out.text).toMatch(new RegExp(`^\\d+ inputs and \\d+ outputs in 0\\.\\d{3} s from ${seconds.toFixed(3)} s on, where it begins at a checkpoint; ends with the run\n$`))
  })

  it('is walked from every actor that ran then', () => {
    const steps = [...walk(run.path, options)]
    expect(steps.slice(0, 4).map(({ kind, restored, actor, after, before, time, seq }) => [restored ? 'restored' : kind, actor, after, before, time, seq])).toEqual([
      ['restored', 'puppet/a', 'waiting', undefined, run.checkpoint.time, 0],
      ['restored', 'puppet/b', 'ready', undefined, run.checkpoint.time, 0],
      ['restored', 'puppet/b-c', 'ready', undefined, run.checkpoint.time, 0],
      ['timer', 'puppet/a', 'ready', 'waiting', run.checkpoint.timers.find(({ owner }) => owner === 'puppet/a')!.due, 0]
    ])
    expect(steps[3]!.origin).toBe(0)
    const known = steps.slice(4).filter(({ kind, actor }) => kind === 'timer' && actor === 'puppet/a')
    expect(known.length).toBeGreaterThan(0)
    for (const { origin } of known) expect(origin).toBeGreaterThan(run.checkpoint.seq)
  })

  it('shows every actor of a moment as the whole log does, those that have not moved since too', async () => {
    const seqs = logged(run.path).flatMap(entry => (entry.kind === 'stopped' ? [] : [entry.envelope.seq]))
    const plain = (path: string, seq: number) => actorsAt(path, seq, options).map(({ address, state, context, lastSeq }) => ({ address, state, context, lastSeq }))
    for (const seq of [seqs[0]!, seqs[5]!, seqs.at(-1)!]) expect(plain(run.path, seq)).toEqual(plain(run.whole, seq))
    const early = actorsAt(run.path, seqs[5]!, options)
    expect(early.map(({ address, since }) => [address, since === undefined])).toEqual([['puppet/a', false], ['puppet/b', true], ['puppet/b-c', true]])
    const { out, err } = streams()
    expect(await atCommand(run.path, seqs[5]!, { out, err }, { ...options, actor: 'puppet/b' })).toBe(0)
    expect(out.text).toMatch(/^puppet\/b +ready +since before the log, last message \d+\n/)
  })

  it('has no message from before, and says where it begins', async () => {
    expect(() => actorsAt(run.path, 5, options)).toThrow(NoSuchMessageError)
    const { out, err } = streams()
    expect(await traceCommand(run.path, 5, { out, err }, options)).toBe(1)
    expect(err.text).toContain(`there is no message 5: the log begins after message ${run.checkpoint.seq};`)
  })

  it('traces as far back as it goes', async () => {
    const [first] = logged(run.path)
    if (first?.kind !== 'output') throw new Error('the timer that was set before has said nothing')
    expect(traceLog(run.path, first.envelope.seq, options).map(({ type, earlier, byTimer }) => [type, earlier, byTimer])).toEqual([['TextMessage', true, false]])
    const { out, err } = streams()
    await traceCommand(run.path, first.envelope.seq, { out, err }, options)
    expect(out.text).toMatch(/^ +… a timer that was set before the log begins\n.*tick/s)
    for (const entry of logged(run.path)) {
      if (entry.kind === 'stopped' || entry.envelope.seq % 3 !== 0) continue
      const { seq } = entry.envelope
      const [part, all] = [traceLog(run.path, seq, options), traceLog(run.whole, seq, options)]
      expect(part.map(step => step.seq)).toEqual(all.map(step => step.seq).filter(each => each > run.checkpoint.seq))
      expect(part[0]!.earlier).toBe(part.length < all.length)
    }
  })

  it('tells a message from before as a cause', async () => {
    const [records, seq] = [unpack(readFileSync(run.path)).flat(), run.checkpoint.seq]
    const input = records.find(record => record.input != null)!.input!
    input.cause = seq - 1
    const { out, err } = streams()
    writeFileSync(dir.path('caused'), pack([records]))
    expect(await traceCommand(dir.path('caused'), input.seq!, { out, err }, options)).toBe(0)
    expect(out.text).toContain(`… message ${seq - 1}, which came before the log begins`)
  })

  it('is cut to an actor, from the checkpoint on', () => {
    const a = { ...options, actor: 'puppet/a' }
    const [part, all] = [cutLog(run.path, a), cutLog(run.whole, a)]
    expect(part.checkpoint).toEqual(run.checkpoint)
    expect(all.checkpoint).toBeUndefined()
    expect(part.inputs).toEqual(all.inputs.filter(after(run.checkpoint.seq)))
    expect(part.inputs.length).toBeGreaterThan(1)
  })

  it('tells the path of an actor from the state in which it finds it', () => {
    const a = { ...options, actor: 'puppet/a' }
    const [part, all] = [statesOf(run.path, a), statesOf(run.whole, a)]
    expect(part[0]).toEqual({ state: 'waiting', time: run.checkpoint.time, seq: 0, type: '(start)' })
    expect(part.slice(1)).toEqual(all.slice(1 - part.length))
    assertPath(run.path, ['ready'], { ...options, actor: 'puppet/b-c' })
  })

  it('is judged by the matchers', async () => {
    await expect(run.path).toReplay(options)
    await expect(readLog(run.path)).toReplay(options)
    expect(run.path).toReach('puppet/a', ['waiting', 'ready', 'waiting'], options)
    expect(run.path).toReach('puppet/b-c', 'ready', options)
    expect(run.path).not.toReach('puppet/b', 'waiting', options)
    expect(run.path).toNever({ actor: 'puppet/b', state: 'waiting' }, options)
    expect(run.path).not.toNever({ actor: 'puppet/b-c', state: 'ready' }, options)
    const [head, ...rest] = unpack(readFileSync(run.path)).flat()
    rest.find(({ output }) => output?.to === 'host')!.output!.to = 'peer/eve'
    await expect(pack([[head!, ...rest]])).not.toReplay(options)
  })
})

describe('two logs that begin at different times', () => {
  it('are compared from the later begin on', async () => {
    expect(diffLogs(run.whole, run.path)).toMatchObject({ same: true, begins: [{ time: 0, seq: 0 }, { time: run.checkpoint.time, seq: run.checkpoint.seq }] })
    const { out, err } = streams()
    expect(await diffCommand(run.path, run.whole, { out, err })).toBe(0)
    expect(out.text).toMatch(/^one begins at 3\.\d{3} s, the other at 0\.000 s: compared from 3\.\d{3} s on\nthe same, \d+ records\n$/)
    const [head, ...rest] = unpack(readFileSync(run.path)).flat()
    const changed = rest.findLast(({ output }) => output?.to === 'host')!.output!
    changed.to = 'peer/eve'
    expect(diffLogs(run.whole, pack([[head!, ...rest]]))).toMatchObject({ same: false, first: { fields: [{ path: 'to', expected: 'host', got: 'peer/eve' }] } })
  })

  it('have nothing in common where one has ended by then', () => {
    const early = unpack(readFileSync(run.whole)).flat().slice(0, 20)
    expect(diffLogs(pack([early]), run.path)).toMatchObject({ same: false, common: 0, first: { a: undefined } })
  })

  it('are compared by their checkpoints where they begin at the same', () => {
    const records = unpack(readFileSync(run.path)).flat()
    const { checkpoint } = records[1]!
    checkpoint!.actors![1]!.incarnation = 7
    expect(diffLogs(run.path, pack([records]))).toMatchObject({ same: false, header: [{ path: 'checkpoint.actors.1.incarnation', got: 7 }] })
    expect(diffLogs(run.path, run.path)).toMatchObject({ same: true, header: [] })
  })
})

/** Counts texts, and says how many after 100 ms, endlessly so. */
function counter({ version = 1, every = 1, total = false, state = 'counting', answer = true, loud = true } = {}): ActorDefinition {
  return defineActor({
    kind: 'counter', version, options: {},
    machine: setup({
      types: {} as { context: { count: number; total?: number }; events: EventOf<'TextMessage'>; input: MachineInput; emitted: Outgoing },
      actions: {
        count: assign({ count: ({ context }) => context.count + every }),
        says: publish(({ context }: { context: { count: number } }) => ['host', new TextMessage({ text: String(context.count) })])
      }
    }).createMachine({
      context: { count: 0, ...total && { total: 0 } }, initial: state,
      states: { [state]: { on: { TextMessage: { actions: answer ? ['count', 'says'] : ['count'] } }, after: { 100: { target: state, reenter: true, actions: loud ? 'says' : [] } } } }
    })
  })
}

describe('a log that begins at a checkpoint, fed to changed machines', () => {
  let counted: Kept
  beforeAll(async () => {
    counted = await keep('counted', [{ definition: counter() }], 500, async function* (kernel) {
      for (let n = 0; n < 50; n++) {
        kernel.advanceTo(kernel.clock.now() + 70)
        kernel.input(new TextMessage({ text: 'count' }), { from: 'host', to: 'counter/main' })
        yield
        await turn()
      }
    })
  })
  const compared = (definition: ActorDefinition) => compareMachines(counted.path, { definitions: [definition] })

  it('shows no difference where none has changed', async () => {
    expect(formatDifferences(await compareMachines(run.path, options))).toMatch(/^no differences: \d+ outputs are the same$/)
    expect(formatDifferences(await compared(counter()))).toMatch(/^no differences: \d+ outputs are the same$/)
  })

  it('starts them in the recorded states and contexts, of whatever version they are', async () => {
    const { count } = actorsAt(counted.path, counted.checkpoint.seq + 1, { definitions: [counter()] })[0]!.context as { count: number }
    expect(count).toBeGreaterThan(10)
    const { differences, same } = await compared(counter({ version: 2, answer: false }))
    expect(same).toBeGreaterThan(3)
    expect(new Set(differences.map(({ kind }) => kind))).toEqual(new Set(['missing']))
    const faster = await compared(counter({ every: 2 }))
    const texts = faster.differences[0]!.fields.map(({ expected, got }) => Number(got) - Number(expected))
    expect(texts).toEqual([1])
  })

  it('says by name what does not fit: a state that is gone, and a key that the context has gained', async () => {
    await expect(compared(counter({ state: 'adding' }))).rejects.toThrow(RestoreError)
    await expect(compared(counter({ state: 'adding' }))).rejects.toThrow(/counting/)
    await expect(compared(counter({ total: true }))).rejects.toThrow(RestoreError)
    await expect(compared(counter({ total: true }))).rejects.toThrow(/counter\/main was recorded without context\.total, .* without --keep/)
  })

  it('is given up when it is told to, however far away a time the log claims', async () => {
    const records = unpack(readFileSync(counted.path)).flat()
    const last = records.at(-1)!.stopped!
    last.time = Number.MAX_SAFE_INTEGER
    const signal = AbortSignal.timeout(200)
    await expect(compareMachines(pack([records]), { definitions: [counter({ loud: false })], signal, maxDifferences: 1e9 })).rejects.toThrow(/timeout/)
  })
})

describe('log show --follow of a log of which the last part is kept', () => {
  it('goes on in the file that takes its place, and gives every entry once', async () => {
    const path = dir.path('followed')
    const items: LogItem[] = []
    let following: Promise<void> | undefined
    const { whole } = await keep('followed', specs, 200, async function* (kernel) {
      yield
      following ??= (async () => { for await (const item of followLog(path, { pollMs: 1 })) items.push(item) })()
      let seen = 0
      for await (const _ of waiting(kernel, 60)) {
        yield
        // A reader that keeps up loses nothing.
        await until(() => items.length > seen)
        seen = items.length
      }
    })
    await following
    expect(items[0]!.kind).toBe('header')
    expect(items.slice(1)).toEqual(logged(whole))
  })

  it('says where it goes on when something was dropped unread, and ends where another log takes the place', async () => {
    const path = dir.path('replaced')
    const head = unpack(readFileSync(run.whole)).flat()
    writeFileSync(path, pack([head.slice(0, 10)]))
    const { out, err } = streams()
    const replace = (bytes: Uint8Array) => {
      writeFileSync(`${path}.next`, bytes)
      renameSync(`${path}.next`, path)
    }
    const shown = showCommand(path, { out, err }, { follow: true, pollMs: 1, width: 100 })
    await until(() => out.text.split('\n').length > 10)
    const records = unpack(readFileSync(run.path)).flat()
    replace(pack([records.slice(0, -1)]))
    await until(() => out.text.includes('goes on') && out.text.split('\n').length > 20)
    replace(pack([unpack(readFileSync(dir.path('counted'))).flat()]))
    expect(await shown).toBe(0)
    const lines = out.text.trim().split('\n')
    expect(lines.filter(line => line.startsWith('#')).slice(3)).toEqual([`# goes on at ${(run.checkpoint.time / 1000).toFixed(1)} s, from a checkpoint of 3 actors`])
    expect(lines).toHaveLength(3 + 9 + 1 + records.length - 3 - records.slice(2).filter(({ checkpoint }) => checkpoint != null).length)
    expect(err.text).toBe('')
  })
})
