import { setup } from 'xstate'
import { ApprovalWanted, Decision, StepPending, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

const STEP = 'ask'
/** Address of the actor that remembers what was decided. */
const APPROVALS = 'approvals/main'

type Context = StepContext<StepOptions>
type Events = EventOf<'ApprovalFound' | 'DecidePeer'>

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** Verification by a person, or by the host program: whoever was approved or refused before is so again. */
export const verifyAskMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<StepOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    wasApproved: ({ event }) => event.type === 'ApprovalFound' && event.body.decision === Decision.DECISION_APPROVED,
    wasRefused: ({ event }) => event.type === 'ApprovalFound' && event.body.decision === Decision.DECISION_REFUSED,
    approved: ({ context, event }) => event.type === 'DecidePeer' && event.body.peerId === context.options.peerId && event.body.approved,
    refused: ({ context, event }) => event.type === 'DecidePeer' && event.body.peerId === context.options.peerId && !event.body.approved
  },
  actions: {
    recall: say(({ context }) => [APPROVALS, new ApprovalWanted({ peerId: context.options.peerId })]),
    hold: say(({ context }) => [context.connection, new StepPending({ step: STEP, reason: 'a person is asked whether to accept it' })]),
    pass: say(({ context }) => passes(context, STEP)),
    refuse: say(({ context, event }) => refuses(context, STEP, 'not-approved', event.body.reason))
  }
}).createMachine({
  id: 'verify-ask',
  description: 'A verification step: the host program, or the person at the terminal, approves the peer.',
  context: ({ input }) => stepContext(input, stepDefaults),
  initial: 'recalling',
  on: {
    DecidePeer: [
      { guard: 'approved', target: '.passed', actions: 'pass' },
      { guard: 'refused', target: '.refused', actions: 'refuse' }
    ]
  },
  states: {
    recalling: {
      description: 'Was it decided before?',
      entry: 'recall',
      on: {
        ApprovalFound: [
          { guard: 'wasApproved', target: 'passed', actions: 'pass' },
          { guard: 'wasRefused', target: 'refused', actions: 'refuse' },
          { target: 'asking', actions: 'hold' }
        ]
      }
    },
    asking: { description: 'Somebody is to decide; the connection says for how long.' },
    passed: { description: 'It is approved.', type: 'final' },
    refused: { description: 'It is refused.', type: 'final' }
  }
})
