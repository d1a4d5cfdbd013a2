import type { Checkpoint, CheckpointActor, EventOf, Registry } from '../../proto/index.ts'
import { parsePlain } from '../kernel/plain.ts'
import type { LoggedEnvelope } from './format.ts'

/** What a join takes of one log. */
export interface JoinEvent {
  readonly kind: 'send' | 'receive' | 'event'
  readonly envelope: LoggedEnvelope
  /** Of the link that it went over, where that is known. */
  readonly linkId: string
  /** The other peer, where no link is known: its PeerId, or `*`. */
  readonly peerId: string
}

/** What happened at one peer and belongs into the picture of several. */
const MILESTONES: ReadonlySet<string> = new Set([
  'ActorFailed', 'DialEndpoint', 'DialFailed', 'DiscoveryStarted', 'FrameRefused', 'LinkClosed', 'LinkSecured', 'Listening',
  'PeerConnected', 'PeerDisconnected', 'PeerFound', 'PeerRefused', 'PeerVerified', 'Stop'
])

/** Picks messages between peers and milestones from the entries of one log. */
export class EventReader {
  readonly taken: JoinEvent[] = []
  readonly #registry: Registry
  /** Link that a driver holds now, by its address. */
  readonly #links = new Map<string, string>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** The links that were up when the log begins, as the actors of their drivers know them. */
  begin({ actors }: Checkpoint): void {
    for (const { kind, id, options, context } of actors as CheckpointActor[]) {
      try {
        const { linkId } = parsePlain(context, JSON.parse(options) as object) as { linkId?: unknown }
        if (typeof linkId === 'string' && linkId !== '') this.#links.set(`${kind}/${id}#link`, linkId)
      } catch {
        // It has no machine now, or nothing that anybody could read.
      }
    }
  }

  take(envelope: LoggedEnvelope): void {
    const { type, from, to } = envelope
    if (type === 'LinkSecured' && from.includes('#')) this.#secured(envelope)
    if (MILESTONES.has(type)) return this.#add('event', envelope)
    if (to.startsWith('peer/')) return this.#add('send', envelope, '', to.slice('peer/'.length))
    if (from.startsWith('peer/')) return this.#add('receive', envelope, '', from.slice('peer/'.length))
    const sends = this.#links.get(to)
    if (sends !== undefined) return this.#add('send', envelope, sends)
    const receives = this.#links.get(from)
    if (receives !== undefined) this.#add('receive', envelope, receives)
  }

  #secured(envelope: LoggedEnvelope): void {
    try {
      const { linkId } = this.#registry.get('LinkSecured').decode(envelope.bytes) as EventOf<'LinkSecured'>['body']
      this.#links.set(envelope.from, linkId)
    } catch {
      // No link that anybody could know.
    }
  }

  #add(kind: JoinEvent['kind'], envelope: LoggedEnvelope, linkId = '', peerId = ''): void {
    this.taken.push({ kind, envelope, linkId, peerId })
  }
}
