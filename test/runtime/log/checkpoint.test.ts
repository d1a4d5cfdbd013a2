import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Checkpoint } from '../../../proto/index.ts'
import { readLog } from '../../../runtime/log/index.ts'
import { replaySuffixes, type RecordedRun } from '../../support/suffixes.ts'
import { orders, puppet, record, seed, type Play } from './puppet.ts'
import { scratch } from './samples.ts'

const dir = scratch()
const definitions = [puppet]

async function recorded(name: string, play: Play): Promise<RecordedRun> {
  await record(dir.path(name), play)
  const reader = readLog(dir.path(name))
  return { header: reader.header, entries: [...reader] }
}

describe('a checkpoint', () => {
  it('lets every suffix of a run replay, with failures, restarts, timers and dead letters in it', async () => {
    const run = await recorded('whole', { seed, orders })
    const taken = replaySuffixes(run, { definitions, at: () => true }).map(bytes => Checkpoint.decode(bytes))
    expect(taken.length).toBeGreaterThan(12)
    expect(taken.some(({ actors }) => actors.some(({ launched }) => launched === 0))).toBe(true)
    expect(taken.some(({ held }) => held.length > 0)).toBe(true)
    for (const what of ['system restart', 'system dead-letter', 'puppet/']) {
      expect(taken.some(({ timers }) => timers.some(({ owner }) => owner!.startsWith(what)))).toBe(true)
    }
  })

  it('lets every suffix of any run replay', async () => {
    let runs = 0
    const order = fc.record({
      after: fc.oneof(fc.constantFrom(0, 30), fc.integer({ min: 0, max: 40 }), fc.constant(500)),
      to: fc.constantFrom('puppet/a', 'puppet/a', 'puppet/b', 'puppet/a-c', 'puppet/b-c', 'puppet/a-c-c'),
      text: fc.string({ unit: fc.constantFrom(...'aadddprhlslkcwq', 'x', 'f'), maxLength: 6 })
    })
    await fc.assert(fc.asyncProperty(
      fc.array(order, { maxLength: 40 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), fc.nat(60),
      async (orders, seed, stop, answers) => {
        replaySuffixes(await recorded(`any-${runs++ % 4}`, { seed, orders, stop, answers }), { definitions, at: moment => moment % 7 === 3 })
      }
    ), { numRuns: 100 })
  })
})
