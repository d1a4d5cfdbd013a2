import { setup } from 'xstate'
import { PeerRtt, SendPing, StepPassed, StepRefused, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

export interface VerifyPingsOptions {
  /** Address of the link's driver. */
  readonly link: string
  /** Who is at the other end. */
  readonly peerId: string
  /** Pings that must be answered, sent together; from 1 to 16. @default 3 */
  readonly count: number
  /** For all the answers together, in milliseconds. @default 5000 */
  readonly timeoutMs: number
}

export const verifyPingsDefaults: VerifyPingsOptions = { link: '', peerId: '', count: 3, timeoutMs: 5_000 }

interface Context {
  readonly connection: string
  readonly options: VerifyPingsOptions
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
    timeout: ({ context }) => context.options.timeoutMs
  },
  actions: {
    ping: publish<Context, Events, Events>(({ context }) => [context.options.link, new SendPing({ count: context.options.count })]),
    tellRtt: publish<Context, Events, Events>(({ context, event }) => ['', new PeerRtt({ peerId: context.options.peerId, rttUs: event.body.rttUs })]),
    pass: publish<Context, Events, Events>(({ context }) => [context.connection, new StepPassed({ step: STEP })]),
    refuse: publish<Context, Events, Events>(({ context: { connection, options: { count, timeoutMs } } }) => [connection, new StepRefused({
      step: STEP,
      code: 'ping-timeout',
      reason: `${count} pings were not answered within ${timeoutMs} ms`
    })])
  }
}).createMachine({
  id: 'verify-pings',
  description: 'A verification step: a few pings, sent together.',
  context: ({ input }) => ({ connection: input.parent, options: { ...verifyPingsDefaults, ...input.options } }),
  initial: 'pinging',
  states: {
    pinging: {
      description: 'The pings are out.',
      entry: 'ping',
      on: { PongReceived: { target: 'passed', actions: ['tellRtt', 'pass'] } },
      after: { timeout: { target: 'refused', actions: 'refuse' } }
    },
    passed: { description: 'All were answered.', type: 'final' },
    refused: { description: 'One was not answered in time.', type: 'final' }
  }
})
