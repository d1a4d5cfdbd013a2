import { isIPv4, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** A machine's interfaces by name, as Node's `networkInterfaces` gives them. */
export type InterfaceTable = NodeJS.Dict<readonly NetworkInterfaceInfo[]>

/** Where a server can be bound. */
export interface Place {
  readonly host: string
  readonly ipv6Only: boolean
}

const ANY_IPV4 = '0.0.0.0'
const ANY_IPV6 = '::'

/**
 * The places to bind. Without names of interfaces the hosts as they are; with them a wildcard stands for
 * the addresses that these interfaces have now, `::` for those of both families.
 */
export function placesOf(hosts: readonly string[], names: readonly string[], table: InterfaceTable): Place[] {
  const addresses = names.length === 0 ? [...hosts] : hosts.flatMap(host => narrowed(host, names, table))
  const withIPv4 = addresses.some(isIPv4)
  return [...new Set(addresses)].map(host => ({ host, ipv6Only: isIPv6(host) && (host !== ANY_IPV6 || withIPv4) }))
}

function narrowed(host: string, names: readonly string[], table: InterfaceTable): string[] {
  if (host !== ANY_IPV4 && host !== ANY_IPV6) return [host]
  return names.flatMap(name =>
    (table[name] ?? [])
      .filter(({ family }) => host === ANY_IPV6 || family === 'IPv4')
      .map(({ address, scopeid }) => (scopeid !== undefined && scopeid > 0 && !address.includes('%') ? `${address}%${name}` : address))
  )
}

/** What stands for `::` on a machine without IPv6. */
export const withoutIPv6: Place = { host: ANY_IPV4, ipv6Only: false }

export function isDualStack(place: Place): boolean {
  return place.host === ANY_IPV6 && !place.ipv6Only
}
