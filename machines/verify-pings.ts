import { assign, setup } from 'xstate'
import { PeerRtt, SendPing, StepPassed, StepRefused, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

export interface VerifyPingsOptions {
  /** Address of the link's driver. */
  readonly link: string
  /** Who is at the other end. */
  readonly peerId: string
  /** Pings that must be answered, one after another. @default 3 */
  readonly count: number
  /** For each answer, in milliseconds. @default 5000 */
  readonly pingTimeoutMs: number
}

export const verifyPingsDefaults: VerifyPingsOptions = { link: '', peerId: '', count: 3, pingTimeoutMs: 5_000 }

interface Context {
  readonly connection: string
  readonly options: VerifyPingsOptions
  readonly sent: number
  /** The quickest answer, in microseconds; 0 before the first. */
  readonly rttUs: number
}

type Events = EventOf<'PongReceived'>

/** What the step is called towards people and the other side. */
const STEP = 'pings'

/** Verification by pings: they show that somebody lives at the other end, not that it is to be trusted. */
export const verifyPingsMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<VerifyPingsOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: {
    pingTimeout: ({ context }) => context.options.pingTimeoutMs
  },
  guards: {
    lastAnswer: ({ context, event }) => event.body.id === context.sent && context.sent >= context.options.count,
    answer: ({ context, event }) => event.body.id === context.sent
  },
  actions: {
    count: assign(({ context }) => ({ sent: context.sent + 1 })),
    measure: assign(({ context, event }) => ({ rttUs: context.rttUs === 0 ? event.body.rttUs : Math.min(context.rttUs, event.body.rttUs) })),
    ping: publish<Context, Events, Events>(({ context }) => [context.options.link, new SendPing({ id: context.sent })]),
    tellRtt: publish<Context, Events, Events>(({ context }) => ['', new PeerRtt({ peerId: context.options.peerId, rttUs: context.rttUs })]),
    pass: publish<Context, Events, Events>(({ context }) => [context.connection, new StepPassed({ step: STEP })]),
    refuse: publish<Context, Events, Events>(({ context }) => [context.connection, new StepRefused({
      step: STEP,
      code: 'ping-timeout',
      reason: `ping ${context.sent} of ${context.options.count} was not answered within ${context.options.pingTimeoutMs} ms`
    })])
  }
}).createMachine({
  id: 'verify-pings',
  description: 'A verification step: a few pings, one after another.',
  context: ({ input }) => ({ connection: input.parent, options: { ...verifyPingsDefaults, ...input.options }, sent: 0, rttUs: 0 }),
  initial: 'pinging',
  states: {
    pinging: {
      description: 'One ping is out.',
      entry: ['count', 'ping'],
      on: {
        PongReceived: [
          { guard: 'lastAnswer', target: 'passed', actions: ['measure', 'tellRtt', 'pass'] },
          { guard: 'answer', target: 'pinging', reenter: true, actions: 'measure' }
        ]
      },
      after: { pingTimeout: { target: 'refused', actions: 'refuse' } }
    },
    passed: { description: 'All were answered.', type: 'final' },
    refused: { description: 'One was not answered in time.', type: 'final' }
  }
})
