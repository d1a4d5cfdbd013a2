import { assign, setup } from 'xstate'
import { ListenAt, ListenFailed, Listening, StopListening, type EventOf } from '../proto/index.ts'
import { backoffStep } from './backoff.ts'
import { publish, type MachineInput } from './publish.ts'

export interface ListenerMachineOptions {
  /** Addresses to listen at; `::` is every address of both families, `0.0.0.0` every IPv4 one. @default ['::'] */
  readonly hosts: readonly string[]
  /** 0 takes a free one, the same for every host. @default 0 */
  readonly port: number
  /** Names of the interfaces to stay on; empty for all. @default [] */
  readonly interfaces: readonly string[]
  /** False where the peer accepts no links and only dials. @default true */
  readonly inbound: boolean
  /** Wait before the first retry in milliseconds, doubled with each further one. @default 1000 */
  readonly retryMs: number
  /** Longest wait between retries, in milliseconds: a freed port or a new interface is noticed within it. @default 60000 */
  readonly retryMaxMs: number
  /** Failures in a row after which it gives up; 0 for never. @default 0 */
  readonly maxAttempts: number
}

interface Context {
  readonly address: string
  readonly options: ListenerMachineOptions
  /** In a row. */
  readonly failures: number
}

export type ListenerEvent = EventOf<'ListenOpened' | 'ListenFailed' | 'PolicyChanged' | 'Stop'>

function retryDelay({ failures, options: { retryMs, retryMaxMs } }: Context): number {
  return backoffStep(failures, { backoffBaseMs: retryMs, backoffMaxMs: retryMaxMs })
}

function givesUp({ failures, options: { maxAttempts } }: Context): boolean {
  return maxAttempts > 0 && failures >= maxAttempts
}

const allows = (event: ListenerEvent): boolean => event.type === 'PolicyChanged' && event.body.policy?.inbound === true

/** The policy accepts no links any more. */
const leaveOff = { PolicyChanged: { guard: 'isForbidden', target: 'outboundOnly', actions: ['unlisten', 'forgetFailures'] } } as const

/** From not listening to listening, and back to trying when the place is taken or lost. */
export const listenerMachine = setup({
  types: {
    context: {} as Context,
    events: {} as ListenerEvent,
    input: {} as MachineInput<ListenerMachineOptions>
  },
  guards: {
    acceptsNone: ({ context }) => !context.options.inbound,
    givesUp: ({ context }) => givesUp(context),
    isAllowed: ({ event }) => allows(event),
    isForbidden: ({ event }) => !allows(event)
  },
  delays: {
    retry: ({ context }) => retryDelay(context)
  },
  actions: {
    ignore: () => {},
    unlisten: publish(({ context }: { context: Context; event: ListenerEvent }) => [`${context.address}#tcp`, new StopListening()]),
    listen: publish(({ context: { address, options } }: { context: Context; event: ListenerEvent }) => [
      `${address}#tcp`,
      new ListenAt({ hosts: [...options.hosts], port: options.port, interfaces: [...options.interfaces] })
    ]),
    announceListening: publish(({ event }: { context: Context; event: ListenerEvent }) => [
      '',
      new Listening({ endpoints: event.type === 'ListenOpened' ? event.body.endpoints : [] })
    ]),
    announceFailure: publish(({ context, event }: { context: Context; event: ListenerEvent }) => {
      const { code, reason } = (event as EventOf<'ListenFailed'>).body
      return ['', new ListenFailed({ code, reason, againMs: givesUp(context) ? 0 : retryDelay(context) })]
    }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 })
  }
}).createMachine({
  id: 'listener',
  description: 'Accepts links from other peers.',
  context: ({ input }) => ({ address: input.address, options: input.options, failures: 0 }),
  initial: 'closed',
  on: {
    PolicyChanged: { actions: 'ignore' },
    Stop: { target: '.stopped', description: 'The peer stops; the driver closes what is open.' }
  },
  states: {
    closed: {
      description: 'Not listening yet.',
      always: [{ guard: 'acceptsNone', target: 'outboundOnly' }, { target: 'opening' }]
    },
    outboundOnly: {
      description: 'This peer accepts no links, it only dials.',
      entry: 'announceListening',
      on: {
        PolicyChanged: { guard: 'isAllowed', target: 'opening' },
        ListenOpened: { actions: 'ignore', description: 'It was on its way.' },
        ListenFailed: { actions: 'ignore' }
      }
    },
    opening: {
      description: 'The driver binds the addresses.',
      entry: 'listen',
      on: {
        ...leaveOff,
        ListenOpened: 'listening',
        ListenFailed: 'failed'
      }
    },
    listening: {
      description: 'Links are accepted.',
      entry: ['forgetFailures', 'announceListening'],
      on: {
        ...leaveOff,
        ListenOpened: { actions: 'announceListening', description: 'Addresses came or went.' },
        ListenFailed: 'failed'
      }
    },
    failed: {
      description: 'Nothing is bound; it says why and when it tries again.',
      entry: ['countFailure', 'announceFailure'],
      always: { guard: 'givesUp', target: 'gaveUp' },
      on: leaveOff,
      after: { retry: 'opening' }
    },
    gaveUp: {
      on: leaveOff,
      description: 'It failed as often as it may; the peer goes on without accepting links.'
    },
    stopped: {
      type: 'final',
      description: 'Done.'
    }
  }
})
