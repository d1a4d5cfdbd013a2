import { addressOf, type Address } from './address-scope.ts'

/** Whom a peer wants nothing to do with, for quick questions. Plain data, so that a machine's context can hold it. */
export interface Blocklist {
  readonly peers: Readonly<Record<string, true>>
  /** By family and length of the prefix, such as `4/24`: the prefixes. A single address is the longest prefix. */
  readonly ranges: Readonly<Record<string, Readonly<Record<string, true>>>>
}

export const blocksNobody: Blocklist = { peers: {}, ranges: {} }

/** What an entry of a list is about. */
export type Blocked = { readonly peerId: string } | { readonly range: string; readonly prefix: string }

/** Whether the text has the form of a PeerId. */
export const isPeerId = (text: string): boolean => /^[a-z2-7]{51}[aq]$/.test(text)

const BITS = { 4: 32, 6: 128 } as const
/** Of the groups in which an address is kept. */
const GROUP_BITS = 16

function prefixOf({ groups }: Address, bits: number): string {
  return groups.map((group, at) => {
    const left = bits - at * GROUP_BITS
    return left >= GROUP_BITS ? group : left <= 0 ? 0 : group & (0xffff << (GROUP_BITS - left)) & 0xffff
  }).join('.')
}

/**
 * Reads an entry: an IPv4 or IPv6 address, a subnet `ADDRESS/BITS`, or a whole PeerId; undefined for other text. An IPv4
 * address in IPv6's clothes (`::ffff:192.0.2.1`) is that IPv4 address.
 */
export function blockedOf(entry: string): Blocked | undefined {
  if (isPeerId(entry)) return { peerId: entry }
  const [, host = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
  const address = addressOf(host)
  if (address === undefined) return undefined
  const most = BITS[address.family]
  // Written as IPv6, the prefix counts the 96 bits before the IPv4 address too.
  const clothes = address.family === 4 && host.includes(':') ? 96 : 0
  const bits = length === undefined ? most : Number(length) - clothes
  if (bits < 0 || bits > most) return undefined
  return { range: `${address.family}/${bits}`, prefix: prefixOf(address, bits) }
}

/** Entries that cannot be read are left out. */
export function blocklistOf(entries: readonly string[]): Blocklist {
  if (entries.length === 0) return blocksNobody
  const peers: Record<string, true> = {}
  const ranges: Record<string, Record<string, true>> = {}
  for (const entry of entries) {
    const blocked = blockedOf(entry)
    if (blocked === undefined) continue
    if ('peerId' in blocked) peers[blocked.peerId] = true
    else (ranges[blocked.range] ??= {})[blocked.prefix] = true
  }
  return { peers, ranges }
}

export function blocksPeer({ peers }: Blocklist, peerId: string): boolean {
  return Object.hasOwn(peers, peerId)
}

/** Whether an address is on the list, by itself or with its subnet; names are on none. One question for each length of prefix. */
export function blocksHost({ ranges }: Blocklist, host: string): boolean {
  const lengths = Object.keys(ranges)
  if (lengths.length === 0) return false
  const address = addressOf(host)
  return address !== undefined && lengths.some(range => {
    const [family, bits] = range.split('/')
    return Number(family) === address.family && Object.hasOwn(ranges[range]!, prefixOf(address, Number(bits)))
  })
}
