import { blocksPeer } from './blocklist.ts'
import type { Code } from './codes.ts'
import { isTrusted } from './link-caps.ts'
import { consider, isPlanned, marksOf, replan, wake } from './link-dial.ts'
import type { LinkRow, PeerRow, Turn } from './link-keeper-context.ts'
import { close, linksOf, lives, setPeer } from './link-rows.ts'
import { dialsFirst } from './link-rules.ts'
import { RANK, ringOf, someOf, victimOf, type Kept, type Marks, type Rank } from './link-trim.ts'
import { below } from './random.ts'
import { get, rows } from './table.ts'

/** A dial that is under way for longer is no longer counted on, in milliseconds: on a LAN a link opens within a tenth of it. */
const DOUBT_MS = 2_000
/** Of the links that are missing a part is dialled at once, so that the others have time to be dialled by who misses some too. */
const FILL_PART = 4

/** The peers of one scope, as a plan sees them. */
interface View {
  /** Accept links, and have one, will soon have one, or may be dialled for one. */
  readonly ring: string[]
  readonly held: PeerRow[]
  /** Links are being opened to them. */
  readonly coming: PeerRow[]
  /** Links to them could not be opened, and are tried again. */
  readonly failing: PeerRow[]
  /** May be dialled. */
  readonly free: PeerRow[]
  /** When something of this changes by itself; Infinity for never. */
  next: number
}

/** Until when the peer is not dialled: a neighbour on the ring is tried again sooner where only room was missing. */
export function quietUntil({ book: { options } }: Turn, peer: PeerRow, neighbour: boolean): number {
  if (!neighbour || peer.turnedAwayAt === 0) return peer.quietUntil
  const wait = options.ringQuietMs * (1 << Math.min(peer.turnedAway - 1, 10))
  return Math.min(peer.quietUntil, peer.turnedAwayAt + wait)
}

function mayBeDialled(peer: PeerRow): boolean {
  return peer.places.length > 0 && peer.acceptsInbound && peer.goneAt === 0
}

/** Links are being opened that may still be counted on. */
function isComing(turn: Turn, links: readonly LinkRow[]): boolean {
  return links.some(({ phase, since }) => phase === 'opening' && turn.book.now - since < DOUBT_MS)
}

function viewOf(turn: Turn, lan: boolean | undefined): View {
  const { now } = turn.book
  const view: View = { ring: [], held: [], coming: [], failing: [], free: [], next: Infinity }
  for (const peer of rows(turn.book.peers)) {
    if (peer.peerId === '' || blocksPeer(turn.book.blocked, peer.peerId) || (lan !== undefined && peer.lan !== lan)) continue
    if (peer.best > 0) view.held.push(peer)
    else {
      const links = peer.links.length === 0 ? [] : linksOf(turn, peer).filter(lives)
      if (isComing(turn, links)) {
        view.coming.push(peer)
        for (const { since, phase } of links) if (phase === 'opening') view.next = Math.min(view.next, since + DOUBT_MS)
      } else if (links.length > 0) {
        view.failing.push(peer)
        continue
      } else {
        if (!mayBeDialled(peer)) continue
        const quiet = quietUntil(turn, peer, true)
        if (peer.quietUntil > now) view.next = Math.min(view.next, quiet > now ? quiet : peer.quietUntil)
        else view.free.push(peer)
        if (quiet > now) continue
      }
    }
    if (peer.acceptsInbound) view.ring.push(peer.peerId)
  }
  return view
}

/** Whether the peer is a neighbour on the ring, as far as is known here. */
export function isNeighbour(turn: Turn, peer: PeerRow): boolean {
  return peer.acceptsInbound && ringOf(turn.book.options.peerId, [...viewOf(turn, scopeOf(turn, peer)).ring, peer.peerId]).includes(peer.peerId)
}

/** Peers of one scope stand on one ring; without marks all do. */
function scopeOf(turn: Turn, { lan }: PeerRow): boolean | undefined {
  return marksOf(turn, lan) === undefined ? undefined : lan
}

function rankOf(turn: Turn, peer: PeerRow, ring: readonly string[], needed: boolean): Rank {
  if (peer.tags.length > 0) return RANK.protected
  if (ring.includes(peer.peerId)) return RANK.ring
  if (isTrusted(turn, peer)) return RANK.trusted
  return needed ? RANK.needed : RANK.other
}

function keptOf(turn: Turn, peer: PeerRow, ring: readonly string[], newcomer?: LinkRow): Kept {
  const { now } = turn.book
  const links = newcomer === undefined ? linksOf(turn, peer).filter(({ phase }) => phase === 'held') : [newcomer]
  const ageMs = newcomer === undefined ? Math.max(...links.map(({ since }) => now - since)) : 0
  const score = Math.trunc(turn.score({
    peerId: peer.peerId, name: peer.name, lan: peer.lan, inbound: links.some(({ inbound }) => inbound), ageMs, knownMs: peer.knownSince > 0 ? now - peer.knownSince : 0
  })) || 0
  return { peerId: peer.peerId, rank: rankOf(turn, peer, ring, links.some(({ needed }) => needed)), score, ageMs }
}

/** Ends the links to a peer that others are kept before; both sides leave each other alone for a while. */
function trim(turn: Turn, peerId: string): void {
  const { trimQuietMs } = turn.book.options
  const peer = turnAway(turn, get(turn.book.peers, peerId)!, trimQuietMs)
  for (const link of linksOf(turn, peer)) if (link.phase === 'held') close(turn, link, 'trimmed', trimQuietMs)
}

/** One of both has no room for the other. */
export function turnAway(turn: Turn, peer: PeerRow, quietMs: number): PeerRow {
  const { now } = turn.book
  const { turnedAwayAt, turnedAway } = peer
  // Long ago is not in a row.
  const inARow = turnedAwayAt > 0 && now - turnedAwayAt < 10 * turn.book.options.trimQuietMs
  return setPeer(turn, peer.key, {
    turnedAwayAt: Math.max(now, 1), turnedAway: inARow ? turnedAway + 1 : 1, quietUntil: Math.max(peer.quietUntil, now + quietMs)
  })!
}

/** Why there is no room for a link to a further peer; for one that is admitted a lesser one may go. */
export function makeRoom(turn: Turn, peer: PeerRow, link: LinkRow): Code | undefined {
  const { book } = turn
  const marks = marksOf(turn, peer.lan)
  const { maxLinks, reservedLinks } = book.options
  const most = reservedLinks === 0 || peer.knownSince > 0 || isTrusted(turn, peer) ? maxLinks : maxLinks - reservedLinks
  if (marks === undefined && book.held < most) return undefined
  const scope = scopeOf(turn, peer)
  const view = viewOf(turn, scope)
  const held = scope === undefined ? book.held : view.held.length
  const tooMany = marks !== undefined && held >= marks.high
  if (!tooMany && book.held < most) return undefined
  const ring = ringOf(book.options.peerId, peer.acceptsInbound ? [...view.ring, peer.peerId] : view.ring)
  const victim = victimOf(view.held.map(each => keptOf(turn, each, ring)), keptOf(turn, peer, ring, link), book.options.graceMs)
  if (victim === undefined) return 'too-many-links'
  trim(turn, victim.peerId)
  return undefined
}

/** Looks over all links and all peers: who is dialled, and who goes. */
export function plan(turn: Turn): void {
  turn.book.planAt = 0
  for (const lan of [true, false]) {
    const marks = marksOf(turn, lan)
    if (marks !== undefined) planScope(turn, lan, marks)
  }
}

function planScope(turn: Turn, lan: boolean, marks: Marks): void {
  const { book } = turn
  const { peerId: self, graceMs } = book.options
  const view = viewOf(turn, lan)
  const ring = ringOf(self, view.ring)
  const kept = view.held.map(peer => keptOf(turn, peer, ring))
  while (kept.length > marks.high) {
    const victim = victimOf(kept, undefined, graceMs)
    if (victim === undefined) break
    kept.splice(kept.indexOf(victim), 1)
    trim(turn, victim.peerId)
  }
  giveUp(turn, view)
  const missing = ring.filter(id => !kept.some(({ peerId }) => peerId === id) && !view.coming.some(({ peerId }) => peerId === id))
  for (const id of missing) seek(turn, get(book.peers, id)!)
  fill(turn, view, ring, marks.low - kept.length - view.coming.length - missing.length)
  if (view.next < Infinity) replan(turn, Math.max(1, view.next - book.now))
}

// Whoever does not answer is tried on only where it would be a neighbour if it did.
function giveUp(turn: Turn, { failing, ring }: View): void {
  const { options, now } = turn.book
  for (const peer of failing) {
    if (!isPlanned(turn, peer) || ringOf(options.peerId, [...ring, peer.peerId]).includes(peer.peerId)) continue
    const waiting = linksOf(turn, peer).filter(({ phase }) => phase === 'backoff')
    if (waiting.length === 0) continue
    setPeer(turn, peer.key, { quietUntil: Math.max(peer.quietUntil, now + options.trimQuietMs), turnedAwayAt: 0 })
    for (const link of waiting) close(turn, link, 'trimmed')
  }
}

// A neighbour needs the link as much as we do, so that one of both waits for the other, as ever.
function seek(turn: Turn, peer: PeerRow): void {
  const { options, acceptsInbound } = turn.book
  if (!acceptsInbound || dialsFirst(options.peerId, peer.peerId)) consider(turn, peer.key, 'needed')
  else wake(turn, peer, options.dialPatienceMs)
}

/** The peer whose turn it was to dial had its time. */
export function due(turn: Turn, peer: PeerRow): void {
  if (isNeighbour(turn, peer) && quietUntil(turn, peer, true) <= turn.book.now) consider(turn, peer.key, 'needed')
  else replan(turn)
}

// Beyond the ring any peer is as good as any other: at random, so that everything is near by, and not all at the same time.
function fill(turn: Turn, { free }: View, ring: readonly string[], lacking: number): void {
  const { book } = turn
  const choice = free.flatMap(({ peerId }) => ring.includes(peerId) ? [] : [peerId])
  if (lacking <= 0 || choice.length === 0) {
    book.fillAt = 0
    return
  }
  if (book.fillAt === 0) {
    const [wait, random] = below(book.random, book.options.dialPatienceMs + 1)
    book.random = random
    book.fillAt = book.now + book.options.dialPatienceMs + wait
  }
  if (book.fillAt > book.now) return replan(turn, book.fillAt - book.now)
  book.fillAt = 0
  const [chosen, random] = someOf(choice, Math.ceil(lacking / FILL_PART), book.random)
  book.random = random
  for (const id of chosen) consider(turn, id, 'planned')
  replan(turn)
}
