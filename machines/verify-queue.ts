import { setup } from 'xstate'
import { PlaceInbound, StepPending, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { passes, refuses, stepContext, stepDefaults, type StepContext, type StepOptions } from './verify-step.ts'

const STEP = 'queue'
/** Address of the actor that keeps the queue. */
const QUEUE = 'inbound-queue/main'

type Context = StepContext<StepOptions>
type Events = EventOf<'InboundPlaced' | 'InboundTaken' | 'InboundReopened'>

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** A step of inbound links: the peer waits in the queue until the host program takes it. */
export const verifyQueueMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<StepOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    waits: ({ event }) => event.type === 'InboundPlaced' && event.body.code === '',
    turnedAway: ({ event }) => event.type === 'InboundTaken' && event.body.refused
  },
  actions: {
    place: say(({ context: { options: { peerId, linkId } } }) => [QUEUE, new PlaceInbound({ peerId, linkId })]),
    placeAgain: say(({ context: { options: { peerId, linkId } } }) => [QUEUE, new PlaceInbound({ peerId, linkId, again: true })]),
    ignore: () => {},
    hold: say(({ context }) => [context.connection, new StepPending({ step: STEP, reason: 'it waits to be taken' })]),
    pass: say(({ context }) => passes(context, STEP)),
    turnDown: say(({ context, event }) => {
      const { code, reason } = (event as EventOf<'InboundPlaced'>).body
      return refuses(context, STEP, code, reason)
    }),
    turnAway: say(({ context, event }) => refuses(context, STEP, 'not-approved', (event as EventOf<'InboundTaken'>).body.reason))
  }
}).createMachine({
  id: 'verify-queue',
  description: 'A step of inbound links: the peer waits until the host program takes it.',
  context: ({ input }) => stepContext(input, stepDefaults),
  initial: 'placing',
  states: {
    placing: {
      description: 'Is there room in the queue?',
      entry: 'place',
      on: {
        InboundPlaced: [
          { guard: 'waits', target: 'waiting', actions: 'hold' },
          { target: 'refused', actions: 'turnDown' }
        ],
        InboundReopened: { actions: 'place' }
      }
    },
    waiting: {
      description: 'The host program takes it, or the connection gives up.',
      on: {
        InboundTaken: [
          { guard: 'turnedAway', target: 'refused', actions: 'turnAway' },
          { target: 'passed', actions: 'pass' }
        ],
        InboundReopened: { actions: 'placeAgain', description: 'The queue failed, and has forgotten who waits.' },
        InboundPlaced: { actions: 'ignore' }
      }
    },
    passed: { description: 'It was taken.', type: 'final' },
    refused: { description: 'There was no room, or it was turned away.', type: 'final' }
  }
})
