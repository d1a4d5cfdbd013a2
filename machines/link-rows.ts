import { CloseRequested, Level } from '../proto/index.ts'
import { codeEntry, type Code } from './codes.ts'
import { say, type Life, type LinkRow, type PeerRow, type Turn } from './link-keeper-context.ts'
import { get, put, remove, rows } from './table.ts'

export const noLife: Life = { startedAt: 0, nonce: '' }

const unheard: Omit<PeerRow, 'key' | 'peerId' | 'heardAt'> = {
  name: '',
  via: '',
  places: [],
  fixed: [],
  life: noLife,
  acceptsInbound: false,
  found: false,
  goneAt: 0,
  quietUntil: 0,
  droppedUntil: 0,
  lan: false,
  tags: [],
  turnedAwayAt: 0,
  turnedAway: 0,
  knownSince: 0,
  due: false,
  links: [],
  best: Level.LEVEL_UNSPECIFIED,
  told: Level.LEVEL_UNSPECIFIED,
  bound: []
}

/** A new row; to make room the peer goes that was heard longest ago and has no link. Undefined where nobody can go. */
export function addPeer(turn: Turn, key: string, peerId: string, needed: boolean): PeerRow | undefined {
  const { book } = turn
  if (book.peers.size >= book.options.maxKnown && !forgetOldest(turn) && !needed) return undefined
  const row = { ...unheard, key, peerId, heardAt: book.now }
  book.peers = put(book.peers, key, row)
  return row
}

function forgetOldest(turn: Turn): boolean {
  let oldest: PeerRow | undefined
  for (const row of rows(turn.book.peers)) {
    if (row.links.length > 0 || row.fixed.length > 0 || row.tags.length > 0 || row.droppedUntil > turn.book.now) continue
    if (oldest === undefined || row.heardAt < oldest.heardAt) oldest = row
  }
  if (oldest !== undefined) removePeer(turn, oldest)
  return oldest !== undefined
}

function removePeer(turn: Turn, { key, due }: PeerRow): void {
  if (due) turn.effects.push({ do: 'sleep', key })
  turn.book.peers = remove(turn.book.peers, key)
}

/** Forgets who has no link and was not heard for long. */
export function sweep(turn: Turn): void {
  const { now, options: { staleMs } } = turn.book
  if (staleMs === 0) return
  for (const row of rows(turn.book.peers)) {
    const wanted = row.links.length > 0 || row.fixed.length > 0 || row.tags.length > 0 || row.droppedUntil > now
    if (!wanted && now - row.heardAt >= staleMs) removePeer(turn, row)
  }
}

export function setPeer(turn: Turn, key: string, change: Partial<PeerRow>): PeerRow | undefined {
  const row = get(turn.book.peers, key)
  if (row === undefined) return undefined
  const next = { ...row, ...change }
  turn.book.peers = put(turn.book.peers, key, next)
  return next
}

function count({ book }: Turn, { phase, inbound }: LinkRow, by: 1 | -1): void {
  if (phase === 'opening') {
    if (inbound) book.pending += by
    else book.dialing += by
  } else if (phase === 'backoff') book.retrying += by
}

export function addLink(turn: Turn, link: LinkRow): void {
  count(turn, link, 1)
  turn.book.links = put(turn.book.links, link.address, link)
  const peer = get(turn.book.peers, link.peer)
  if (peer !== undefined) setPeer(turn, peer.key, { links: [...peer.links, link.address] })
}

export function setLink(turn: Turn, link: LinkRow, change: Partial<LinkRow>): LinkRow {
  const next = { ...link, ...change }
  count(turn, link, -1)
  count(turn, next, 1)
  turn.book.links = put(turn.book.links, link.address, next)
  rate(turn, next.peer)
  return next
}

export function removeLink(turn: Turn, link: LinkRow): void {
  count(turn, link, -1)
  turn.book.links = remove(turn.book.links, link.address)
  const peer = get(turn.book.peers, link.peer)
  if (peer !== undefined) setPeer(turn, peer.key, { links: peer.links.filter(address => address !== link.address) })
}

/** Gives the link to the peer that it turned out to lead to; the row is to be set yet. */
export function moveLink(turn: Turn, link: LinkRow, peer: PeerRow): LinkRow {
  const before = get(turn.book.peers, link.peer)
  if (before !== undefined && before.key !== peer.key) setPeer(turn, before.key, { links: before.links.filter(address => address !== link.address) })
  if (!peer.links.includes(link.address)) setPeer(turn, peer.key, { links: [...peer.links, link.address] })
  return { ...link, peer: peer.key }
}

// Keeps the pair's best level, and the number of pairs that hold a link.
function rate(turn: Turn, key: string): void {
  const peer = get(turn.book.peers, key)
  if (peer === undefined) return
  let best: Level = Level.LEVEL_UNSPECIFIED
  for (const link of linksOf(turn, peer)) if (link.phase === 'held' && link.level > best) best = link.level
  if (best === peer.best) return
  if (best === Level.LEVEL_UNSPECIFIED) turn.book.held -= 1
  else if (peer.best === Level.LEVEL_UNSPECIFIED) turn.book.held += 1
  setPeer(turn, key, { best })
}

export function linksOf({ book }: Turn, peer: PeerRow): LinkRow[] {
  const links: LinkRow[] = []
  for (const address of peer.links) {
    const link = get(book.links, address)
    if (link !== undefined) links.push(link)
  }
  return links
}

export function lives(link: LinkRow): boolean {
  return link.phase === 'opening' || link.phase === 'held' || link.phase === 'backoff'
}

/** Asks the connection to close for good; it answers with LinkEnded unless it had ended. */
export function close(turn: Turn, link: LinkRow, code: Code, forMs = 0): void {
  if (link.phase === 'closing' || link.phase === 'over') return
  const { means, refusal } = codeEntry(code)
  say(turn, link.address, new CloseRequested({ code, reason: means, refusal, forMs }))
  setLink(turn, link, { phase: 'closing', since: turn.book.now })
}
