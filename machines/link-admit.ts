import {
  Direction, Initiator, Level, LinkAdmitted, PeerConnected, PeerDisconnected, PeerRefused, PeerVerified, SendPing,
  type DropPeer, type Endpoint, type InboundSecured, type LinkEnded, type LinkIdentified, type LinkLevelReached
} from '../proto/index.ts'
import { isPrivate } from './address-range.ts'
import { codeEntry } from './codes.ts'
import { capOf } from './link-caps.ts'
import { adopt, charge, consider, isPlanned, reject, replan, sleep, wake } from './link-dial.ts'
import { lifeOf, tellFound } from './link-hear.ts'
import { say, type LinkRow, type PeerRow, type Turn } from './link-keeper-context.ts'
import { isNeighbour, makeRoom, turnAway } from './link-plan.ts'
import { blockOf, turnDown } from './link-policy.ts'
import { addPeer, close, linksOf, lives, moveLink, removeLink, setLink, setPeer } from './link-rows.ts'
import { beats, compareLives, dialsFirst, lossCode } from './link-rules.ts'
import { toEndpoint, toPlace } from './place.ts'
import { get, rows } from './table.ts'

/** Links of one peer that may stand beside a new one until that is enhanced: each side dials the other, and places that turn out to be its. */
const LINKS_OF_PEER = 8

/** A caller proved its key: a connection takes its socket over, if there is room. */
export function accept(turn: Turn, { handle, peerId, remote }: InboundSecured, listener: string): void {
  const { book } = turn
  if (book.closing) return reject(turn, { handle, listener }, 'shutdown')
  if (peerId === book.options.peerId) return reject(turn, { handle, listener }, 'self')
  const from = toPlace(remote)
  const code = blockOf(turn, peerId, from.host) ?? (book.inbound ? undefined : 'no-inbound')
  if (code !== undefined) return turnDown(turn, { handle, listener }, peerId, remote as Endpoint, code)
  if (book.pending >= book.options.maxPending) evict(turn, from.host)
  const peer = get(book.peers, peerId)
  if (peer !== undefined) sleep(turn, peer)
  adopt(turn, peerId, from, handle, listener, peer !== undefined && isPlanned(turn, peer) && isNeighbour(turn, peer))
}

// The source with most links that have not identified themselves loses its oldest.
function evict(turn: Turn, newcomer: string): void {
  const bySource = new Map<string, LinkRow[]>()
  for (const link of rows(turn.book.links)) {
    if (!link.inbound || link.phase !== 'opening') continue
    const links = bySource.get(link.remote.host)
    if (links === undefined) bySource.set(link.remote.host, [link])
    else links.push(link)
  }
  let most = bySource.get(newcomer) ?? []
  for (const links of bySource.values()) if (links.length > most.length) most = links
  const [first, ...others] = most
  if (first !== undefined) close(turn, others.reduce((a, b) => (b.since < a.since ? b : a), first), 'busy')
}

/** The other side of a link said who it is: one link of the pair stays, and there must be room. */
export function identified(turn: Turn, body: LinkIdentified, address: string): void {
  const { book } = turn
  const { options } = book
  const before = get(book.links, address)
  if (before === undefined || before.phase === 'closing' || before.phase === 'over') return
  const blocked = blockOf(turn, body.peerId, toPlace(body.remote).host)
  if (blocked !== undefined) return close(turn, before, blocked, options.blockedMs)
  const found = get(book.peers, body.peerId) ?? addPeer(turn, body.peerId, body.peerId, true)!
  const life = lifeOf(body.instance)
  const newer = compareLives(life, found.life) > 0
  if (newer || body.name !== found.name) setPeer(turn, found.key, { name: body.name, life: newer ? life : found.life })
  if (before.peer !== body.peerId) bind(turn, before, found.key)
  const link = setLink(turn, moveLink(turn, before, get(book.peers, found.key)!), {
    life,
    dial: Number.isSafeInteger(body.dial) ? body.dial : 0,
    linkId: body.linkId,
    remote: toPlace(body.remote),
    handle: '',
    since: book.now,
    needed: body.needed
  })
  if (!found.lan && isPrivate(link.remote.host)) setPeer(turn, found.key, { lan: true })
  const peer = get(book.peers, found.key)!

  if (peer.droppedUntil > book.now) return close(turn, link, 'dropped', peer.droppedUntil - book.now)
  const rivals = linksOf(turn, peer).filter(other => other.address !== address && other.phase === 'held')
  const winner = rivals.find(other => beats(other, link, options.peerId, peer.peerId))
  if (winner !== undefined) return close(turn, link, lossCode(winner, link))
  const full = rivals.length > 0 ? undefined : (link.inbound ? capOf(turn, peer, link) : undefined) ?? makeRoom(turn, peer, link)
  if (full !== undefined) {
    turnAway(turn, peer, options.refusalMs)
    return close(turn, link, full, options.refusalMs)
  }

  if (peer.goneAt > 0 || peer.quietUntil > 0) setPeer(turn, peer.key, { goneAt: 0, quietUntil: 0 })
  sleep(turn, peer)
  if (isPlanned(turn, peer)) replan(turn)
  const held = setLink(turn, link, { phase: 'held', level: Level.LEVEL_IDENTIFIED })
  say(turn, address, new LinkAdmitted())
  for (const other of linksOf(turn, peer)) if (gives(turn, other, held)) close(turn, other, 'duplicate')
  // However often it claims to have started anew: the links of one peer do not count towards maxLinks.
  if (rivals.length >= LINKS_OF_PEER) {
    const least = rivals.reduce((a, b) => (b.level < a.level ? b : a))
    close(turn, get(book.links, least.address)!, lossCode(held, least))
  }
}

// A link that the other side may use already stays until the winner is enhanced on both sides. What we
// still dial goes at once where it would lose by the rule for directions; a dial that would win goes on.
function gives(turn: Turn, other: LinkRow, held: LinkRow): boolean {
  if (other.address === held.address || other.inbound || !lives(other) || other.phase === 'held') return false
  return other.phase === 'backoff' || (held.inbound && !dialsFirst(turn.book.options.peerId, held.peer))
}

// A static place turned out to be this peer's.
function bind(turn: Turn, link: LinkRow, key: string): void {
  const place = get(turn.book.peers, link.peer)
  if (place === undefined || place.peerId !== '') return
  sleep(turn, place)
  setPeer(turn, place.key, { bound: [key] })
  const peer = get(turn.book.peers, key)!
  const next = setPeer(turn, key, {
    via: peer.via === '' ? place.via : peer.via,
    found: true,
    bound: peer.bound.includes(place.key) ? peer.bound : [...peer.bound, place.key]
  })!
  if (!peer.found) tellFound(turn, { ...next, places: next.places.length > 0 ? next.places : place.places })
}

/** A link climbed: told once for the pair. */
export function reached(turn: Turn, { level, steps }: LinkLevelReached, address: string): void {
  const { book } = turn
  const before = get(book.links, address)
  if (before === undefined || before.phase !== 'held') return
  const link = setLink(turn, before, { level })
  const peer = get(book.peers, link.peer)!
  if (peer.told < Level.LEVEL_BASIC && level >= Level.LEVEL_BASIC) {
    book.connected += 1
    setPeer(turn, peer.key, { told: Level.LEVEL_BASIC })
    say(turn, '', new PeerConnected({
      peerId: peer.peerId,
      name: peer.name,
      remote: toEndpoint(link.remote),
      direction: link.inbound ? Direction.DIRECTION_IN : Direction.DIRECTION_OUT,
      path: 'tcp',
      level: Level.LEVEL_BASIC,
      linkId: link.linkId
    }))
  }
  if (level < Level.LEVEL_ENHANCED) return
  if (peer.told < Level.LEVEL_ENHANCED) {
    setPeer(turn, peer.key, { told: Level.LEVEL_ENHANCED, knownSince: peer.knownSince || Math.max(book.now, 1) })
    say(turn, '', new PeerVerified({ peerId: peer.peerId, steps, level: Level.LEVEL_ENHANCED }))
  }
  if (losers(turn, link).length === 0) return
  // The other side may not have heard yet that we verified it; on this link its pong comes after that.
  book.probes += 1
  setLink(turn, link, { probe: book.probes })
  say(turn, `${address}#link`, new SendPing({ id: book.probes }))
}

function losers(turn: Turn, link: LinkRow): LinkRow[] {
  const peer = get(turn.book.peers, link.peer)
  return peer === undefined ? [] : linksOf(turn, peer).filter(other =>
    other.address !== link.address && other.phase === 'held' && beats(link, other, turn.book.options.peerId, peer.peerId))
}

/** Both sides have the winner enhanced: the losers are not needed any more. */
export function settled(turn: Turn, id: number, driver: string): void {
  const link = get(turn.book.links, driver.slice(0, driver.indexOf('#')))
  if (link === undefined || link.probe !== id || link.phase !== 'held') return
  for (const other of losers(turn, link)) close(turn, other, lossCode(link, other))
}

/** A link, or a round of dialling, ended. */
export function ended(turn: Turn, body: LinkEnded, address: string): void {
  const { book } = turn
  const before = get(book.links, address)
  if (before === undefined || before.phase === 'over') return
  const again = body.againMs > 0
  const link = setLink(turn, before, { phase: again ? 'backoff' : 'over', level: 0, since: book.now })
  const peer = get(book.peers, link.peer)
  tellEnd(turn, peer, body)
  if (peer === undefined) return
  remember(turn, peer.key, link, body)

  if (again) {
    if (linksOf(turn, peer).some(other => other.address !== address && other.phase === 'held')) return close(turn, link, 'duplicate')
    // Another one is started in its place, by the policy of now.
    if (link.stale) return close(turn, link, 'aborted')
    if (link.persistent) return
    if (isPlanned(turn, peer)) {
      replan(turn)
      // Whether and when it is dialled again is a matter of the next plan.
      if (codeEntry(body.code).refusal) {
        remember(turn, peer.key, link, { ...body, againMs: 0 } as LinkEnded)
        return close(turn, link, 'trimmed')
      }
    }
    if (!affordable(turn, peer)) close(turn, link, 'dial-budget')
  } else if (body.code !== 'shutdown' || body.initiator !== Initiator.INITIATOR_SELF) {
    lost(turn, peer.key)
  }
}

// A retry is a dial like any other, of every place.
function affordable(turn: Turn, peer: PeerRow): boolean {
  const { retrying, options } = turn.book
  return peer.places.every(place => charge(turn, place.host)) && retrying <= options.maxDials
}

function tellEnd(turn: Turn, peer: PeerRow | undefined, body: LinkEnded): void {
  const { code, reason, initiator, step, level, remote } = body
  // Where a step refuses us, we may have let messages pass already; the other side never did.
  if ((level < Level.LEVEL_BASIC && codeEntry(code).refusal) || (level < Level.LEVEL_ENHANCED && step !== '')) {
    say(turn, '', new PeerRefused({ peerId: body.peerId, remote: remote ?? null, step, code, reason, initiator }))
  }
  const now = peer && get(turn.book.peers, peer.key)
  if (now === undefined || now.told < Level.LEVEL_BASIC || now.best >= Level.LEVEL_BASIC) return
  turn.book.connected -= 1
  setPeer(turn, now.key, { told: Level.LEVEL_UNSPECIFIED })
  say(turn, '', new PeerDisconnected({ peerId: now.peerId, code, reason, initiator }))
}

// What the end says about dialling the peer again.
function remember(turn: Turn, key: string, link: LinkRow, body: LinkEnded): void {
  const { now, options } = turn.book
  const byRemote = body.initiator === Initiator.INITIATOR_REMOTE
  const { refusal } = codeEntry(body.code)
  if (body.code === 'self') setPeer(turn, key, { places: [], fixed: [] })
  if (body.againMs > 0) return
  if (byRemote && (body.code === 'trimmed' || body.code === 'too-many-links')) turnAway(turn, get(turn.book.peers, key)!, 0)
  const quietMs = Math.max(byRemote ? body.forMs : 0, refusal ? options.refusalMs : 0)
  if (quietMs > 0) setPeer(turn, key, { quietUntil: Math.max(get(turn.book.peers, key)!.quietUntil, now + quietMs) })
  const gaveUp = !link.inbound && body.level === 0 && body.initiator === Initiator.INITIATOR_NETWORK
  if ((byRemote && body.code === 'shutdown') || gaveUp) {
    const peer = get(turn.book.peers, key)!
    if (!linksOf(turn, peer).some(lives)) setPeer(turn, key, { goneAt: Math.max(now, 1), found: false })
  }
}

// The pair may be without a link now: its static places and the peer itself are looked at again.
function lost(turn: Turn, key: string): void {
  const peer = get(turn.book.peers, key)
  if (peer === undefined) return
  consider(turn, key, 'lost')
  if (peer.peerId !== '') for (const place of peer.bound) consider(turn, place, 'lost')
}

/** The connection is gone. */
export function gone(turn: Turn, address: string): void {
  const link = get(turn.book.links, address)
  if (link === undefined) return
  if (link.phase === 'opening' || link.phase === 'held' || (link.phase === 'closing' && link.level > 0)) {
    ended(turn, failedEnd(link), address)
  }
  removeLink(turn, get(turn.book.links, address)!)
  lost(turn, link.peer)
}

// A connection that failed could not tell its end itself.
function failedEnd({ peer, level, remote }: LinkRow): LinkEnded {
  const { means } = codeEntry('internal')
  return { peerId: peer.startsWith('@') ? '' : peer, code: 'internal', reason: means, initiator: Initiator.INITIATOR_SELF, step: '', level, remote, againMs: 0, forMs: 0 } as LinkEnded
}

/** A connection could not be started. */
export function unspawned(turn: Turn, address: string): void {
  const link = get(turn.book.links, address)
  if (link === undefined) return
  if (link.inbound) reject(turn, link, 'busy')
  removeLink(turn, link)
  const peer = get(turn.book.peers, link.peer)
  if (peer !== undefined && !link.inbound) wake(turn, peer, turn.book.options.dialPatienceMs)
}

/** A person does not want the peer for now, whether or not anything is known of it yet. */
export function drop(turn: Turn, { peerId, forMs }: DropPeer): void {
  const { book } = turn
  const { now, options } = book
  if (peerId === '' || peerId === options.peerId) return
  const known = get(book.peers, peerId)
  if (known === undefined && !book.dropsUnknown) return
  const peer = known ?? addPeer(turn, peerId, peerId, true)!
  const ms = forMs > 0 ? forMs : options.dropMs
  const until = now + ms
  for (const key of [peerId, ...peer.bound]) setPeer(turn, key, { quietUntil: until, droppedUntil: until, turnedAwayAt: 0 })
  for (const link of linksOf(turn, peer)) close(turn, link, 'dropped', ms)
  // Whoever calls and was never heard is not among its peer's links before it has said who it is.
  if (book.dropsUnknown) for (const link of rows(book.links)) if (link.peer === peerId) close(turn, link, 'dropped', ms)
}

/** Every link is closed, with a word to the other side. */
export function closeAll(turn: Turn): void {
  turn.book.closing = true
  for (const link of rows(turn.book.links)) close(turn, link, 'shutdown')
}
