import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { TextMessage, type CheckpointActor } from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { LogFileError, LogWriter, logHeader, readLog, type LogWarning, type LogWriterOptions } from '../../../runtime/log/index.ts'
import { moveLog } from '../../../runtime/log/file.ts'
import { Segments } from '../../../runtime/log/segments.ts'
import { actorsAt, compareMachines, formatDifferences, logMatchers, replay, statesOf } from '../../../runtime/testing/index.ts'
import { manyOrders, puppet, seed, specs } from './puppet.ts'
import { until } from './kept.ts'
import { scratch } from './samples.ts'

expect.extend(logMatchers)

const dir = scratch()
const definitions = [puppet]
const turn = () => new Promise(resolve => setImmediate(resolve))

interface Run {
  readonly path: string
  readonly kernel: Kernel
  readonly writer: LogWriter
  readonly warnings: LogWarning[]
  /** Gives orders, and lets the disk have its turn now and then. */
  go(rounds: number, look?: (round: number) => void | Promise<void>): Promise<void>
}

function begin(name: string, keep: Omit<NonNullable<LogWriterOptions['keep']>, 'checkpoint'>, options: Omit<LogWriterOptions, 'keep'> & { checkpoint?: () => never } = {}): Run {
  const path = dir.path(name)
  const warnings: LogWarning[] = []
  const { checkpoint = () => kernel.checkpoint(), ...rest } = options
  const writer = new LogWriter(path, logHeader({ seed, actors: specs, wallTime: 1_700_000_000_000, peerId: 'p', name: 'ada' }), {
    keep: { ...keep, checkpoint }, onWarning: warning => warnings.push(warning), ...rest
  })
  const kernel: Kernel = new Kernel({ seed, actors: specs, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
  kernel.start()
  return {
    path, kernel, writer, warnings,
    async go(rounds, look) {
      for (let round = 0; round < rounds; round++) {
        for (const { after, to, text } of manyOrders.slice(0, 200)) {
          kernel.advanceTo(kernel.clock.now() + after)
          kernel.input(new TextMessage({ text }), { from: 'host', to })
        }
        await turn()
        await look?.(round)
      }
    }
  }
}

async function replays(log: string | Uint8Array) {
  const result = await replay(log, { definitions })
  expect(result.divergence).toBeUndefined()
  expect(result.inputs).toBeGreaterThan(0)
  return result
}

describe('a log of which the last part is kept', () => {
  it('is a whole log of no more than that size at any moment, and replays', async () => {
    const bytes = 128 * 1024
    const run = begin('sized', { bytes })
    const before = readdirSync(dir.path('.')).length
    let later = 0
    await run.go(60, async round => {
      // This run is much faster than any peer's: the disk is given the time to follow.
      let { size } = statSync(run.path)
      await until(() => (size = statSync(run.path).size) <= bytes)
      expect(size).toBeLessThanOrEqual(bytes)
      expect(statSync(run.path).mode & 0o777).toBe(0o600)
      if (round % 10 !== 9) return
      await run.writer.flush()
      const copy = readFileSync(run.path)
      await replays(copy)
      const log = readLog(copy)
      for (const _entry of log);
      if ((log.checkpoint?.time ?? 0) > later) later = log.checkpoint!.time
    })
    expect(later).toBeGreaterThan(run.kernel.clock.now() / 2)
    await run.writer.close()
    expect(run.warnings).toEqual([])
    expect((await replays(run.path)).ending).toBe('closed')
    expect(statSync(run.path).size).toBeGreaterThan(bytes / 4)
    expect(readdirSync(dir.path('.'))).toHaveLength(before)
  })

  it('holds at least that time, and half as much again at most', async () => {
    const run = begin('timed', { ms: 4_000 })
    await run.go(30)
    await run.writer.close()
    const { durationMs, outputs } = await replays(run.path)
    expect(outputs).toBeGreaterThan(100)
    expect(durationMs).toBeGreaterThan(3_900)
    // A segment begins when the core is next idle after its time.
    expect(durationMs).toBeLessThan(6_500)
    expect(run.kernel.clock.now()).toBeGreaterThan(20_000)
  })

  it('can be looked into from its beginning, where actors run already', async () => {
    const run = begin('seen', { ms: 2_000 })
    await run.go(12)
    await run.writer.close()
    const log = readLog(run.path)
    const seqs = [...log].flatMap(entry => entry.kind === 'stopped' ? [] : [entry.envelope.seq])
    const { time, actors } = log.checkpoint!
    const running = (actors as CheckpointActor[]).filter(({ launched }) => launched > 0)
    expect(running.length).toBeGreaterThanOrEqual(2)
    expect(actorsAt(run.path, seqs[0]!, { definitions }).map(({ address }) => address)).toEqual(expect.arrayContaining(running.map(({ kind, id }) => `${kind}/${id}`)))
    for (const { kind, id, value } of running) {
      const state = JSON.parse(value) as string
      expect(statesOf(run.path, { definitions, actor: `${kind}/${id}` })[0]).toEqual({ state, time, seq: 0, type: '(start)' })
      expect(run.path).toReach(`${kind}/${id}`, state, { definitions })
    }
    expect(formatDifferences(await compareMachines(run.path, { definitions }))).toMatch(/^no differences: \d\d+ outputs are the same$/)
    const other = await compareMachines(run.path, { definitions: [{ ...puppet, version: 2 }] })
    expect(other.differences.map(({ fields }) => fields.map(({ path }) => path).join())).toEqual(other.differences.map(() => 'body.version'))
    expect(other.same).toBeGreaterThan(100)
  })

  it('is whole after the process ended in the midst, with what waited in memory', async () => {
    const run = begin('crashed', { bytes: 128 * 1024 }, { maxOpenMs: 1e6 })
    let told = 0
    await run.go(20, async round => {
      if (round !== 12) return
      // A block is under way, and others wait.
      run.writer.flushNow()
      const log = readFileSync(run.path)
      for (const entry of readLog(log)) if (entry.kind !== 'stopped') told = entry.envelope.seq
      expect(told).toBe(run.kernel.nextSeq - 1)
      await replays(log)
    })
    expect(told).toBeGreaterThan(0)
    await run.writer.close()
  })

  it('ends in order right after a checkpoint that was taken later than its last message', async () => {
    const run = begin('late', { ms: 100 })
    await run.go(1)
    run.kernel.advanceTo(run.kernel.clock.now() + 5_000)
    await run.writer.close()
    expect((await replays(run.path)).ending).toBe('closed')
  })

  it('has segments that are longer than a large checkpoint, and no end for all that', () => {
    const segments = new Segments({ bytes: 4_000 }, 0)
    expect([segments.due(999, 0), segments.due(1_000, 0)]).toEqual([false, true])
    expect(segments.begin(1_000, 5, 10_000)).toBe(0)
    expect([segments.bytes, segments.due(40_999, 5), segments.due(41_000, 5)]).toEqual([40_000, false, true])
    expect(segments.begin(41_000, 6, 10)).toBe(0)
    expect(segments.begin(42_000, 7, 10)).toBe(1_000)
    expect(segments.begin(43_000, 8, 10)).toBe(41_000)
  })

  it('is copied as it is, while it goes on', async () => {
    const run = begin('copied', { bytes: 128 * 1024 })
    const copies: { path: string; seq: number; done: Promise<void> }[] = []
    await run.go(20, round => {
      if (round % 4 !== 3) return
      const path = dir.path(`copied-${round}`)
      copies.push({ path, seq: run.kernel.nextSeq - 1, done: run.writer.copyTo(path) })
    })
    for (const { path, seq, done } of copies) {
      await done
      await replays(path)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      let last = 0
      for (const entry of readLog(path)) if (entry.kind !== 'stopped') last = entry.envelope.seq
      expect(last).toBeGreaterThanOrEqual(seq - 30)
    }
    expect(copies).toHaveLength(5)
    await expect(run.writer.copyTo(dir.path('no/such/folder'))).rejects.toThrow(LogFileError)
    await run.writer.close()
    await replays(run.path)
  })

  it('goes on without checkpoints where none can be taken, and says so once', async () => {
    const run = begin('unable', { bytes: 128 * 1024 }, { checkpoint: () => { throw new Error('puppet/a cannot be put into a checkpoint: context.rows is a Map') } })
    await run.go(40)
    expect(run.warnings).toEqual([{ code: 'no-checkpoint', message: expect.stringContaining('puppet/a cannot be put into a checkpoint: context.rows is a Map') }])
    await run.writer.close()
    expect(statSync(run.path).size).toBeGreaterThan(256 * 1024)
    expect((await replays(run.path)).durationMs).toBe(run.kernel.clock.now())
  })

  it('tries again where the disk could not take the shorter log, and says so', async () => {
    const run = begin('unshortened', { bytes: 128 * 1024 })
    // A folder in its way.
    mkdirSync(`${run.path}.next`)
    await run.go(20)
    await run.writer.flush()
    expect(run.warnings.map(({ code }) => code)).toEqual(['not-shortened'])
    const long = statSync(run.path).size
    expect(long).toBeGreaterThan(128 * 1024)
    rmdirSync(`${run.path}.next`)
    await run.go(20)
    await run.writer.close()
    expect(statSync(run.path).size).toBeLessThan(long)
    await replays(run.path)
  })
})

describe('a log that makes room for another', () => {
  it('is moved, in place of an older one, and nothing but a log is', () => {
    const [path, older] = [dir.path('room'), dir.path('room.1')]
    moveLog(path, older)
    expect(existsSync(older)).toBe(false)
    const log = readFileSync(dir.path('copied'))
    writeFileSync(path, log)
    moveLog(path, older)
    expect([existsSync(path), existsSync(older)]).toEqual([false, true])
    writeFileSync(path, 'a letter')
    expect(() => moveLog(path, older)).toThrow(LogFileError)
    writeFileSync(path, log)
    writeFileSync(older, 'a letter')
    expect(() => moveLog(path, older)).toThrow(LogFileError)
    expect(readFileSync(older, 'utf8')).toBe('a letter')
  })
})
