import type { DirectoryPage } from '../proto/index.ts'
import type { DirectoryTurn } from './directory-context.ts'
import { fromRecord, type DirectoryRow } from './directory-row.ts'
import { setRow } from './directory-rows.ts'
import { get, putAll, rows } from './table.ts'

/** Takes in what the store holds of the peers. */
export function load(turn: DirectoryTurn, page: DirectoryPage, time: number): void {
  const { book } = turn
  if (book.offset === 0) setOffset(book, page.wallTime, time)
  book.durable = page.durable
  const fresh: [string, DirectoryRow][] = []
  for (const record of page.records) {
    const row = fromRecord(record)
    const here = get(book.rows, row.peerId)
    if (row.peerId === '' || row.peerId === book.options.peerId) continue
    if (here !== undefined) setRow(turn, merged(row, here, book.options.maxAddresses))
    else if (row.source !== '') setRow(turn, row, true)
    else fresh.push([row.peerId, row])
  }
  book.rows = putAll(book.rows, fresh)
}

/** What was heard in this run before the store was read goes on top of what the store has. */
function merged(stored: DirectoryRow, here: DirectoryRow, max: number): DirectoryRow {
  return {
    ...stored, source: here.source === '' ? '' : stored.source, name: here.name || stored.name, heardHere: here.heardHere, heardAt: here.heardAt,
    seenAt: here.seenAt || stored.seenAt, verifiedAt: here.verifiedAt || stored.verifiedAt, steps: here.verifiedAt > 0 ? here.steps : stored.steps,
    blocked: here.blocked || stored.blocked,
    addresses: [...here.addresses, ...stored.addresses.filter(({ host, port }) => !here.addresses.some(each => each.host === host && each.port === port))].slice(0, max)
  }
}

/** The driver's clock is known: what has been heard so far had no other time than that since the start. */
export function setOffset(book: DirectoryTurn['book'], wallTime: number, time: number): void {
  const offset = Math.max(0, Math.floor(wallTime) - time)
  const at = (value: number): number => value > 0 ? value + offset : 0
  book.offset = offset
  book.rows = putAll(book.rows, [...rows(book.rows)].map(row => [row.peerId, {
    ...row, heardAt: row.heardAt + offset, seenAt: at(row.seenAt), verifiedAt: at(row.verifiedAt), refusedAt: at(row.refusedAt), retryAt: at(row.retryAt),
    addresses: row.addresses.map(address => ({ ...address, heardAt: address.heardAt + offset, workedAt: at(address.workedAt) }))
  }]))
}
