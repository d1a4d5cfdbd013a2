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
  /** Wall time at which its log begins, as `zero`: later where the last part of the run was kept. */
  readonly begin: number
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
    /** It was sent before the other's log begins, by the clocks; of one for all, before any of them. */
    readonly before?: true
  }
}

export interface JoinedLogs {
  readonly peers: readonly JoinedPeer[]
  /** In the order of time. */
  readonly rows: readonly JoinedRow[]
}

/** Sends that are looked through for the one that a message was. */
const LOOK_AHEAD = 1_000
/** Messages that show together which one a log in the midst of a run begins with. */
const ALIGNED_BY = 16

/**
 * Makes one picture of the logs of several peers. A message in one log is the same as in another's when it went over the link of
 * the same id in that direction and has the same type, or from that peer to this one and has the same bytes too, in the order in
 * which they were sent: logs hold no number of the frame. Where a log begins in the midst of a run, the first message of a link or
 * peer is the one after which most of the next ones follow, and of several such the nearest in time. The clocks are those of the
 * headers, corrected where a message would arrive before it was sent.
 * @throws everything that readLog throws
 */
export function joinLogs(sources: readonly LogSource[], { registry, maxEvents = 100_000 }: JoinOptions): JoinedLogs {
  const logs = sources.map(source => {
    const reader = readLog(source)
    const events = new EventReader(registry)
    let truncated = false
    try {
      if (reader.checkpoint !== undefined) events.begin(reader.checkpoint)
      for (const entry of reader) {
        if (entry.kind !== 'input' && entry.kind !== 'output') continue
        events.take(entry.envelope)
        truncated = events.taken.length >= maxEvents
        if (truncated) break
      }
    } finally {
      reader.close()
    }
    return { header: reader.header, begin: reader.checkpoint?.time ?? 0, events: events.taken, truncated }
  })
  const zeros = logs.map(({ header: { wallTime } }) => (Number.isFinite(wallTime) ? wallTime : 0))
  const pairs = pair(logs, zeros)
  const crossings: Crossing[] = pairs.map(({ from, to, send, receive }) => (
    { from, to, sent: zeros[from]! + send.envelope.time, arrived: zeros[to]! + receive.envelope.time }))
  const corrections = alignClocks(logs.length, crossings)
  const clock = zeros.map((zero, index) => zero + corrections[index]!)
  const names = namesOf(logs.map(({ header }) => header))
  const rows = rowsOf(logs, pairs, clock)
  return {
    peers: logs.map(({ header, begin, truncated }, index) => (
      { name: names[index]!, peerId: header.peerId, zero: clock[index]!, begin: clock[index]! + begin, correctionMs: corrections[index]!, truncated })),
    rows: rows.sort((a, b) => a.time - b.time || a.peer - b.peer || a.envelope.seq - b.envelope.seq)
  }
}

interface TakenLog {
  readonly header: LogHeader
  /** Logical time at which it begins, in milliseconds. */
  readonly begin: number
  readonly events: readonly JoinEvent[]
}

interface PairOfEvents {
  readonly from: number
  readonly to: number
  readonly send: JoinEvent
  readonly receive: JoinEvent
}

/** Finds for each message that arrived the one that was sent. */
function pair(logs: readonly TakenLog[], zeros: readonly number[]): PairOfEvents[] {
  const pairs: PairOfEvents[] = []
  const taken = new Set<JoinEvent>()
  for (const [from, { header, begin, events }] of logs.entries()) {
    const sends = events.filter(({ kind }) => kind === 'send')
    for (const [to, other] of logs.entries()) {
      if (to === from) continue
      const sent = byChannel(sends, ({ peerId }) => peerId === '*' || peerId === other.header.peerId)
      const received = byChannel(other.events.filter(event => event.kind === 'receive' && !taken.has(event)), ({ peerId }) => peerId === header.peerId)
      const late = begin > 0 || other.begin > 0
      for (const [channel, receives] of received) {
        const queue = sent.get(channel) ?? []
        /** When it was sent by the clock of the sender, if it took no time. */
        const sentAt = ({ envelope: { time } }: JoinEvent): number => zeros[to]! + time - zeros[from]!
        let next: number | undefined
        for (const [index, receive] of receives.entries()) {
          if (next === undefined && begin > 0 && sentAt(receive) < begin) continue
          const at: number | undefined = next === undefined && late ? start(queue, receives.slice(index, index + ALIGNED_BY), sentAt(receive)) : first(queue, receive, next ?? 0)
          if (at === undefined) continue
          next = at + 1
          taken.add(receive)
          pairs.push({ from, to, send: queue[at]!, receive })
        }
      }
    }
  }
  return pairs
}

/** Messages in the order of their log, those over one link, or to or from a peer, by themselves. */
function byChannel(events: readonly JoinEvent[], withPeer: (event: JoinEvent) => boolean): Map<string, JoinEvent[]> {
  const channels = new Map<string, JoinEvent[]>()
  for (const event of events) {
    if (event.linkId === '' && !withPeer(event)) continue
    const key = event.linkId === '' ? 'peer' : `link ${event.linkId}`
    const there = channels.get(key)
    if (there === undefined) channels.set(key, [event])
    else there.push(event)
  }
  return channels
}

/** The next send that the message may be. */
function first(queue: readonly JoinEvent[], receive: JoinEvent, from: number): number | undefined {
  const end = Math.min(queue.length, from + LOOK_AHEAD)
  for (let at = from; at < end; at++) if (sameMessage(queue[at]!, receive)) return at
  return undefined
}

/**
 * The send that the first of these messages was, where it is not known how many went before: the one after which most of the
 * others follow at once, and of several such the nearest in time.
 * @param time the sender's logical one
 */
function start(queue: readonly JoinEvent[], receives: readonly JoinEvent[], time: number): number | undefined {
  let [low, high] = [0, queue.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (queue[middle]!.envelope.time < time) low = middle + 1
    else high = middle
  }
  let best: { readonly at: number; readonly follow: number; readonly away: number } | undefined
  for (let at = Math.max(0, low - LOOK_AHEAD / 2); at < Math.min(queue.length, low + LOOK_AHEAD / 2); at++) {
    let follow = 0
    while (follow < receives.length && at + follow < queue.length && sameMessage(queue[at + follow]!, receives[follow]!)) follow++
    const away = Math.abs(queue[at]!.envelope.time - time)
    if (follow > 0 && (best === undefined || follow > best.follow || (follow === best.follow && away < best.away))) best = { at, follow, away }
  }
  return best?.at
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
      const before = logs.some(({ header, begin }, other) =>
        other !== peer && (peerId === '*' || peerId === header.peerId) && time < clock[other]! + begin)
      rows.push(kind === 'event' ? { time, peer, envelope }
        : { time, peer, envelope, message: { to: to < 0 ? undefined : to, toPeerId: peerId, ...before && { before } } })
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
