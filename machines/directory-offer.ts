import { PeerHeard } from '../proto/index.ts'
import type { DirectoryTurn } from './directory-context.ts'
import { failed } from './directory-hear.ts'
import { isHearsay, scoreOf, type DirectoryRow } from './directory-row.ts'
import { dropRow, setRow } from './directory-rows.ts'
import { toEndpoint, type Place } from './place.ts'
import { below } from './random.ts'
import { emptyTable, get, keys, put, remove, rows } from './table.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Between two rounds while there is more to offer for the start, in milliseconds. */
const START_ROUND_MS = 1_000
/** Who was heard by itself so lately needs no offer: the link keeper knows it. */
const HEARD_MS = 1_200_000
/** Dials of one address come down to one offer: two ports of a host count as two. */
const PLACES_OF_HEARSAY = 3

/** Offers known peers to the link keeper as long as links are wanted. Returns the time until the next round. */
export function round(turn: DirectoryTurn): number {
  const { book, now } = turn
  const { options } = book
  judge(turn)
  const wanted = options.linksWanted - book.connected.size
  if (wanted > 0) {
    const due = [...rows(book.rows)].filter(row => isDue(turn, row))
    const own = best(due.filter(row => !isHearsay(row)), book.atStart > 0 ? Math.min(book.atStart, options.offersPerRound) : Math.min(wanted, options.offersPerRound), now)
    book.atStart = own.length === 0 ? 0 : Math.max(0, book.atStart - own.length)
    for (const row of own) offer(turn, row, row.addresses)
    if (own.length === 0) offerHearsay(turn, due.filter(isHearsay), wanted)
  }
  return book.atStart > 0 && wanted > 0 ? START_ROUND_MS : options.roundMs
}

// Who was offered and has not been connected since has failed.
function judge(turn: DirectoryTurn): void {
  const { book, now } = turn
  for (const peerId of keys(book.offered)) {
    if (now - get(book.offered, peerId)! < book.options.offerWaitMs) continue
    book.offered = remove(book.offered, peerId)
    const row = get(book.rows, peerId)
    if (row !== undefined) setRow(turn, failed(turn, row))
  }
}

function isDue({ book, now }: DirectoryTurn, row: DirectoryRow): boolean {
  return !row.blocked && row.addresses.length > 0 && row.retryAt <= now && get(book.connected, row.peerId) === undefined &&
    get(book.offered, row.peerId) === undefined && !(row.heardHere && now - row.heardAt < HEARD_MS)
}

function best(due: readonly DirectoryRow[], most: number, now: number): DirectoryRow[] {
  return due.map(row => ({ row, score: scoreOf(row, now) })).sort((a, b) => b.score - a.score || b.row.seenAt - a.row.seenAt).slice(0, most).map(({ row }) => row)
}

// Any of them, so that nobody who tells of many decides whom we dial; few, and few at one address.
function offerHearsay(turn: DirectoryTurn, due: DirectoryRow[], wanted: number): void {
  const { book, now } = turn
  const { hearsayPerMinute, hearsayPerTarget } = book.options
  if (now - book.minuteAt >= MINUTE_MS) Object.assign(book, { minuteAt: now, inMinute: 0 })
  if (now - book.hourAt >= HOUR_MS) Object.assign(book, { hourAt: now, targets: emptyTable() })
  for (let left = Math.min(wanted, hearsayPerMinute - book.inMinute); left > 0 && due.length > 0;) {
    const [at, random] = below(book.random, due.length)
    book.random = random
    const row = due[at]!
    due[at] = due.at(-1)!
    due.pop()
    const places = row.addresses.slice(0, PLACES_OF_HEARSAY).filter(({ host }) => {
      const offers = get(book.targets, host) ?? 0
      if (offers >= hearsayPerTarget) return false
      book.targets = put(book.targets, host, offers + 1)
      return true
    })
    if (places.length === 0) continue
    left--
    book.inMinute++
    offer(turn, row, places)
  }
}

function offer({ book, now, says }: DirectoryTurn, row: DirectoryRow, places: readonly Place[]): void {
  book.offered = put(book.offered, row.peerId, now)
  says.push({
    to: '',
    body: new PeerHeard({ peerId: row.peerId, name: row.name, via: isHearsay(row) ? 'exchange' : 'directory', endpoints: places.map(toEndpoint), acceptsInbound: true })
  })
}

/** Forgets who has not been heard of for too long; who is connected is seen now. */
export function sweep(turn: DirectoryTurn): void {
  const { book, now } = turn
  const { expireMs, unverifiedMs } = book.options
  for (const row of rows(book.rows)) {
    if (get(book.connected, row.peerId) !== undefined) setRow(turn, { ...row, seenAt: now })
    else if (!row.blocked && now - Math.max(row.heardAt, row.seenAt) > (row.verifiedAt > 0 ? expireMs : unverifiedMs)) dropRow(turn, row)
  }
}

/** SignedPeerRecords of peers that another may be told of: verified, seen of late, and not that peer itself. */
export function sample({ book, now }: DirectoryTurn, peerId: string, count: number): Uint8Array[] {
  const { sampleMs } = book.options
  const chosen: Uint8Array[] = []
  let seen = 0
  for (const row of rows(book.rows)) {
    if (row.record.length === 0 || row.peerId === peerId || row.blocked || row.verifiedAt === 0 || row.expiresAt <= now) continue
    if (now - row.seenAt > sampleMs && get(book.connected, row.peerId) === undefined) continue
    // Reservoir sampling: each of those seen is among the chosen with the same chance.
    seen++
    if (chosen.length < count) {
      chosen.push(row.record)
      continue
    }
    const [at, random] = below(book.random, seen)
    book.random = random
    if (at < count) chosen[at] = row.record
  }
  return chosen
}
