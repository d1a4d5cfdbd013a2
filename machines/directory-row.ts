import { DirectoryAddress, DirectoryRecord, Endpoint } from '../proto/index.ts'
import { subnetOf } from './address-scope.ts'
import type { Place } from './place.ts'
import { cleanText } from './text.ts'

const NAME_CHARS = 64
const HOST_CHARS = 64
const HOUR_MS = 3_600_000

/** A place where a peer may be; see DirectoryAddress in directory.proto. */
export interface KnownAddress extends Place {
  readonly via: string
  readonly heardAt: number
  readonly workedAt: number
}

/** A known peer; see DirectoryRecord in directory.proto. Times are milliseconds since the epoch. */
export interface DirectoryRow {
  readonly peerId: string
  readonly name: string
  readonly addresses: readonly KnownAddress[]
  readonly heardAt: number
  readonly seenAt: number
  readonly verifiedAt: number
  readonly steps: readonly string[]
  readonly refusedAt: number
  readonly refusedCode: string
  readonly blocked: boolean
  readonly failures: number
  readonly retryAt: number
  readonly source: string
  readonly record: Uint8Array
  readonly sequence: number
  readonly expiresAt: number
  /** Somebody else than the directory has told of it in this run. */
  readonly heardHere: boolean
}

export function newRow(peerId: string): DirectoryRow {
  return {
    peerId, name: '', addresses: [], heardAt: 0, seenAt: 0, verifiedAt: 0, steps: [], refusedAt: 0, refusedCode: '', blocked: false, failures: 0,
    retryAt: 0, source: '', record: new Uint8Array(), sequence: 0, expiresAt: 0, heardHere: false
  }
}

/** Nothing is known of it but what another peer told. */
export const isHearsay = (row: DirectoryRow): boolean => row.source !== ''

/** The subnet that hearsay counts against. */
export const subnetOfRow = ({ addresses: [first] }: DirectoryRow): string => first === undefined ? '' : subnetOf(first.host)

/**
 * What a row is worth, in points: who can be expected to be there, and of use, has more. A person's word counts most, then
 * verification, how lately it was seen, and first-hand knowledge; failures and refusals count against it.
 */
export function scoreOf(row: DirectoryRow, now: number): number {
  const ago = now - row.seenAt
  const seen = row.seenAt === 0 ? 0 : ago < HOUR_MS ? 300 : ago < 24 * HOUR_MS ? 200 : ago < 7 * 24 * HOUR_MS ? 100 : 0
  return (row.blocked ? 2_000 : 0) + (row.verifiedAt > 0 ? 1_000 : 0) + seen + (isHearsay(row) ? 0 : 100) -
    50 * Math.min(row.failures, 10) - (row.refusedAt > row.verifiedAt ? 200 : 0)
}

/** Puts places first in a row's list: what worked stays before what is only heard. */
export function withAddresses(row: DirectoryRow, places: readonly Place[], via: string, now: number, worked: boolean, max: number): readonly KnownAddress[] {
  let { addresses } = row
  for (const { host, port } of places.slice(0, max).reverse()) {
    if (host === '' || host.length > HOST_CHARS || port < 1 || port > 65_535) continue
    const before = addresses.find(each => each.host === host && each.port === port)
    const address = { host, port, via: worked ? before?.via ?? 'link' : via, heardAt: now, workedAt: worked ? now : before?.workedAt ?? 0 }
    addresses = [address, ...addresses.filter(each => each !== before)]
  }
  if (addresses.length <= max) return addresses
  return [...addresses].sort((a, b) => Number(b.workedAt > 0) - Number(a.workedAt > 0)).slice(0, max)
}

export const namedAs = (row: DirectoryRow, name: string): string => name === '' ? row.name : cleanText(name, NAME_CHARS)

const time = (value: number): number => Number.isSafeInteger(value) && value > 0 ? value : 0

/** The row that a record was written from. */
export function fromRecord(record: DirectoryRecord): DirectoryRow {
  const { peerId, name, steps, refusedCode, blocked, failures, source, record: signed } = record
  return {
    peerId, name, steps, refusedCode, blocked, failures, source, record: signed,
    addresses: record.addresses.map(({ endpoint, via, heardAt, workedAt }) => ({
      host: endpoint?.host ?? '', port: endpoint?.port ?? 0, via, heardAt: time(heardAt), workedAt: time(workedAt)
    })),
    heardAt: time(record.heardAt), seenAt: time(record.seenAt), verifiedAt: time(record.verifiedAt), refusedAt: time(record.refusedAt),
    retryAt: time(record.retryAt), sequence: time(record.sequence), expiresAt: time(record.expiresAt), heardHere: false
  }
}

/** The row as the store keeps it. */
export function toRecord(row: DirectoryRow, now: number): DirectoryRecord {
  const { heardHere: _, addresses, steps, ...rest } = row
  return new DirectoryRecord({
    ...rest, steps: [...steps], score: scoreOf(row, now),
    addresses: addresses.map(({ host, port, via, heardAt, workedAt }) => new DirectoryAddress({ endpoint: new Endpoint({ host, port }), via, heardAt, workedAt }))
  })
}
