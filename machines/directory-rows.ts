import type { DirectoryTurn } from './directory-context.ts'
import { isHearsay, scoreOf, subnetOfRow, type DirectoryRow } from './directory-row.ts'
import { get, put, remove, rows, type Table } from './table.ts'

function count(table: Table<number>, key: string, by: 1 | -1): Table<number> {
  const sum = (get(table, key) ?? 0) + by
  return sum > 0 ? put(table, key, sum) : remove(table, key)
}

function account({ book }: DirectoryTurn, row: DirectoryRow, by: 1 | -1): void {
  if (!isHearsay(row)) return
  book.hearsay += by
  book.bySource = count(book.bySource, row.source, by)
  book.bySubnet = count(book.bySubnet, subnetOfRow(row), by)
}

/** Puts a row in the place of the one before. @param stored false where the store has it already */
export function setRow(turn: DirectoryTurn, row: DirectoryRow, stored = false): void {
  const { book } = turn
  const before = get(book.rows, row.peerId)
  if (before !== undefined) account(turn, before, -1)
  account(turn, row, 1)
  book.rows = put(book.rows, row.peerId, row)
  if (!stored) note(turn, row.peerId, true)
}

export function dropRow(turn: DirectoryTurn, row: DirectoryRow): void {
  const { book } = turn
  account(turn, row, -1)
  book.rows = remove(book.rows, row.peerId)
  book.offered = remove(book.offered, row.peerId)
  note(turn, row.peerId, false)
}

function note({ book }: DirectoryTurn, peerId: string, kept: boolean): void {
  if (book.durable && get(book.changed, peerId) !== kept) book.changed = put(book.changed, peerId, kept)
}

/**
 * Makes room for one more row: a hundredth of the table goes at once, so that a flood does not sort it each time. Who is
 * connected stays, and only a verified peer takes the place of a verified one.
 */
export function makeRoom(turn: DirectoryTurn, verified: boolean): boolean {
  const { book, now } = turn
  const { maxPeers } = book.options
  if (book.rows.size < maxPeers) return true
  const worst = [...rows(book.rows)]
    .filter(row => get(book.connected, row.peerId) === undefined && (verified || (row.verifiedAt === 0 && !row.blocked)))
    .map(row => ({ row, score: scoreOf(row, now) }))
    .sort((a, b) => a.score - b.score || a.row.heardAt - b.row.heardAt)
  for (const { row } of worst.slice(0, Math.max(1, Math.floor(maxPeers / 100)))) dropRow(turn, row)
  return book.rows.size < maxPeers
}

/** Makes room for hearsay of a source among what others told: who has most loses what is oldest. */
export function makeRoomForHearsay(turn: DirectoryTurn, source: string): boolean {
  const { book } = turn
  if ((get(book.bySource, source) ?? 0) >= book.options.maxPerSource) return false
  if (book.hearsay < book.options.maxHearsay) return true
  let oldest: DirectoryRow | undefined
  for (const row of rows(book.rows)) {
    if (!isHearsay(row)) continue
    const [more, most] = [get(book.bySource, row.source)!, oldest === undefined ? 0 : get(book.bySource, oldest.source)!]
    if (oldest === undefined || more > most || (more === most && row.heardAt < oldest.heardAt)) oldest = row
  }
  if (oldest === undefined || get(book.bySource, oldest.source)! <= (get(book.bySource, source) ?? 0) + 1) return false
  dropRow(turn, oldest)
  return true
}
