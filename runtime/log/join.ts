import type { LogHeader, Registry } from '../../proto/index.ts'
import type { LoggedEnvelope } from './format.ts'
import { alignClocks, type Crossing } from './join-clocks.ts'
import { EventReader, type JoinEvent } from './join-events.ts'
import { readLog, type LogSource } from './reader.ts'

export interface JoinOptions {
  readonly registry: Registry
  /** Messages and milestones that are taken of each log; what follows is left out. @default 100000 */
  readonly maxEvents?: number
}

/** One of the peers whose logs are joined. */
export interface JoinedPeer {
  /** Its name, with a number where several have it. */
  readonly name: string
  readonly peerId: string
  /** Wall time at its logical zero, in milliseconds since the epoch, by the first peer's clock. */
  readonly zero: number
  /** What was added to its own clock, in milliseconds. */
  readonly correctionMs: number
  /** Its log has more than was taken. */
  readonly truncated: boolean
}

/** A message from peer to peer, or something that happened at one. */
export interface JoinedRow {
  /** Milliseconds since the epoch, by the first peer's clock. */
  readonly time: number
  /** Place of the peer in `peers`. */
  readonly peer: number
  readonly envelope: LoggedEnvelope
  /** Undefined for what happened at one peer alone. */
  readonly message?: {
    /** Place of the other in `peers`; undefined where its log is not among these. */
    readonly to: number | undefined
    /** PeerId of the other, `*` for all, empty where it is not known. */
    readonly toPeerId: string
    /** How it stands in the other's log; undefined where it does not. */
    readonly arrived?: { readonly time: number; readonly seq: number }
  }
}

export interface JoinedLogs {
  readonly peers: readonly JoinedPeer[]
  /** In the order of time. */
  readonly rows: readonly JoinedRow[]
}

/** Sends that are looked through for the one that a message was. */
const LOOK_AHEAD = 1_000

/**
 * Makes one picture of the logs of several peers. A message in one log is the same as in another's when it went over the link of
 * the same id in that direction and has the same type, or from that peer to this one and has the same bytes too, in the order in
 * which they were sent: logs hold no number of the frame. The clocks are those of the headers, corrected where a message would arrive before it was sent.
 * @throws everything that readLog throws
 */
export function joinLogs(sources: readonly LogSource[], { registry, maxEvents = 100_000 }: JoinOptions): JoinedLogs {
  const logs = sources.map(source => {
    const reader = readLog(source)
    const events = new EventReader(registry)
    let truncated = false
    try {
      for (const entry of reader) {
        if (entry.kind !== 'input' && entry.kind !== 'output') continue
        events.take(entry.envelope)
        truncated = events.taken.length >= maxEvents
        if (truncated) break
      }
    } finally {
      reader.close()
    }
    return { header: reader.header, events: events.taken, truncated }
  })
  const pairs = pair(logs)
  const zeros = logs.map(({ header: { wallTime } }) => (Number.isFinite(wallTime) ? wallTime : 0))
  const crossings: Crossing[] = pairs.map(({ from, to, send, receive }) => (
    { from, to, sent: zeros[from]! + send.envelope.time, arrived: zeros[to]! + receive.envelope.time }))
  const corrections = alignClocks(logs.length, crossings)
  const clock = zeros.map((zero, index) => zero + corrections[index]!)
  const names = namesOf(logs.map(({ header }) => header))
  const rows = rowsOf(logs, pairs, clock)
  return {
    peers: logs.map(({ header, truncated }, index) => (
      { name: names[index]!, peerId: header.peerId, zero: clock[index]!, correctionMs: corrections[index]!, truncated })),
    rows: rows.sort((a, b) => a.time - b.time || a.peer - b.peer || a.envelope.seq - b.envelope.seq)
  }
}

interface TakenLog {
  readonly header: LogHeader
  readonly events: readonly JoinEvent[]
}

interface PairOfEvents {
  readonly from: number
  readonly to: number
  readonly send: JoinEvent
  readonly receive: JoinEvent
}

/** Finds for each message that arrived the one that was sent. */
function pair(logs: readonly TakenLog[]): PairOfEvents[] {
  const pairs: PairOfEvents[] = []
  const taken = new Set<JoinEvent>()
  for (const [from, { header, events }] of logs.entries()) {
    const sends = events.filter(({ kind }) => kind === 'send')
    for (const [to, other] of logs.entries()) {
      if (to === from) continue
      const channels = new Map<string, JoinEvent[]>()
      const channel = (key: string) => channels.get(key) ?? (channels.set(key, []), channels.get(key)!)
      for (const send of sends) {
        if (send.linkId !== '') channel(`link ${send.linkId}`).push(send)
        else if (send.peerId === '*' || send.peerId === other.header.peerId) channel('peer').push(send)
      }
      const cursors = new Map<string, number>()
      for (const receive of other.events) {
        if (receive.kind !== 'receive' || taken.has(receive)) continue
        if (receive.linkId === '' && receive.peerId !== header.peerId) continue
        const key = receive.linkId === '' ? 'peer' : `link ${receive.linkId}`
        const queue = channels.get(key) ?? []
        const start = cursors.get(key) ?? 0
        const end = Math.min(queue.length, start + LOOK_AHEAD)
        for (let at = start; at < end; at++) {
          const send = queue[at]!
          if (!sameMessage(send, receive)) continue
          cursors.set(key, at + 1)
          taken.add(receive)
          pairs.push({ from, to, send, receive })
          break
        }
      }
    }
  }
  return pairs
}

/** On a link the driver may complete what it is given (Identify), and one of a type is like the next. */
function sameMessage({ envelope: a, linkId }: JoinEvent, { envelope: b }: JoinEvent): boolean {
  return a.type === b.type && (linkId !== '' || Buffer.compare(a.bytes, b.bytes) === 0)
}

function rowsOf(logs: readonly TakenLog[], pairs: readonly PairOfEvents[], clock: readonly number[]): JoinedRow[] {
  const rows: JoinedRow[] = []
  const sent = new Set<JoinEvent>()
  for (const { from, to, send, receive } of pairs) {
    sent.add(send)
    const arrived = { time: clock[to]! + receive.envelope.time, seq: receive.envelope.seq }
    const message = { to, toPeerId: logs[to]!.header.peerId, arrived }
    rows.push({ time: clock[from]! + send.envelope.time, peer: from, envelope: send.envelope, message })
  }
  for (const [peer, { events }] of logs.entries()) {
    for (const event of events) {
      const { kind, envelope, peerId } = event
      // Commands to a link's driver are no messages unless the other side has them; nor is what arrives a send.
      if (kind === 'receive' || (kind === 'send' && (sent.has(event) || event.linkId !== ''))) continue
      const to = logs.findIndex(({ header }) => header.peerId === peerId)
      const time = clock[peer]! + envelope.time
      rows.push(kind === 'event' ? { time, peer, envelope } : { time, peer, envelope, message: { to: to < 0 ? undefined : to, toPeerId: peerId } })
    }
  }
  return rows
}

function namesOf(headers: readonly LogHeader[]): string[] {
  const taken = new Set<string>()
  return headers.map(({ name, peerId }) => {
    const plain = name || peerId.slice(0, 8) || 'peer'
    let unique = plain
    for (let number = 2; taken.has(unique); number++) unique = `${plain} ${number}`
    taken.add(unique)
    return unique
  })
}
