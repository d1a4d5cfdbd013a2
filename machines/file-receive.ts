import { assign, setup } from 'xstate'
import {
  FileAnswer, FileReceipt, StoreFile, TransferDone, TransferFailed, TransferOffered, TransferProgress, TransferStarted,
  type EventOf
} from '../proto/index.ts'
import { fileWhy, heardWhy, type FileCode } from './file-codes.ts'
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

interface Context {
  readonly driver: string
  readonly options: FileReceiveOptions
  readonly path: string
  readonly code: string
  readonly reason: string
}

const about = ({ options }: Context) =>
  ({ transferId: options.transferId, peerId: options.peerId, name: options.name, size: options.size, direction: 'in' })
const peer = (context: Context) => `peer/${context.options.peerId}`
const because = (code: FileCode, reason: string) => ({ type: 'because', params: { code, reason } }) as const

/** The receiving side of one whole file from one peer. */
export const fileReceiveMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<FileReceiveOptions>,
    events: {} as EventOf<'StoreOpened' | 'FileProgress' | 'FileStored' | 'FileFailed' | 'FileCancel' | 'PeerDisconnected' | 'Stop'>,
    emitted: {} as Outgoing
  },
  delays: { stall: ({ context }) => context.options.stallMs },
  actions: {
    store: publish(({ context }) => [context.driver, new StoreFile({
      peerId: context.options.peerId, transferId: context.options.transferId, name: context.options.name,
      size: context.options.size, digest: fromHex(context.options.digest)
    })]),
    accept: publish(({ context }) => [peer(context), new FileAnswer({ transferId: context.options.transferId, accepted: true })]),
    confirm: publish(({ context }) => [peer(context), new FileReceipt({ transferId: context.options.transferId, stored: true })]),
    refuse: publish(({ context }) => [peer(context), new FileAnswer({
      transferId: context.options.transferId, code: context.code, reason: context.reason
    })]),
    giveUp: publish(({ context }) => [peer(context), new FileReceipt({
      transferId: context.options.transferId, code: context.code, reason: context.reason
    })]),
    announceOffered: publish(({ context }) => ['', new TransferOffered(about(context))]),
    announceStarted: publish(({ context }) => ['', new TransferStarted(about(context))]),
    announceProgress: publish(({ context, event }) => ['', new TransferProgress({
      ...about(context), bytes: event.type === 'FileProgress' ? event.body.bytes : 0
    })]),
    announceDone: publish(({ context }) => ['', new TransferDone({
      ...about(context), contentId: `sha256-${context.options.digest}`, path: context.path
    })]),
    announceFailed: publish(({ context }) => ['', new TransferFailed({
      ...about(context), code: context.code, reason: context.reason
    })]),
    keepPath: assign(({ event }) => event.type === 'FileStored' ? { path: event.body.path } : {}),
    keepWhy: assign(({ event }) => 'code' in event.body ? heardWhy(event.body) : {}),
    disconnected: assign(({ event }) => event.type === 'PeerDisconnected' ? fileWhy('disconnected', `the link ended: ${event.body.reason}`) : {}),
    because: assign((_, { code, reason }: { code: FileCode; reason: string }) => fileWhy(code, reason))
  }
}).createMachine({
  id: 'file-receive',
  context: ({ input }) => ({ driver: `${input.address}#file`, options: input.options, path: '', code: '', reason: '' }),
  entry: 'announceOffered',
  on: {
    FileCancel: { target: '.failed', actions: 'keepWhy' },
    PeerDisconnected: { target: '.failed', actions: 'disconnected' }
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
