import { assign, setup } from 'xstate'
import {
  FileCancel, FileOffer, PrepareFile, PumpFile, TransferDone, TransferFailed, TransferOffered, TransferProgress,
  TransferStarted, type EventOf
} from '../proto/index.ts'
import { fileWhy, heardWhy, type FileCode } from './file-codes.ts'
import { baseName } from './file-name.ts'
import { hex } from './hex.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

export interface FileSendOptions {
  readonly transferId: string
  readonly peerId: string
  readonly path: string
  /** How long the receiver may think about the offer, in milliseconds. @default 60000 */
  readonly answerMs: number
  /** Longest time without any progress, in milliseconds. @default 30000 */
  readonly stallMs: number
}

interface Context {
  readonly driver: string
  readonly options: FileSendOptions
  readonly name: string
  readonly size: number
  readonly digest: Uint8Array
  readonly code: string
  readonly reason: string
}

const about = ({ options, name, size }: Context) =>
  ({ transferId: options.transferId, peerId: options.peerId, name, size, direction: 'out' })
const peer = (context: Context) => `peer/${context.options.peerId}`

const because = (code: FileCode, reason: string) => ({ type: 'because', params: { code, reason } }) as const

/** The sending side of one whole file to one peer. */
export const fileSendMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<FileSendOptions>,
    events: {} as EventOf<'FilePrepared' | 'FileAnswer' | 'FilePumped' | 'FileProgress' | 'FileReceipt' | 'FileFailed' | 'PeerDisconnected' | 'Stop'>,
    emitted: {} as Outgoing
  },
  delays: {
    answer: ({ context }) => context.options.answerMs,
    stall: ({ context }) => context.options.stallMs
  },
  guards: {
    accepted: ({ event }) => event.type === 'FileAnswer' && event.body.accepted,
    stored: ({ event }) => event.type === 'FileReceipt' && event.body.stored
  },
  actions: {
    prepare: publish(({ context }) => [context.driver, new PrepareFile({ path: context.options.path })]),
    // By way of the driver, which learns at once when the link does not take it.
    offer: publish(({ context }) => [context.driver, new FileOffer({
      transferId: context.options.transferId, name: context.name, size: context.size, digest: context.digest
    })]),
    pump: publish(({ context }) => [context.driver, new PumpFile({
      peerId: context.options.peerId, transferId: context.options.transferId
    })]),
    cancel: publish(({ context }) => [peer(context), new FileCancel({
      transferId: context.options.transferId, code: context.code, reason: context.reason
    })]),
    announceOffered: publish(({ context }) => ['', new TransferOffered(about(context))]),
    announceStarted: publish(({ context }) => ['', new TransferStarted(about(context))]),
    announceProgress: publish(({ context, event }) => ['', new TransferProgress({
      ...about(context), bytes: event.type === 'FileProgress' ? event.body.bytes : 0
    })]),
    announceDone: publish(({ context }) => ['', new TransferDone({
      ...about(context), contentId: `sha256-${hex(context.digest)}`
    })]),
    announceFailed: publish(({ context }) => ['', new TransferFailed({
      ...about(context), code: context.code, reason: context.reason
    })]),
    keepWhy: assign(({ event }) => 'code' in event.body ? heardWhy(event.body) : {}),
    disconnected: assign(({ event }) => event.type === 'PeerDisconnected' ? fileWhy('disconnected', `the link ended: ${event.body.reason}`) : {}),
    because: assign((_, { code, reason }: { code: FileCode; reason: string }) => fileWhy(code, reason))
  }
}).createMachine({
  id: 'file-send',
  context: ({ input }) => ({
    driver: `${input.address}#file`, options: input.options, name: baseName(input.options.path), size: 0, digest: new Uint8Array(), code: '', reason: ''
  }),
  on: {
    FileFailed: { target: '.cancelling', actions: 'keepWhy' },
    Stop: { target: '.cancelling', actions: because('stopped', 'the sender stops') },
    PeerDisconnected: { target: '.failed', actions: 'disconnected' }
  },
  initial: 'preparing',
  states: {
    preparing: {
      description: 'The driver opens the file and computes its digest.',
      entry: 'prepare',
      on: {
        FilePrepared: {
          target: 'offered',
          actions: assign(({ event }) => ({ name: event.body.name, size: event.body.size, digest: event.body.digest }))
        }
      }
    },
    offered: {
      description: 'The receiver decides.',
      entry: ['offer', 'announceOffered'],
      on: {
        FileAnswer: [
          { guard: 'accepted', target: 'sending' },
          { target: 'failed', actions: 'keepWhy' }
        ]
      },
      after: { answer: { target: 'cancelling', actions: because('no-answer', 'the receiver did not answer the offer in time') } }
    },
    sending: {
      description: 'The driver pumps chunks into the link; progress comes back.',
      entry: ['pump', 'announceStarted'],
      on: {
        FileProgress: { target: 'sending.pumping', actions: 'announceProgress' },
        FilePumped: 'confirming',
        FileReceipt: { target: 'failed', actions: 'keepWhy' }
      },
      initial: 'pumping',
      states: {
        pumping: {
          after: { stall: { target: '#file-send.cancelling', actions: because('stalled', 'no bytes moved for too long') } }
        }
      }
    },
    confirming: {
      description: 'Everything is sent; the receiver checks the digest.',
      on: {
        FileReceipt: [
          { guard: 'stored', target: 'done' },
          { target: 'failed', actions: 'keepWhy' }
        ]
      },
      after: { stall: { target: 'cancelling', actions: because('no-receipt', 'the receiver did not confirm the file in time') } }
    },
    cancelling: {
      description: 'We give up and say so.',
      entry: 'cancel',
      always: 'failed'
    },
    done: { type: 'final', entry: 'announceDone' },
    failed: { type: 'final', entry: 'announceFailed' }
  }
})
