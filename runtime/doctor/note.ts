import { addressOf } from '../../machines/address-scope.ts'
import type { Place } from '../../machines/place.ts'
import { formatEndpoint } from '../peer/roster.ts'

/** States of the machine of a connection, in the order in which a link climbs; `backoff` while it waits to dial again. */
export const RUNGS = ['backoff', 'dialing', 'securing', 'identifying', 'admitting', 'verifying', 'pending', 'withdrawn', 'basic', 'enhanced'] as const

export type Rung = typeof RUNGS[number]

/** Who ended something. */
export type By = 'self' | 'remote' | 'network'

/** One thing that was said of a peer, kept as it was said; put into words when somebody asks. */
export interface Note {
  /** Name of the message that says so. */
  readonly event: string
  /** How it stood with the peer afterwards. */
  readonly state: string
  readonly places?: readonly Place[]
  /** It came from the other side: the port is one of many. */
  readonly inbound?: boolean
  readonly via?: string
  readonly name?: string
  readonly steps?: readonly string[]
  /** Of an end, a refusal, or what keeps it from beginning. */
  readonly code?: string
  readonly reason?: string
  readonly by?: By
  readonly step?: string
  /** How far it had come. */
  readonly rung?: Rung
  readonly againMs?: number
  /** For how long the other side asked not to be dialled, in milliseconds. */
  readonly forMs?: number
}

/** A note with its times, in milliseconds since the epoch; what happens again and again is kept once. */
export interface Kept {
  readonly note: Note
  readonly since: number
  time: number
  times: number
}

/** Whether both say the same: of a caller the host counts alone. */
export function alike(a: Note, b: Note): boolean {
  return a.event === b.event && a.state === b.state && a.code === b.code && a.by === b.by && a.step === b.step && a.rung === b.rung && a.via === b.via
    && a.name === b.name && a.inbound === b.inbound && samePlaces(a.places, b.places, a.inbound === true)
}

function samePlaces(a: readonly Place[] = [], b: readonly Place[] = [], byHost: boolean): boolean {
  return a.length === b.length && a.every(({ host, port }, at) => host === b[at]!.host && (byHost || port === b[at]!.port))
}

/** How far back the same is looked for: a round of dialling with a refusal leaves a handful of notes. */
const LOOK_BACK = 12

/** Adds a note; what happens again and again is kept once, and the oldest go first. */
export function keep(notes: Kept[], note: Note, time: number, most: number, more = 1): void {
  for (let at = notes.length - 1; at >= Math.max(0, notes.length - LOOK_BACK); at--) {
    const before = notes[at]!
    if (alike(before.note, note)) {
      notes.splice(at, 1)
      notes.push({ note, since: before.since, time, times: before.times + more })
      return
    }
    if (before.note.state === 'basic' || before.note.state === 'enhanced') break
  }
  notes.push({ note, since: time, time, times: more })
  if (notes.length > most) notes.shift()
}

/** `HOST` of `HOST:PORT`, without brackets. */
export function hostOf(place: string): string {
  return place.slice(0, place.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

/** Hosts of the places of which the notes tell, each once. */
export function hostsOf(notes: readonly Kept[]): string[] {
  return [...new Set(notes.flatMap(({ note: { places = [] } }) => places.map(({ host }) => host)))].filter(host => host !== '')
}

/** `HOST:PORT`, one or several; empty where there is none. */
export function placesOf({ places = [] }: Note): string {
  return places.map(formatEndpoint).join(', ')
}

/** An address without a port, as one asks who calls from there. */
export function isAddress(key: string): boolean {
  return addressOf(key) !== undefined
}

/** The note in words. */
export function detailOf({ note, times, since }: Kept): string {
  return times > 1 ? `${wordsOf(note)}; ${times} times since ${new Date(since).toISOString()}` : wordsOf(note)
}

function wordsOf(note: Note): string {
  const { event, inbound, via = '', name = '', steps = [], code = '', reason = '', by = 'network', step = '', rung, againMs = 0 } = note
  const place = placesOf(note)
  const end = `${code}: ${clause(reason)}, by ${by}`
  switch (event) {
    case 'PeerFound': return `heard by ${via} at ${place || 'no address'}`
    case 'PeerIgnored': return `heard by ${via} at ${place}, and passed over, ${code}: ${clause(reason)}`
    case 'LinkIdentified': return `${inbound ? 'it dialled us from' : 'we dialled it at'} ${place} and it identified itself as '${name}'`
    case 'LinkLevelReached': return `the link is ${rung}${steps.length > 0 ? ` by ${steps.join(', ')}` : ''}`
    case 'PeerConnected': return `connected at ${place}`
    case 'PeerVerified': return `verified by ${steps.join(', ')}`
    case 'PeerPending': return `the step ${step} waits for a decision ${by === 'self' ? 'here' : 'at its side'}: ${clause(reason)}`
    case 'TrustRevoked': return `trust was withdrawn by ${by}${reason === '' ? '' : `: ${clause(reason)}`}`
    case 'DialFailed': return `${place} failed in '${rung}', ${code}: ${clause(reason)}; the next place was tried`
    case 'CallerRefused': return `somebody called from ${place} and was turned away ${toldWhere(rung)}, ${end}`
    case 'RejectInbound': return `it dialled us from ${place} and was turned away, ${end}`
    case 'PeerRefused': return `refused${step === '' ? '' : ` by ${step}`}, ${code}: ${clause(reason)}`
    case 'PeerDisconnected': return `disconnected, ${end}`
    default: return `${isDial(rung) ? `a dial of ${place} failed` : 'a link ended'} in '${rung}', ${end}${againMs > 0 ? `; dialled again in ${Math.round(againMs)} ms` : ''}`
  }
}

/** How far a caller came that nobody knows. */
export function toldWhere(rung: Rung | undefined): string {
  return rung === 'dialing' ? 'before TLS' : 'in TLS'
}

/** No link stood yet. */
export function isDial(rung: Rung | undefined): boolean {
  return rung === 'dialing' || rung === 'securing'
}

/** A reason within a longer sentence; some are sentences themselves. */
export function clause(reason: string): string {
  return reason.replace(/\.$/, '')
}
