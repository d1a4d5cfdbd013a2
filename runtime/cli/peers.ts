import { resolve } from 'node:path'
import { dataFolder, networkTag } from '../../actors/identity/index.ts'
import { DirectoryStore, hasDirectory } from '../../actors/peer-directory/index.ts'
import type { DirectoryRecord } from '../../proto/index.ts'
import { formatEndpoint } from '../peer/roster.ts'
import { ago, cell, counted, crop, legible } from './legible.ts'
import { print, printJson } from './output.ts'

export interface PeersValues {
  readonly data?: string
  readonly network: string
  readonly json?: true
}

/** What is known of a peer, in a word. */
export type Standing = 'blocked' | 'refused' | 'verified' | 'heard' | 'hearsay'

interface Column {
  readonly title: string
  readonly width: number
  readonly value: (record: DirectoryRecord, now: number) => string
}

// Dropped from the right where the terminal is narrow.
const COLUMNS: readonly Column[] = [
  { title: 'PEER', width: 14, value: ({ name, peerId }) => legible(name || peerId.slice(0, 8)) },
  { title: 'KNOWN AS', width: 8, value: standingOf },
  { title: 'SEEN', width: 6, value: ({ seenAt }, now) => seenAt > 0 ? ago(now - seenAt) : '–' },
  { title: 'ID', width: 8, value: ({ peerId }) => peerId.slice(0, 8) },
  { title: 'ADDRESS', width: 28, value: record => addressesOf(record)[0]?.address ?? '–' },
  { title: 'VIA', width: 9, value: ({ addresses: [first] }) => first?.via ?? '–' },
  { title: 'FAILED', width: 6, value: ({ failures }) => String(failures) },
  { title: 'REFUSED', width: 18, value: ({ refusedCode }) => refusedCode }
]

/** `p2pnet peers`: what a data folder remembers of other peers, also while a peer runs there. */
export async function peers({ data, network, json }: PeersValues): Promise<void> {
  const folder = resolve(data ?? dataFolder())
  const records = hasDirectory(folder) ? await read(folder, network) : []
  if (json) return records.forEach(printRecord)
  if (records.length === 0) return print(`no peer of the network ${legible(network)} is known in ${folder}; name another network with --network`)
  const columns = process.stdout.columns ?? 100
  for (const line of peersTable(records, columns, Date.now())) print(line)
  print(crop(`${counted(records.length, 'peer')} of the network ${legible(network)}`, columns))
}

/** The lines of the table, none longer than so many columns. */
export function peersTable(records: readonly DirectoryRecord[], columns: number, now: number): string[] {
  let left = columns
  const used = COLUMNS.filter(({ width }) => (left -= width + 1) >= -1)
  const row = (cells: readonly string[]): string => crop(cells.join(' ').trimEnd(), columns)
  return [row(used.map(({ title, width }) => cell(title, width))), ...records.map(record => row(used.map(({ value, width }) => cell(value(record, now), width))))]
}

async function read(folder: string, network: string): Promise<DirectoryRecord[]> {
  const store = await DirectoryStore.open(folder, networkTag(network), { readOnly: true })
  const records = [...store.records()]
  await store.close()
  return records.sort((a, b) => b.score - a.score || b.seenAt - a.seenAt)
}

export function standingOf({ blocked, refusedAt, verifiedAt, source }: DirectoryRecord): Standing {
  if (blocked) return 'blocked'
  if (refusedAt > verifiedAt) return 'refused'
  return verifiedAt > 0 ? 'verified' : source === '' ? 'heard' : 'hearsay'
}

function addressesOf({ addresses }: DirectoryRecord): { address: string; via: string; heardAt: number; workedAt: number }[] {
  return addresses.map(({ endpoint, via = '', heardAt = 0, workedAt = 0 }) => ({
    address: formatEndpoint({ host: legible(endpoint?.host ?? ''), port: endpoint?.port ?? 0 }), via: via ?? '', heardAt: heardAt ?? 0, workedAt: workedAt ?? 0
  }))
}

function printRecord(record: DirectoryRecord): void {
  const { peerId, name, heardAt, seenAt, verifiedAt, steps, refusedAt, refusedCode, blocked, score, failures, retryAt, source } = record
  printJson({
    peerId, name, standing: standingOf(record), addresses: addressesOf(record), heardAt, seenAt, verifiedAt, steps, refusedAt, refusedCode, blocked, score,
    failures, retryAt, source
  })
}
