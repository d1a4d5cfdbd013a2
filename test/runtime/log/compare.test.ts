import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { assign, setup } from 'xstate'
import { defineActor, type ActorDefinition } from '../../../actors/seam/index.ts'
import { publish, type MachineInput, type Outgoing } from '../../../machines/publish.ts'
import { LinksChanged, TextMessage, type EventOf } from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { compareMachines, formatDifferences, logHeader, LogWriter, UnknownKindError } from '../../../runtime/testing/index.ts'
import { manyOrders, orders, puppet, record, seed, type Play } from './puppet.ts'
import { scratch } from './samples.ts'

const dir = scratch()
const definitions = [puppet]

interface Counts { count: number }

/** Counts what it hears and says so after a while; `every` is what a change of code changes. */
function counter({ every = 1, delayMs = 100, version = 1, alsoTell = false } = {}): ActorDefinition {
  return defineActor({
    kind: 'counter', version, options: {},
    drivers: { bell: () => ({ receive() {} }) },
    machine: setup({
      types: {} as { context: Counts; events: EventOf<'TextMessage'>; input: MachineInput; emitted: Outgoing },
      actions: {
        count: assign({ count: ({ context }) => context.count + every }),
        says: publish(({ context }: { context: Counts }) => ['counter/main#bell', new LinksChanged({ links: context.count })]),
        tell: publish(() => ['host', new TextMessage({ text: 'heard' })])
      }
    }).createMachine({
      context: { count: 0 }, initial: 'idle',
      states: {
        idle: { on: { TextMessage: { target: 'ringing', actions: alsoTell ? ['count', 'tell'] : ['count'] } } },
        ringing: { after: { [delayMs]: { target: 'idle', actions: 'says' } } }
      }
    })
  })
}

async function counted(name: string, definition: ActorDefinition, times: readonly number[]): Promise<string> {
  const actors = [{ definition }]
  const writer = new LogWriter(dir.path(name), logHeader({ seed, actors, wallTime: 0, peerId: 'p', name: 'ada' }))
  const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
  kernel.start()
  for (const time of times) {
    kernel.advanceTo(time)
    kernel.input(new TextMessage({ text: 'count' }), { from: 'host', to: 'counter/main' })
  }
  kernel.advanceTo(times.at(-1)! + 500)
  kernel.stop('done')
  await writer.close()
  return writer.path
}

describe('a log fed to machines that have not changed', () => {
  it('shows no difference, whatever drivers answered at once', async () => {
    const { path } = await record(dir.path('same'), { seed, orders })
    const result = await compareMachines(path, { definitions })
    expect(formatDifferences(result)).toMatch(/^no differences: \d\d+ outputs are the same$/)
  })

  it('shows none in any run', async () => {
    let runs = 0
    const order = fc.record({
      after: fc.constantFrom(0, 10, 30, 500), to: fc.constantFrom('puppet/a', 'puppet/b', 'puppet/a-c'),
      text: fc.string({ unit: fc.constantFrom(...'aadddprhlslkcwq', 'x'), maxLength: 6 })
    })
    await fc.assert(fc.asyncProperty(fc.array(order, { maxLength: 20 }), fc.boolean(), fc.nat(60), async (list, stop, answers) => {
      const path = dir.path(`any-${runs++ % 4}`)
      await record(path, { seed, orders: list, stop, answers } satisfies Play)
      const result = await compareMachines(path, { definitions })
      if (result.differences.length > 0) throw new Error(formatDifferences(result))
    }), { numRuns: 60 })
  })
})

describe('a log fed to a changed machine', () => {
  it('tells every output that has changed, and goes on after the first', async () => {
    const path = await counted('every', counter(), [0, 200, 400])
    const result = await compareMachines(path, { definitions: [counter({ every: 2 })] })
    expect(result.differences.map(({ kind, actor, state, time, fields }) => ({ kind, actor, state, time, fields }))).toEqual([1, 2, 3].map(n => ({
      kind: 'changed', actor: 'counter/main', state: 'idle', time: 200 * n - 100, fields: [{ path: 'body.links', expected: n, got: 2 * n }]
    })))
    expect(formatDifferences(result)).toBe([
      `3 differences: 0 missing, 0 added, 3 changed; ${result.same} outputs are the same`,
      'counter/main',
      `  ~ 0.100 s  message ${result.differences[0]!.seq}  in idle  LinksChanged to counter/main#bell`, '      body.links: 1 → 2',
      `  ~ 0.300 s  message ${result.differences[1]!.seq}  in idle  LinksChanged to counter/main#bell`, '      body.links: 2 → 4',
      `  ~ 0.500 s  message ${result.differences[2]!.seq}  in idle  LinksChanged to counter/main#bell`, '      body.links: 3 → 6'
    ].join('\n'))
  })

  it('tells what is added, without calling what follows it changed', async () => {
    const path = await counted('tell', counter(), [0, 200])
    const result = await compareMachines(path, { definitions: [counter({ alsoTell: true })] })
    expect(result.differences.map(({ kind, got, time }) => [kind, got?.type, got?.to, time])).toEqual([['added', 'TextMessage', 'host', 0], ['added', 'TextMessage', 'host', 200]])
    expect(result.same).toBeGreaterThan(2)
  })

  it('tells what is missing, and what comes at another time', async () => {
    const path = await counted('told', counter({ alsoTell: true }), [0, 300])
    const missing = await compareMachines(path, { definitions: [counter()] })
    expect(missing.differences.map(({ kind, expected }) => [kind, expected?.type])).toEqual([['missing', 'TextMessage'], ['missing', 'TextMessage']])
    const later = await compareMachines(path, { definitions: [counter({ alsoTell: true, delayMs: 150 })] })
    expect(later.differences.map(({ kind, fields }) => [kind, fields])).toEqual([100, 400].map(time => ['changed', [{ path: 'time', expected: time, got: time + 50 }]]))
  })

  it('takes another version of a definition, and refuses a kind that it was not given', async () => {
    const path = await counted('version', counter(), [0])
    expect((await compareMachines(path, { definitions: [counter({ version: 2 })] })).differences.map(({ kind, fields }) => [kind, fields])).toEqual(
      [['changed', [{ path: 'body.version', expected: 1, got: 2 }]]])
    await expect(compareMachines(path, { definitions: [] })).rejects.toThrow(UnknownKindError)
  })

  it('stops at its limit', async () => {
    const { path } = await record(dir.path('many'), { seed, orders: manyOrders })
    const result = await compareMachines(path, { definitions: [{ ...puppet, kind: 'puppet', machine: counter().machine }], maxDifferences: 10 })
    expect(result.differences).toHaveLength(10)
    expect(result.truncated).toBe(true)
  })
})
