import type { SimulatedFact } from '../../actors/simulated/index.ts'
import { Level, type Envelope, type EventOf } from '../../proto/index.ts'
import type { Machine } from './machine.ts'
import type { ScheduledEvent } from './scheduled-event.ts'

/** More are not kept; the oldest go. */
const RECORDS_MAX = 200_000

/** A message between two machines, or between their systems. */
export interface TracedMessage {
  readonly kind: 'message'
  readonly atUs: number
  /** Numbers of the peers. */
  readonly from: number
  readonly to: number
  readonly what: string
  arrivedUs: number | undefined
  /** Why it does not arrive; empty where it does or is under way. */
  lost: string
  /** What came of it at the receiver. */
  readonly effects: string[]
  /** How many faults, starts and ends came before: what comes after is not the same again. */
  readonly epoch: number
}

/** Something that happened at one peer, or to all. */
export interface TracedNote {
  readonly kind: 'note'
  readonly atUs: number
  readonly peer: number | undefined
  readonly text: string
  readonly epoch: number
}

export type Traced = TracedMessage | TracedNote

interface At {
  /** Number of the peer. */
  readonly index: number
}

/** Keeps what happens between the peers of a run, and what came of it, without changing it. */
export class Trace {
  readonly records: Traced[] = []
  readonly #nowUs: () => number
  #epoch = 0
  /** The message that is being taken in. */
  #taken: TracedMessage | undefined

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs
  }

  sent(from: Machine, to: Machine, payload: unknown): TracedMessage {
    const what = typeof payload === 'string' ? payload : (payload as { what?: string } | null)?.what ?? 'message'
    const message: TracedMessage = {
      kind: 'message', atUs: this.#nowUs(), from: from.index, to: to.index, what, arrivedUs: undefined, lost: '', effects: [], epoch: this.#epoch
    }
    this.#taken?.effects.push(`sends ${what}`)
    this.#add(message)
    return message
  }

  /** Does what comes of a message. */
  arrived(message: TracedMessage, work: () => void): void {
    message.arrivedUs = this.#nowUs()
    this.#taken = message
    try {
      work()
    } finally {
      this.#taken = undefined
    }
  }

  envelope(peer: At, envelope: Envelope): void {
    this.#taken?.effects.push(envelope.type)
    const text = envelope.to === '' ? announced(envelope as Announced) : undefined
    if (text !== undefined) this.note(text, peer)
  }

  fact(peer: At, fact: SimulatedFact, nameOf: (peerId: string) => string): void {
    if (fact.fact === 'link-gate') this.note(`link with ${nameOf(fact.remote)}: ${Level[fact.level]?.replace('LEVEL_', '').toLowerCase()}`, peer)
    else if (fact.fact === 'link-closed') this.note(`link with ${nameOf(fact.remote)}: closed`, peer)
    else if (fact.fact.includes('/')) this.note(fact.fact, peer)
  }

  /** A fault, a start or an end: what follows is another story. */
  turn(text: string, peer?: At): void {
    this.#epoch++
    this.note(text, peer)
  }

  event(event: ScheduledEvent, peer: At | undefined, nameOf: (number: number) => string): void {
    switch (event.do) {
      case 'crash':
      case 'restart':
      case 'say':
        return
      case 'partition':
        return this.turn(`cut off for ${event.ms} ms: ${event.away.map(nameOf).join(', ') || 'nobody'}${event.oneWay ? ', who still hear the others' : ''}`)
      case 'clock-step':
        return this.turn(`wall clock set by ${event.byMs} ms`, peer)
      case 'reset':
        return this.turn('a stream is reset', peer)
      default:
        return this.turn(`${event.do} for ${event.ms} ms`, peer)
    }
  }

  note(text: string, peer?: At): void {
    this.#add({ kind: 'note', atUs: this.#nowUs(), peer: peer?.index, text, epoch: this.#epoch })
  }

  #add(record: Traced): void {
    if (this.records.length >= RECORDS_MAX) this.records.splice(0, RECORDS_MAX / 2)
    this.records.push(record)
  }
}

type Announced = EventOf<'PeerFound' | 'PeerConnected' | 'PeerVerified' | 'PeerDisconnected' | 'PeerRefused' | 'ActorFailed'>

function announced({ type, body }: Announced): string | undefined {
  switch (type) {
    case 'PeerFound': return `found ${body.name}`
    case 'PeerConnected': return `connected with ${body.name}`
    case 'PeerVerified': return 'verified'
    case 'PeerDisconnected': return `disconnected: ${body.code}`
    case 'PeerRefused': return `refused: ${body.code}`
    case 'ActorFailed': return `${body.address} failed: ${body.error.split('\n', 1)[0]}`
    default: return undefined
  }
}
