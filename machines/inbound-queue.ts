import { assign, enqueueActions, setup } from 'xstate'
import { InboundLeft, InboundPlaced, InboundQueued, InboundReopened, InboundTaken, Watch, type EventOf, type Message } from '../proto/index.ts'
import { codeEntry } from './codes.ts'
import { defaultPolicy, fromPolicyValue, type InboundPlacement, type Policy } from './policy.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { isResumed } from './resume.ts'

export type InboundQueueOptions = Pick<Policy, 'inboundPlacement' | 'inboundQueueLimit'>

export const inboundQueueDefaults: InboundQueueOptions = { inboundPlacement: defaultPolicy.inboundPlacement, inboundQueueLimit: defaultPolicy.inboundQueueLimit }

/** A peer that waits, by its link and the step that holds it. */
interface Waiting {
  readonly step: string
  readonly peerId: string
  readonly linkId: string
}

interface Context {
  readonly placement: InboundPlacement
  readonly limit: number
  /** Who came first stands first. */
  readonly waiting: readonly Waiting[]
  /** It failed: those who wait know so better than it does. */
  readonly resumed: boolean
}

type Events = EventOf<'PlaceInbound' | 'TakeInbound' | 'Terminated' | 'PolicyChanged'>

type Act = Parameters<typeof enqueueActions<Context, Events, undefined, Events, never, never, never, never, Outgoing>>[0]
type Say = (to: string, body: Message) => void

/** An action that changes who waits, and says what follows. */
const act = (run: (context: Context, event: Events, say: Say) => Partial<Context>) => {
  const action: Act = ({ context, event, enqueue }) => {
    enqueue.assign(run(context, event, (to, body) => enqueue.emit({ type: 'publish', to, body })))
  }
  return enqueueActions(action)
}

function left(say: Say, { peerId, linkId }: Waiting): void {
  say('host', new InboundLeft({ peerId, linkId }))
}

/** Keeps peers that dialled us until the host program takes them, the first first. */
export const inboundQueueMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<InboundQueueOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    isOpen: ({ context }) => context.placement === 'event',
    isResumed: ({ context }) => context.resumed,
    isPlaced: ({ context, event }) => context.waiting.some(({ step }) => step === event.from),
    // Who waits already has its room.
    isFull: ({ context, event }) => context.waiting.length >= context.limit && !(event as EventOf<'PlaceInbound'>).body.again,
    queues: ({ event }) => event.type === 'PolicyChanged' && fromPolicyValue(event.body.policy).inboundPlacement !== 'event'
  },
  actions: {
    reopen: publish<Context, Events, Events>(() => ['', new InboundReopened()]),
    answer: publish<Context, Events, Events>(({ event }) => [event.from, new InboundPlaced()]),
    turnDown: act((_, { from }, say) => {
      say(from, new InboundPlaced({ code: 'queue-full', reason: codeEntry('queue-full').means }))
      return {}
    }),
    letPass: act((_, { from }, say) => {
      say(from, new InboundPlaced())
      say(from, new InboundTaken())
      return {}
    }),
    place: act(({ placement, waiting }, event, say) => {
      if (event.type !== 'PlaceInbound') return {}
      const { peerId, linkId } = event.body
      say(event.from, new InboundPlaced())
      say('system', new Watch({ address: event.from }))
      say('host', new InboundQueued({ peerId, linkId }))
      if (placement === 'both') say('', new InboundQueued({ peerId, linkId }))
      return { waiting: [...waiting, { step: event.from, peerId, linkId }] }
    }),
    take: act(({ waiting }, event, say) => {
      const taken = event.type === 'TakeInbound' ? waiting.find(({ linkId }) => linkId === event.body.linkId) : undefined
      if (taken === undefined || event.type !== 'TakeInbound') return {}
      const { refused, reason } = event.body
      say(taken.step, new InboundTaken({ refused, reason }))
      left(say, taken)
      return { waiting: waiting.filter(each => each !== taken) }
    }),
    forget: act(({ waiting }, event, say) => {
      const gone = event.type === 'Terminated' ? waiting.find(({ step }) => step === event.body.address) : undefined
      if (gone === undefined) return {}
      left(say, gone)
      return { waiting: waiting.filter(each => each !== gone) }
    }),
    takeAll: act(({ waiting }, _, say) => {
      for (const each of waiting) {
        say(each.step, new InboundTaken())
        left(say, each)
      }
      return { waiting: [] }
    }),
    follow: assign(({ event }) => {
      if (event.type !== 'PolicyChanged') return {}
      const { inboundPlacement, inboundQueueLimit } = fromPolicyValue(event.body.policy)
      return { placement: inboundPlacement, limit: inboundQueueLimit }
    })
  }
}).createMachine({
  id: 'inbound-queue',
  description: 'Keeps peers that dialled us until the host program takes them.',
  context: ({ input }) => {
    const { inboundPlacement, inboundQueueLimit } = { ...inboundQueueDefaults, ...input.options }
    return { placement: inboundPlacement, limit: inboundQueueLimit, waiting: [], resumed: isResumed(input) }
  },
  initial: 'starting',
  states: {
    starting: {
      description: 'After a failure those who wait place themselves again.',
      always: [{ guard: 'isResumed', target: 'open', actions: 'reopen' }, 'open']
    },
    open: {
      description: 'Whoever comes waits, as long as there is room.',
      on: {
        PlaceInbound: [
          { guard: 'isOpen', actions: 'letPass', description: 'Its link came when there was a queue; there is none any more.' },
          { guard: 'isPlaced', actions: 'answer', description: 'It did so as the queue was restarted, and does so again as it is told.' },
          { guard: 'isFull', actions: 'turnDown' },
          { actions: 'place' }
        ],
        TakeInbound: { actions: 'take' },
        Terminated: { actions: 'forget' },
        PolicyChanged: [
          { guard: 'queues', actions: 'follow' },
          { actions: ['takeAll', 'follow'], description: 'Nobody has to wait any more.' }
        ]
      }
    }
  }
})
