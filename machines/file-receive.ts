import { assign, setup } from 'xstate'
import { FileAnswer, FileReceipt, StoreFile, type EventOf } from '../proto/index.ts'
import { fileWhy, type FileCode } from './file-codes.ts'
import { because, otherSide, transferAnnouncements, whyIn, type TransferContext } from './file-transfer.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { fromHex } from './text.ts'

export interface FileReceiveOptions {
  readonly transferId: string
  readonly peerId: string
  readonly name: string
  readonly size: number
  /** SHA-256 in hex. */
  readonly digest: string
  /** Longest time without any progress, in milliseconds. @default 30000 */
  readonly stallMs: number
}

interface Context extends TransferContext {
  readonly stallMs: number
}

type Events = EventOf<'StoreOpened' | 'FileProgress' | 'FileStored' | 'FileFailed' | 'FileCancel' | 'PeerDisconnected' | 'Stop'>

/** The receiving side of one whole file from one peer. */
export const fileReceiveMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<FileReceiveOptions>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: { stall: ({ context }) => context.stallMs },
  actions: {
    ...transferAnnouncements<Context, Events>(),
    store: publish<Context, Events, Events>(({ context: { driver, about, digest } }) => {
      const { peerId, transferId, name, size } = about
      return [driver, new StoreFile({ peerId, transferId, name, size, digest: fromHex(digest) })]
    }),
    accept: publish<Context, Events, Events>(({ context }) => [otherSide(context), new FileAnswer({ transferId: context.about.transferId, accepted: true })]),
    confirm: publish<Context, Events, Events>(({ context }) => [otherSide(context), new FileReceipt({ transferId: context.about.transferId, stored: true })]),
    refuse: publish<Context, Events, Events>(({ context }) => [otherSide(context), new FileAnswer({
      transferId: context.about.transferId, code: context.code, reason: context.reason
    })]),
    giveUp: publish<Context, Events, Events>(({ context }) => [otherSide(context), new FileReceipt({
      transferId: context.about.transferId, code: context.code, reason: context.reason
    })]),
    keepPath: assign(({ event }) => event.type === 'FileStored' ? { path: event.body.path } : {}),
    keepWhy: assign(({ event }) => whyIn(event)),
    because: assign((_, { code, reason }: { code: FileCode; reason: string }) => fileWhy(code, reason))
  }
}).createMachine({
  id: 'file-receive',
  context: ({ input: { address, options: { transferId, peerId, name, size, digest, stallMs } } }) => ({
    driver: `${address}#file`, about: { transferId, peerId, name, size, direction: 'in' }, digest, stallMs, path: '', code: '', reason: ''
  }),
  entry: 'announceOffered',
  on: {
    FileCancel: { target: '.failed', actions: 'keepWhy' },
    PeerDisconnected: { target: '.failed', actions: 'keepWhy' }
  },
  initial: 'opening',
  states: {
    opening: {
      description: 'The driver makes room in the inbox.',
      entry: 'store',
      on: {
        StoreOpened: { target: 'receiving', actions: ['accept', 'announceStarted'] },
        FileFailed: { target: 'failed', actions: ['keepWhy', 'refuse'] },
        Stop: { target: 'failed', actions: [because('stopped', 'the receiver stops'), 'refuse'] }
      }
    },
    receiving: {
      description: 'Chunks go from the link to the file; each report of progress starts the stall clock anew.',
      on: {
        FileProgress: { target: 'receiving', reenter: true, actions: 'announceProgress' },
        FileStored: { target: 'done', actions: ['keepPath', 'confirm'] },
        FileFailed: { target: 'failed', actions: ['keepWhy', 'giveUp'] },
        Stop: { target: 'failed', actions: [because('stopped', 'the receiver stops'), 'giveUp'] }
      },
      after: {
        stall: { target: 'failed', actions: [because('stalled', 'no bytes came for too long'), 'giveUp'] }
      }
    },
    done: { type: 'final', entry: 'announceDone' },
    failed: { type: 'final', entry: 'announceFailed' }
  }
})
