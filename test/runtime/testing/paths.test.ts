import { describe, expect, it } from '@jest/globals'
import { assign, raise, setup } from 'xstate'
import { publish, type MachineInput } from '../../../machines/index.ts'
import { LinksChanged, Stop, TextMessage, type EventOf } from '../../../proto/index.ts'
import {
  coverageTable, EndlessPathsError, MachineRun, MessageNotTakenError, PathError, pathsOf, transitionCoverage
} from '../../../runtime/testing/index.ts'

interface Context { readonly coins: number; readonly price: number }
type Events = EventOf<'TextMessage' | 'LinksChanged' | 'Stop'> | { readonly type: 'Forgotten' }

/** A gate that opens for `price` coins and shuts after 5 s, or when somebody went through; it forgets coins after a minute. */
const gate = setup({
  types: { context: {} as Context, events: {} as Events, input: {} as MachineInput<{ price: number }> },
  guards: {
    enough: ({ context }) => context.coins + 1 >= context.price,
    push: ({ event }) => event.type === 'TextMessage' && event.body.text === 'push'
  },
  actions: {
    keepCoin: assign({ coins: ({ context }) => context.coins + 1 }),
    forget: assign({ coins: 0 }),
    say: publish(({ context }) => ['', new TextMessage({ text: `${context.coins} coins` })])
  }
}).createMachine({
  id: 'gate',
  context: ({ input }) => ({ coins: 0, price: input.options.price }),
  initial: 'shut',
  on: { Stop: '.over' },
  states: {
    shut: {
      on: {
        LinksChanged: [
          { guard: 'enough', target: 'open', actions: 'keepCoin' },
          { actions: ['keepCoin', 'say', raise({ type: 'Forgotten' }, { id: 'forget', delay: 60_000 })] }
        ],
        Forgotten: { actions: 'forget' }
      }
    },
    open: {
      entry: 'forget',
      on: { TextMessage: { guard: 'push', target: 'shut' } },
      after: { 5_000: 'shut' }
    },
    over: { type: 'final' }
  }
})

const coin = new LinksChanged({ links: 1 })
const push = new TextMessage({ text: 'push' })
const input = { options: { price: 3 } }
const coins = ({ coins: count }: Context) => count

describe('the paths of a machine', () => {
  it('lead to every state and through every transition, by messages and by time', () => {
    const { paths, coverage } = pathsOf(gate, { input, events: [coin, push, new Stop()], key: coins })
    expect(coverage.missing()).toEqual([])
    expect(coverage.unreached()).toEqual([])
    expect(coverageTable([coverage])).toBe(
      'machine  states  transitions  covered\n' +
      'gate        4/4          6/6    100 %'
    )
    const titles = paths.map(({ title }) => title)
    expect(titles).toContain('LinksChanged {links:1}, LinksChanged {links:1}, LinksChanged {links:1} ⇒ "open"')
    expect(titles).toContain('LinksChanged {links:1}, 60000 ms ⇒ "shut"')
    expect(titles[0]).toBe('nothing ⇒ "shut"')
  })

  it('are the shortest, and go the same way each time', () => {
    const { paths } = pathsOf(gate, { input, events: [push, coin], key: coins })
    const open = paths.find(({ state }) => state === 'open')!
    expect(open.steps.length).toBe(3)
    const run = open.run()
    expect(run.state).toBe('open')
    expect(run.said).toEqual(open.run().said)
    expect(run.of('TextMessage').map(({ body }) => body.text)).toEqual(['1 coins', '2 coins'])
    run.pass(4_999)
    expect(run.state).toBe('open')
    run.pass(1)
    expect(run.state).toBe('shut')
    expect(() => run.hear(push)).toThrow(MessageNotTakenError)
  })

  it('say which transitions they do not take', () => {
    expect(pathsOf(gate, { input, events: [coin, new Stop()], key: coins }).coverage.missing()).toEqual(['gate.open: TextMessage [push] → gate.shut'])
    const { coverage } = pathsOf(gate, { input, events: [push] })
    expect(coverage.missing()).toContain('gate.shut: LinksChanged [enough] → gate.open')
    expect(coverage.unreached()).toEqual(['gate.open', 'gate.over'])
    expect(coverage.figures().percent).toBe(0)
  })

  it('of several walks are counted together', () => {
    const coverage = transitionCoverage(gate)
    pathsOf(gate, { input, events: [coin], key: coins, coverage })
    pathsOf(gate, { input: { options: { price: 1 } }, events: [coin, push, new Stop()], coverage })
    expect(coverage.missing()).toEqual([])
  })

  it('count a start only where the machine does: what it throws is thrown at once', () => {
    expect(() => transitionCoverage(gate).start({})).toThrow(TypeError)
  })

  it('may be given messages that fit the run so far', () => {
    const { paths } = pathsOf(gate, { input, events: (run: MachineRun) => run.state === 'shut' ? [coin] : [[push, 'peer/ada']], key: coins })
    expect(paths.map(({ title }) => title)).toContain('LinksChanged {links:1}, LinksChanged {links:1}, LinksChanged {links:1}, TextMessage {text:push} ⇒ "shut"')
  })

  it('end with an error that says so where there is no end of new situations', () => {
    const walk = () => pathsOf(gate, { input: { options: { price: Infinity } }, events: [coin], key: coins, maxRuns: 60 })
    expect(walk).toThrow(EndlessPathsError)
    expect(walk).toThrow(/^gate was in \d+ situations after 60 runs.*leave out of key/)
  })

  it('show the way to where the machine throws', () => {
    const broken = gate.provide({ actions: { forget: () => { throw new Error('no memory') } } })
    const walk = () => pathsOf(broken, { input, events: [coin], key: coins })
    expect(walk).toThrow(PathError)
    expect(walk).toThrow('gate threw after LinksChanged {links:1}, 60000 ms: no memory')
  })
})
