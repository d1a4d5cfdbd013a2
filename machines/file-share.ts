import { assign, enqueueActions, setup } from 'xstate'
import { FileAnswer, SpawnActor, TransferFailed, Watch, type EventOf } from '../proto/index.ts'
import type { FileCode } from './file-codes.ts'
import { baseName, safeName } from './file-name.ts'
import { hex } from './hex.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { draw } from './random.ts'

export interface FileShareOptions {
  /** True where files may land here: the person gave an inbox. @default false */
  readonly accepts: boolean
  /** Largest file taken, in bytes. @default 1073741824, because a whole-file send cannot resume */
  readonly maxFileBytes: number
  /** Transfers at once in each direction, so that others cannot use up our own; more are refused. @default 64, a few descriptors each */
  readonly maxTransfers: number
  /** Files taken at once from one peer, so that one cannot use up the rest; more are refused. @default 16 */
  readonly maxIncomingPerPeer: number
}

interface Context {
  readonly options: FileShareOptions
  readonly random: number
  /** Peer of each running transfer, by the transfer's address. */
  readonly running: Readonly<Record<string, string>>
}

const sendAddress = (transferId: string) => `file-send/${transferId}`
const receiveId = (peerId: string, transferId: string) => `${peerId.slice(0, 16)}-${transferId}`
const receiveAddress = (peerId: string, transferId: string) => `file-receive/${receiveId(peerId, transferId)}`
const peerOf = (from: string) => from.startsWith('peer/') ? from.slice('peer/'.length) : ''
const incoming = ({ running }: Context, peerId: string) =>
  Object.entries(running).filter(([address, peer]) => peer === peerId && address.startsWith('file-receive/')).length
const count = (running: Context['running'], kind: 'file-send' | 'file-receive') =>
  Object.keys(running).filter(address => address.startsWith(`${kind}/`)).length
const wellFormed = (transferId: string) => /^[a-z0-9]{1,32}$/.test(transferId)

/** Starts a transfer for each file that is offered or sent, and brings the other side's answers to it. */
export const fileShareMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<FileShareOptions>,
    events: {} as EventOf<'ShareFile' | 'SpawnFailed' | 'FileOffer' | 'FileAnswer' | 'FileReceipt' | 'FileCancel' | 'Terminated' | 'PeerDisconnected'>,
    emitted: {} as Outgoing
  },
  actions: {
    startSending: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'ShareFile') return
      let random = context.random
      const running = { ...context.running }
      for (const peerId of event.body.peerIds) {
        const [high, next] = draw(random)
        const [low, after] = draw(next)
        random = after
        const transferId = (high.toString(36) + low.toString(36)).slice(0, 12)
        if (count(running, 'file-send') >= context.options.maxTransfers) {
          enqueue(publish(() => ['', new TransferFailed({
            transferId, peerId, name: baseName(event.body.path), direction: 'out', code: 'busy', reason: 'too many transfers run already: wait for one to end'
          })]))
          continue
        }
        running[sendAddress(transferId)] = peerId
        const options = JSON.stringify({ transferId, peerId, path: event.body.path })
        enqueue(publish(() => ['system', new SpawnActor({ kind: 'file-send', id: transferId, options })]))
        enqueue(publish(() => ['system', new Watch({ address: sendAddress(transferId) })]))
      }
      enqueue.assign({ random, running })
    }),
    startReceiving: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'FileOffer') return
      const peerId = peerOf(event.from)
      const { transferId, size, digest } = event.body
      // What people are told is what will land.
      const name = safeName(event.body.name)
      if (peerId === '') return
      const refuse = (code: FileCode, reason: string) =>
        enqueue(publish(() => [event.from, new FileAnswer({ transferId: wellFormed(transferId) ? transferId : '', code, reason })]))
      if (!wellFormed(transferId)) return refuse('bad-offer', 'the offer has an id that no transfer can have')
      const address = receiveAddress(peerId, transferId)
      if (!context.options.accepts) return refuse('no-inbox', 'the receiver takes no files: it was started without an inbox')
      if (digest.length !== 32 || !(size >= 0) || !Number.isSafeInteger(size)) return refuse('bad-offer', 'the offer has no valid size and SHA-256 digest')
      if (size > context.options.maxFileBytes) return refuse('too-large', `the receiver takes files up to ${context.options.maxFileBytes} bytes`)
      if (address in context.running) return refuse('bad-offer', 'a transfer by this id is running')
      if (count(context.running, 'file-receive') >= context.options.maxTransfers) return refuse('busy', 'the receiver has too many transfers running')
      if (incoming(context, peerId) >= context.options.maxIncomingPerPeer) return refuse('busy', 'the receiver takes no more files from this peer at once')
      enqueue.assign({ running: { ...context.running, [address]: peerId } })
      const options = JSON.stringify({ transferId, peerId, name, size, digest: hex(digest) })
      enqueue(publish(() => ['system', new SpawnActor({ kind: 'file-receive', id: receiveId(peerId, transferId), options })]))
      enqueue(publish(() => ['system', new Watch({ address })]))
    }),
    forward: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'FileAnswer' && event.type !== 'FileReceipt' && event.type !== 'FileCancel') return
      const peerId = peerOf(event.from)
      const address = event.type === 'FileCancel'
        ? receiveAddress(peerId, event.body.transferId) : sendAddress(event.body.transferId)
      if (context.running[address] === peerId) enqueue(publish(() => [address, event.body]))
    }),
    forwardToPeersTransfers: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'PeerDisconnected') return
      for (const [address, peerId] of Object.entries(context.running)) {
        if (peerId === event.body.peerId) enqueue(publish(() => [address, event.body]))
      }
    }),
    giveUp: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'SpawnFailed') return
      const { kind, id, reason } = event.body
      const { [`${kind}/${id}`]: peerId, ...running } = context.running
      if (peerId === undefined) return
      enqueue.assign({ running })
      const why = { code: 'busy' satisfies FileCode, reason: `the transfer could not be started: ${reason}` }
      if (kind === 'file-send') return enqueue(publish(() => ['', new TransferFailed({ transferId: id, peerId, direction: 'out', ...why })]))
      enqueue(publish(() => [`peer/${peerId}`, new FileAnswer({ transferId: id.slice(receiveId(peerId, '').length), ...why })]))
    }),
    forget: assign(({ context, event }) => {
      if (event.type !== 'Terminated') return {}
      const { [event.body.address]: _, ...running } = context.running
      return { running }
    })
  }
}).createMachine({
  id: 'file-share',
  context: ({ input }) => ({ options: input.options, random: input.random, running: {} }),
  initial: 'sharing',
  states: {
    sharing: {
      description: 'Transfers run as actors of their own.',
      on: {
        ShareFile: { actions: 'startSending' },
        FileOffer: { actions: 'startReceiving' },
        FileAnswer: { actions: 'forward' },
        FileReceipt: { actions: 'forward' },
        FileCancel: { actions: 'forward' },
        PeerDisconnected: { actions: 'forwardToPeersTransfers' },
        SpawnFailed: { actions: 'giveUp' },
        Terminated: { actions: 'forget' }
      }
    }
  }
})
