import { assign, setup } from 'xstate'
import { FileCancel, FileOffer, PrepareFile, PumpFile, type EventOf } from '../proto/index.ts'
import { fileWhy, type FileCode } from './file-codes.ts'
import { baseName } from './file-name.ts'
import { because, otherSide, transferAnnouncements, whyIn, type TransferContext } from './file-transfer.ts'
import { hex } from './hex.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { fromHex } from './text.ts'

export interface FileSendOptions {
  readonly transferId: string
  readonly peerId: string
  readonly path: string
  /** How long the receiver may think about the offer, in milliseconds. @default 60000 */
  readonly answerMs: number
  /** Longest time without any progress, in milliseconds. @default 30000 */
  readonly stallMs: number
}

interface Context extends TransferContext {
  readonly options: FileSendOptions
}

type Events = EventOf<'FilePrepared' | 'FileAnswer' | 'FilePumped' | 'FileProgress' | 'FileReceipt' | 'FileFailed' | 'PeerDisconnected' | 'Stop'>

/** The sending side of one whole file to one peer. */
export const fileSendMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<FileSendOptions>,
    events: {} as Events,
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
    ...transferAnnouncements<Context, Events>(),
    prepare: publish<Context, Events, Events>(({ context }) => [context.driver, new PrepareFile({ path: context.options.path })]),
    // By way of the driver, which learns at once when the link does not take it.
    offer: publish<Context, Events, Events>(({ context: { driver, about: { transferId, name, size }, digest } }) =>
      [driver, new FileOffer({ transferId, name, size, digest: fromHex(digest) })]),
    pump: publish<Context, Events, Events>(({ context: { driver, about: { peerId, transferId } } }) =>
      [driver, new PumpFile({ peerId, transferId })]),
    cancel: publish<Context, Events, Events>(({ context }) => [otherSide(context), new FileCancel({
      transferId: context.about.transferId, code: context.code, reason: context.reason
    })]),
    keepFile: assign(({ context: { about }, event }) => event.type === 'FilePrepared'
      ? { about: { ...about, name: event.body.name, size: event.body.size }, digest: hex(event.body.digest) } : {}),
    keepWhy: assign(({ event }) => whyIn(event)),
    because: assign((_, { code, reason }: { code: FileCode; reason: string }) => fileWhy(code, reason))
  }
}).createMachine({
  id: 'file-send',
  context: ({ input: { address, options } }) => ({
    driver: `${address}#file`, options,
    about: { transferId: options.transferId, peerId: options.peerId, name: baseName(options.path), size: 0, direction: 'out' },
    digest: '', path: '', code: '', reason: ''
  }),
  on: {
    FileFailed: { target: '.cancelling', actions: 'keepWhy' },
    Stop: { target: '.cancelling', actions: because('stopped', 'the sender stops') },
    PeerDisconnected: { target: '.failed', actions: 'keepWhy' }
  },
  initial: 'preparing',
  states: {
    preparing: {
      description: 'The driver opens the file and computes its digest.',
      entry: 'prepare',
      on: {
        FilePrepared: { target: 'offered', actions: 'keepFile' }
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
