import { setup } from 'xstate'
import { RunStep, StepHeard, StepMessage, StepPending, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

export interface AsyncStepOptions extends StepOptions {
  /** What the step is called. */
  readonly name: string
  /** For the function, in milliseconds; once it waits for somebody, the connection's own time for that runs instead. @default 10000 */
  readonly timeoutMs: number
}

export const asyncStepDefaults: AsyncStepOptions = { ...stepDefaults, name: '', timeoutMs: 10_000 }

type Context = StepContext<AsyncStepOptions> & { readonly driver: string }
type Events = EventOf<'StepSays' | 'StepMessage' | 'StepWaits' | 'StepDecided'>

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** A verification step that a driver runs: a function of the host program. */
export const asyncStepMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<AsyncStepOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: { timeout: ({ context }) => context.options.timeoutMs },
  guards: {
    passed: ({ event }) => event.type === 'StepDecided' && event.body.code === ''
  },
  actions: {
    run: say(({ context }) => [context.driver, new RunStep()]),
    send: say(({ context, event }) => [context.options.link, new StepMessage({ step: context.options.name, body: (event as EventOf<'StepSays'>).body.body })]),
    hear: say(({ context, event }) => [context.driver, new StepHeard({ body: (event as EventOf<'StepMessage'>).body.body })]),
    hold: say(({ context, event }) => [context.connection, new StepPending({ step: context.options.name, reason: (event as EventOf<'StepWaits'>).body.reason })]),
    pass: say(({ context }) => passes(context, context.options.name)),
    refuse: say(({ context, event }) => {
      const { code, reason } = (event as EventOf<'StepDecided'>).body
      return refuses(context, context.options.name, code, reason)
    }),
    refuseLate: say(({ context: { connection, options: { name, timeoutMs } } }) =>
      refuses({ connection }, name, 'step-timeout', `the step '${name}' did not come to an end within ${timeoutMs} ms`))
  }
}).createMachine({
  id: 'async-step',
  description: 'A verification step: a function of the host program, which may talk to its counterpart at the other side.',
  context: ({ input }) => ({ ...stepContext(input, asyncStepDefaults), driver: `${input.address}#run` }),
  initial: 'running',
  on: {
    StepSays: { actions: 'send' },
    StepMessage: { actions: 'hear' },
    StepDecided: [{ guard: 'passed', target: '.passed', actions: 'pass' }, { target: '.refused', actions: 'refuse' }]
  },
  states: {
    running: {
      description: 'The function runs.',
      entry: 'run',
      on: { StepWaits: { target: 'waiting', actions: 'hold' } },
      after: { timeout: { target: 'refused', actions: 'refuseLate' } }
    },
    waiting: { description: 'It waits for somebody; the connection says for how long.' },
    passed: { description: 'It let the other side pass.', type: 'final' },
    refused: { description: 'It did not, or was too slow.', type: 'final' }
  }
})
