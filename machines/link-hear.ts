import { EndpointsFound, PeerFound, type PeerHeard } from '../proto/index.ts'
import { isPrivate } from './address-range.ts'
import { blocksHost, blocksPeer } from './blocklist.ts'
import { charge, consider, isServed } from './link-dial.ts'
import { say, type Life, type PeerRow, type Turn } from './link-keeper-context.ts'
import { addPeer, linksOf, setPeer } from './link-rows.ts'
import { compareLives } from './link-rules.ts'
import { mergePlaces, placeKey, toEndpoint, toPlace } from './place.ts'
import { get } from './table.ts'
import { cleanText } from './text.ts'
import { hex } from './hex.ts'

/** Being heard again cuts a wait short, but not more often than so, in milliseconds. */
const HEARD_AGAIN_MS = 5_000
/** What was still on its way when a peer said goodbye does not bring it back, in milliseconds. */
const ECHO_MS = 2_000
/** How exactly it is known when a peer was heard last, in milliseconds; it decides only who is forgotten first. */
const HEARD_GRAIN_MS = 30_000
const NAME_CHARS = 64
/** How only peers of the local network are heard. */
const LAN_VIAS: ReadonlySet<string> = new Set(['broadcast', 'multicast', 'mdns'])
/** Bytes of an instance's nonce that count: as many as announcements have. */
const NONCE_BYTES = 8

interface InstanceLike {
  readonly startedAt?: number | null
  readonly nonce?: Uint8Array | null
}

/** Its own word: a time that compares with no other, not even itself, would let every link of it stay. */
export function lifeOf(instance: InstanceLike | null | undefined): Life {
  const startedAt = instance?.startedAt ?? 0
  return { startedAt: Number.isSafeInteger(startedAt) ? startedAt : 0, nonce: instance?.nonce ? hex(instance.nonce.subarray(0, NONCE_BYTES)) : '' }
}

/** Somebody says that a peer is somewhere: it is remembered, and dialled if it is ours to dial. */
export function hear(turn: Turn, body: PeerHeard): void {
  const { book } = turn
  const { peerId, via } = body
  const isOpen = ({ host }: { host?: string | null }): boolean => !blocksHost(book.blocked, host ?? '')
  // What a person named is said once: it is kept for when it is not blocked any more.
  const endpoints = via === 'static' ? body.endpoints : body.endpoints.filter(isOpen)
  if (endpoints.length < body.endpoints.length && endpoints.length === 0) return
  const unknown = endpoints[0] === undefined ? '' : `@${placeKey(toPlace(endpoints[0]))}`
  const key = peerId === '' ? unknown : peerId
  if (key === '' || peerId === book.options.peerId) return
  const before = get(book.peers, key) ?? addPeer(turn, key, peerId, via === 'static')
  if (before === undefined) return

  const life = lifeOf(body.instance)
  const newer = life.startedAt > 0 && compareLives(life, before.life) > 0
  if (before.goneAt > 0 && !newer && book.now - before.goneAt < ECHO_MS) return
  const fixed = via === 'static' ? mergePlaces(before.fixed, endpoints) : before.fixed
  // Another life listens at another port.
  const places = mergePlaces(newer ? fixed : before.places, endpoints)
  const blocked = blocksPeer(book.blocked, peerId) || (places.length > 0 && !places.some(isOpen))
  const acceptsInbound = body.acceptsInbound || fixed.length > 0
  const same = before.found && before.goneAt === 0 && !newer && places === before.places && acceptsInbound === before.acceptsInbound
  if (same && book.now - before.heardAt < HEARD_GRAIN_MS && isServed(turn, before)) {
    retrySooner(turn, before, false)
    return
  }
  const peer = setPeer(turn, key, {
    name: body.name === '' ? before.name : cleanText(body.name, NAME_CHARS),
    via,
    places,
    fixed,
    life: newer ? life : before.life,
    acceptsInbound,
    lan: before.lan || LAN_VIAS.has(via) || places.some(({ host }) => isPrivate(host)),
    heardAt: book.now,
    found: !blocked,
    goneAt: 0
  })!
  if (blocked) return
  if (!before.found && peerId !== '') tellFound(turn, peer)
  if (!isServed(turn, peer)) consider(turn, key, 'heard')
  else if (newer && outlived(turn, peer)) consider(turn, key, 'again')
  else retrySooner(turn, peer, newer || places !== before.places)
}

export function tellFound(turn: Turn, { peerId, name, via, places }: PeerRow): void {
  say(turn, '', new PeerFound({ peerId, name, via, endpoints: places.map(toEndpoint) }))
}

// All its links lead to a life that is over.
function outlived(turn: Turn, peer: PeerRow): boolean {
  return linksOf(turn, peer).every(link => link.phase === 'closing' || link.phase === 'over' || (link.phase === 'held' && compareLives(link.life, peer.life) < 0))
}

// Connections that dial or wait are told of new places, and of signs of life.
function retrySooner(turn: Turn, peer: PeerRow, news: boolean): void {
  const { now } = turn.book
  for (const link of linksOf(turn, peer)) {
    const waits = link.phase === 'backoff' && (news || now - link.since >= HEARD_AGAIN_MS)
    if (!waits && !(link.phase === 'opening' && !link.inbound && news)) continue
    // It dials them all again, so that one place too many is too much.
    if (peer.places.length > 0 && peer.places.every(place => charge(turn, place.host))) say(turn, link.address, new EndpointsFound({ endpoints: peer.places.map(toEndpoint) }))
  }
}

/** Discovery starts: who was heard before is dialled now. */
export function start(turn: Turn, peers: Iterable<string>): void {
  turn.book.started = true
  for (const key of peers) consider(turn, key, 'heard')
}
