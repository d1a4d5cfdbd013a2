import type { Subscription } from 'rxjs'
import {
  Direction, DriverCounts, InboundQueued, Initiator, LinkIdentified, PeerConnected, PeerDisconnected, PeerFound, PeerIgnored, PeerPending, PeerRefused, PeerVerified, PolicyRefused, TextMessage,
  TransferDone, TransferFailed, TransferOffered, TransferProgress, TransferStarted, TrustRevoked,
  type Envelope, type Message, type MessageClass
} from '../../../proto/index.ts'
import type { Peer } from '../../peer/peer.ts'
import { formatEndpoint, levelName } from '../../peer/roster.ts'
import type { Directory } from './directory.ts'
import type { Emit, Initiator as Who, TransferFields, UpEvent } from './event.ts'

/** Tells of what happens in a peer as events of the command line, and keeps the directory. */
export class Narrator {
  readonly #emit: Emit
  readonly #subscriptions: Subscription[] = []
  /** When each running transfer started, in milliseconds since the epoch, by its direction, peer and id. */
  readonly #started = new Map<string, number>()

  constructor(peer: Peer, directory: Directory, emit: Emit) {
    this.#emit = emit
    const on = <T extends Message>(type: MessageClass<T>, listener: (body: T, envelope: Envelope) => void) => {
      this.#subscriptions.push(peer.bus.of(type).subscribe(envelope => listener(envelope.body as T, envelope)))
    }
    on(PeerFound, ({ peerId, name, via, endpoints }) => {
      directory.note(peerId, { name })
      emit({ event: 'peer.found', peerId, name, via, addresses: endpoints.map(formatEndpoint) })
    })
    // No event: but commands may name it.
    on(PeerIgnored, ({ peerId, name }) => {
      if (peerId !== '') directory.note(peerId, { name, ignored: true })
    })
    // No event: but it may have to wait for a decision or in the queue before its first announcement is heard, if one ever is.
    on(LinkIdentified, ({ peerId, name }) => directory.note(peerId, { name }))
    on(PeerConnected, ({ peerId, name, remote, direction, path, level }) => {
      directory.note(peerId, { name, connected: true })
      emit({
        event: 'peer.connected', peerId, name, address: formatEndpoint(remote),
        direction: direction === Direction.DIRECTION_IN ? 'in' : 'out', path: path || 'tcp', level: levelName(level)
      })
    })
    on(PeerVerified, ({ peerId, steps, level }) => emit({ event: 'peer.verified', peerId, steps, level: levelName(level) }))
    on(PeerPending, ({ peerId, step, reason, initiator }) => {
      emit({ event: 'peer.pending', peerId, name: directory.nameOf(peerId), step, reason, initiator: who(initiator) })
    })
    on(InboundQueued, ({ peerId }, { to }) => {
      if (to === 'host') emit({ event: 'peer.queued', peerId, name: directory.nameOf(peerId), waiting: peer.inbound.waiting.length })
    })
    on(TrustRevoked, ({ peerId, reason, initiator, level }, { to }) => {
      if (to === '') emit({ event: 'peer.revoked', peerId, reason, initiator: who(initiator), level: levelName(level) })
    })
    on(PeerRefused, ({ peerId, remote, step, code, reason }) => emit({
      event: 'peer.refused', ...(peerId && { peerId }), address: formatEndpoint(remote), ...(step && { step }), code, reason
    }))
    on(PeerDisconnected, ({ peerId, code, reason, initiator }) => {
      directory.note(peerId, { connected: false })
      emit({ event: 'peer.disconnected', peerId, code, reason, initiator: who(initiator) })
    })
    on(PolicyRefused, ({ problem, reason }) => emit({ event: 'error', code: problem, message: reason }))
    let toldOfTwin = false
    on(DriverCounts, ({ counts }) => {
      if (toldOfTwin || !counts.some(({ name }) => name === 'same-identity')) return
      toldOfTwin = true
      emit({
        event: 'error', code: 'same-identity',
        message: 'another process on this network runs with the identity of this peer, and others keep a link to only one of the two: give one another folder with --data'
      })
    })
    on(TextMessage, ({ text }, { from }) => {
      if (from.startsWith('peer/')) emit({ event: 'message', peerId: from.slice('peer/'.length), text })
    })
    on(TransferOffered, body => this.#transfer('transfer.offered', body, 0))
    on(TransferStarted, body => {
      this.#started.set(keyOf(body), Date.now())
      this.#transfer('transfer.started', body, 0)
    })
    on(TransferProgress, body => this.#transfer('transfer.progress', body, body.bytes))
    on(TransferDone, body => {
      const { contentId, path } = body
      emit({ event: 'transfer.done', ...this.#fields(body, body.size), contentId, ...(path && { path }) })
      this.#started.delete(keyOf(body))
    })
    on(TransferFailed, body => {
      const { code, reason } = body
      emit({ event: 'transfer.failed', ...this.#fields(body, 0), code, reason })
      this.#started.delete(keyOf(body))
    })
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  #transfer(event: 'transfer.offered' | 'transfer.started' | 'transfer.progress', body: TransferBody, bytes: number): void {
    this.#emit({ event, ...this.#fields(body, bytes) } as UpEvent)
  }

  #fields(body: TransferBody, bytes: number): TransferFields {
    const { transferId, peerId, name, size, direction } = body
    const started = this.#started.get(keyOf(body))
    const seconds = started === undefined ? 0 : Math.max(1, Date.now() - started) / 1_000
    return {
      transferId, peerId, name, size, direction: direction === 'in' ? 'in' : 'out',
      bytes, bytesPerSecond: seconds === 0 ? 0 : Math.round(bytes / seconds)
    }
  }
}

interface TransferBody {
  transferId: string
  peerId: string
  name: string
  size: number
  direction: string
}

function keyOf({ direction, peerId, transferId }: TransferBody): string {
  return `${direction} ${peerId} ${transferId}`
}

export function who(initiator: Initiator): Who {
  if (initiator === Initiator.INITIATOR_SELF) return 'self'
  return initiator === Initiator.INITIATOR_REMOTE ? 'remote' : 'network'
}
