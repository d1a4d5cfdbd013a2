import type { Subscription } from 'rxjs'
import {
  Direction, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerConnected, PeerDisconnected, PeerFound, PeerPending, PeerRefused, PeerVerified,
  typeName, type Message, type MessageClass
} from '../../../proto/index.ts'
import { Lru } from '../../../actors/shared/lru.ts'
import { codeEntry } from '../../../machines/codes.ts'
import type { Peer } from '../../peer/peer.ts'
import { formatEndpoint, levelName } from '../../peer/roster.ts'
import type { HistoryEntry } from './event.ts'
import { who } from './narrator.ts'

/** Most entries kept for one peer; the oldest go first. */
const ENTRIES_MAX = 50
/** Most peers whose history is kept; the one that was quiet longest goes first. */
const PEERS_MAX = 1_000

interface Ring {
  readonly entries: HistoryEntry[]
  /** Advice for the last thing that went wrong. */
  advice: string
}

/** What happened with each peer, lately, so that `why` can say how it came. */
export class History {
  readonly #rings = new Map<string, Ring>()
  readonly #subscriptions: Subscription[] = []
  /** Who was found at a place that was dialled. */
  readonly #at = new Lru<string, string>(PEERS_MAX)

  constructor(peer: Peer) {
    const on = <T extends Message>(
      type: MessageClass<T>,
      tell: (body: T) => { peerId: string; place?: string; state: string; detail: string; code?: string }
    ) => {
      this.#subscriptions.push(peer.bus.of(type).subscribe(({ body }) => {
        const { peerId, place = '', state, detail, code } = tell(body as T)
        if (peerId !== '' && place !== '') this.#at.set(place, peerId)
        const key = peerId || place
        if (key !== '') this.#note(key, { time: Date.now(), state, event: typeName(type), detail }, code)
      }))
    }
    on(PeerFound, ({ peerId, via, endpoints }) => ({
      peerId, state: 'found', detail: `heard by ${via} at ${endpoints.map(formatEndpoint).join(', ') || 'no address'}`
    }))
    on(LinkIdentified, ({ peerId, name, direction, remote }) => ({
      peerId, state: 'identified', ...(direction === Direction.DIRECTION_OUT && { place: formatEndpoint(remote) }),
      detail: `${direction === Direction.DIRECTION_IN ? 'it dialled us from' : 'we dialled it at'} ${formatEndpoint(remote)} and it identified itself as '${name}'`
    }))
    on(LinkLevelReached, ({ peerId, level, steps }) => ({
      peerId, state: levelName(level), detail: `the link is ${levelName(level)}${steps.length > 0 ? ` by ${steps.join(', ')}` : ''}`
    }))
    on(PeerConnected, ({ peerId, remote, level }) => ({
      peerId, state: levelName(level), detail: `connected at ${formatEndpoint(remote)}`
    }))
    on(PeerVerified, ({ peerId, steps, level }) => ({ peerId, state: levelName(level), detail: `verified by ${steps.join(', ')}` }))
    on(LinkEnded, ({ peerId, remote, code, reason, initiator, level, againMs }) => ({
      peerId, code, ...(peerId === '' && { place: formatEndpoint(remote) }), state: againMs > 0 ? 'retrying' : 'disconnected',
      detail: `${level === Level.LEVEL_UNSPECIFIED ? 'a dial failed' : 'a link ended'}, ${code}: ${clause(reason)}, by ${who(initiator)}${againMs > 0 ? `; dialled again in ${againMs} ms` : ''}`
    }))
    on(PeerRefused, ({ peerId, code, reason, step }) => ({
      peerId, code, state: 'refused', detail: `refused${step ? ` by ${step}` : ''}, ${code}: ${clause(reason)}`
    }))
    on(PeerPending, ({ peerId, step, reason, initiator }) => ({
      peerId, state: 'pending', detail: `the step ${step} waits for a decision ${who(initiator) === 'self' ? 'here' : 'at its side'}: ${clause(reason)}`
    }))
    on(PeerDisconnected, ({ peerId, code, reason, initiator }) => ({
      peerId, code, state: 'disconnected', detail: `disconnected, ${code}: ${clause(reason)}, by ${who(initiator)}`
    }))
  }

  of(peerId: string): readonly HistoryEntry[] {
    return this.#rings.get(peerId)?.entries ?? []
  }

  /** PeerId of who answered at a place, or the place itself where nobody that is known did; undefined where nothing is known of it. */
  whoIsAt(place: string): string | undefined {
    return this.#at.get(place) ?? (this.#rings.has(place) ? place : undefined)
  }

  /** One sentence on how it stands with a peer, and what can be done. */
  summary(peerId: string, name: string): string {
    const ring = this.#rings.get(peerId)
    const last = ring?.entries.at(-1)
    if (ring === undefined || last === undefined) return `Nothing is known of ${name}.`
    const since = new Date(last.time).toISOString()
    switch (last.state) {
      case 'found': return `${name} was heard and no link to it came about yet, since ${since}.`
      case 'identified': return `${name} has identified itself and is being verified, since ${since}.`
      case 'pending': return `${name} is being verified, since ${since}: ${last.detail}.`
      case 'basic': return `${name} is connected; we have verified it, it has not verified us yet.`
      case 'enhanced': return `${name} is connected and both sides have verified each other, since ${since}.`
      default: return `There is no link to ${name} since ${since}: ${last.detail}${ring.advice === '' ? '' : `; ${ring.advice}`}.`
    }
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  #note(peerId: string, entry: HistoryEntry, code: string | undefined): void {
    const ring = this.#rings.get(peerId) ?? { entries: [], advice: '' }
    this.#rings.delete(peerId)
    this.#rings.set(peerId, ring)
    if (this.#rings.size > PEERS_MAX) this.#rings.delete(this.#rings.keys().next().value!)
    ring.entries.push(entry)
    if (ring.entries.length > ENTRIES_MAX) ring.entries.shift()
    if (code !== undefined) ring.advice = asClause(codeEntry(code).advice)
  }
}

/** A reason within a longer sentence; some are sentences themselves. */
function clause(reason: string): string {
  return reason.replace(/\.$/, '')
}

/** `Check the cable.` within a longer sentence; nothing where there is nothing to do. */
function asClause(advice: string): string {
  return /^Nothing\b/.test(advice) ? '' : advice.replace(/\.$/, '').replace(/^./, first => first.toLowerCase())
}
