import {
  Direction, Initiator, type PeerBlocked, type PeerClaim, type PeerConnected, type PeerDisconnected, type PeerHeard, type PeerRefused, type PeersClaimed,
  type PeerVerified, type PolicyChanged
} from '../proto/index.ts'
import { codeEntry } from './codes.ts'
import type { DirectoryTurn } from './directory-context.ts'
import { isHearsay, namedAs, newRow, withAddresses, type DirectoryRow } from './directory-row.ts'
import { makeRoom, makeRoomForHearsay, setRow } from './directory-rows.ts'
import { toPlace, type Place } from './place.ts'
import { subnetOf } from './address-scope.ts'
import { get, put, remove } from './table.ts'

/** How exactly it is kept when a peer was heard last, in milliseconds: it goes on being heard, and each time would be a write. */
const HEARD_GRAIN_MS = 600_000
const STEPS_MAX = 16
const CODE_CHARS = 64

/** The peer's row, or a new one where there is room for it. */
function rowOf(turn: DirectoryTurn, peerId: string, verified: boolean): DirectoryRow | undefined {
  if (peerId === '' || peerId === turn.book.options.peerId) return undefined
  return get(turn.book.rows, peerId) ?? (makeRoom(turn, verified) ? { ...newRow(peerId), heardAt: turn.now } : undefined)
}

/** Somebody says where a peer is: not the directory itself, and not a person, who says it again each time. */
export function heard(turn: DirectoryTurn, { peerId, name, via, endpoints, acceptsInbound }: PeerHeard): void {
  if (via === 'directory' || via === 'exchange' || via === 'static' || !acceptsInbound) return
  const before = rowOf(turn, peerId, false)
  if (before === undefined) return
  const places = endpoints.map(toPlace)
  const known = places.every(place => before.addresses.some(({ host, port }) => host === place.host && port === place.port))
  if (known && before.heardHere && before.source === '' && namedAs(before, name) === before.name && turn.now - before.heardAt < HEARD_GRAIN_MS) return
  setRow(turn, {
    ...before, source: '', name: namedAs(before, name), heardAt: turn.now, heardHere: true,
    addresses: known ? before.addresses : withAddresses(before, places, via, turn.now, false, turn.book.options.maxAddresses)
  })
}

export function connected(turn: DirectoryTurn, { peerId, name, remote, direction }: PeerConnected): void {
  const before = rowOf(turn, peerId, true)
  turn.book.connected = put(turn.book.connected, peerId, true)
  turn.book.offered = remove(turn.book.offered, peerId)
  if (before === undefined) return
  // Who dialled us did so from a port that nobody listens at.
  const places: Place[] = direction === Direction.DIRECTION_OUT && remote ? [toPlace(remote)] : []
  setRow(turn, {
    ...before, source: '', name: namedAs(before, name), heardAt: turn.now, seenAt: turn.now,
    addresses: withAddresses(before, places, 'link', turn.now, true, turn.book.options.maxAddresses)
  })
}

export function verified(turn: DirectoryTurn, { peerId, steps }: PeerVerified): void {
  const before = rowOf(turn, peerId, true)
  if (before === undefined) return
  setRow(turn, { ...before, source: '', verifiedAt: turn.now, seenAt: turn.now, steps: steps.slice(0, STEPS_MAX), failures: 0, retryAt: 0 })
}

/** The end of a link is what we saw ourselves, never what another peer says. */
export function disconnected(turn: DirectoryTurn, { peerId, code, initiator }: PeerDisconnected): void {
  const { book, now } = turn
  book.connected = remove(book.connected, peerId)
  const before = get(book.rows, peerId)
  if (before === undefined) return
  const row = { ...before, seenAt: now, retryAt: now + book.options.backoffMs }
  // Whom we do not trust any more is not told of to others either.
  const revoked = code === 'trust-revoked' && initiator === Initiator.INITIATOR_SELF
  setRow(turn, revoked ? { ...row, verifiedAt: 0, steps: [], refusedAt: now, refusedCode: code } : row)
}

/** Only who is known is judged: strangers have as many names as they like. */
export function refused(turn: DirectoryTurn, { peerId, code }: PeerRefused): void {
  const before = get(turn.book.rows, peerId)
  if (before !== undefined && codeEntry(code).refusal) setRow(turn, failed(turn, { ...before, refusedAt: turn.now, refusedCode: code.slice(0, CODE_CHARS) }))
}

/** The row after an offer led to no link. */
export function failed({ book, now }: DirectoryTurn, row: DirectoryRow): DirectoryRow {
  const { backoffMs, backoffMaxMs } = book.options
  let wait = backoffMs
  for (let i = 0; i < row.failures && wait < backoffMaxMs; i++) wait *= 2
  return { ...row, failures: row.failures + 1, retryAt: now + Math.min(wait, backoffMaxMs) }
}

export function blocked(turn: DirectoryTurn, body: PeerBlocked): void {
  const before = rowOf(turn, body.peerId, true)
  if (before !== undefined && before.blocked !== body.blocked) setRow(turn, { ...before, source: '', blocked: body.blocked })
}

/** Who is not blocked any more is not blocked in the next run either. */
export function unblocked(turn: DirectoryTurn, { unblocked: peerIds }: PolicyChanged): void {
  for (const peerId of peerIds) {
    const row = get(turn.book.rows, peerId)
    if (row?.blocked === true) setRow(turn, { ...row, blocked: false })
  }
}

/** What a peer told of itself is kept with it; what it told of others is hearsay. */
export function claimed(turn: DirectoryTurn, { source, claims }: PeersClaimed): void {
  for (const claim of claims) {
    if (claim.peerId === source) ofItself(turn, claim)
    else ofAnother(turn, claim, source)
  }
}

function ofItself(turn: DirectoryTurn, { peerId, sequence, expiresAt, endpoints, record }: PeerClaim): void {
  const { book, now } = turn
  const before = get(book.rows, peerId)
  if (before === undefined || sequence <= before.sequence) return
  setRow(turn, {
    ...before, sequence, expiresAt, record, heardAt: now,
    addresses: appended(before, endpoints.map(toPlace), now, book.options.maxAddresses)
  })
}

// A peer's word on another never changes what we know first-hand: not its addresses, nor when it was seen, nor any verdict.
function ofAnother(turn: DirectoryTurn, { peerId, sequence, endpoints }: PeerClaim, source: string): void {
  const { book, now } = turn
  const places = endpoints.map(toPlace)
  const [first] = places
  if (first === undefined || peerId === '' || peerId === book.options.peerId) return
  const before = get(book.rows, peerId)
  if (before !== undefined) {
    if (!isHearsay(before) || sequence <= before.sequence) return
    const moved = subnetOf(first.host)
    const same = before.addresses[0] !== undefined && subnetOf(before.addresses[0].host) === moved
    if (!same && subnetFull(turn, moved)) return
    setRow(turn, { ...before, sequence, addresses: withAddresses(newRow(peerId), places, 'exchange', now, false, book.options.maxAddresses) })
    return
  }
  if (subnetFull(turn, subnetOf(first.host)) || !makeRoomForHearsay(turn, source) || !makeRoom(turn, false)) return
  setRow(turn, {
    ...newRow(peerId), source, sequence, heardAt: now,
    addresses: withAddresses(newRow(peerId), places, 'exchange', now, false, book.options.maxAddresses)
  })
}

const subnetFull = ({ book }: DirectoryTurn, subnet: string): boolean => (get(book.bySubnet, subnet) ?? 0) >= book.options.maxPerSubnet

// After what is known from links and announcements: those have been seen to be true.
function appended(row: DirectoryRow, places: readonly Place[], now: number, max: number): DirectoryRow['addresses'] {
  const told = withAddresses(newRow(row.peerId), places, 'exchange', now, false, max)
  const known = row.addresses.filter(({ via }) => via !== 'exchange')
  return [...known, ...told.filter(each => !known.some(({ host, port }) => host === each.host && port === each.port))].slice(0, max)
}
