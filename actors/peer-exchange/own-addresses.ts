import { scopeOf } from '../../machines/address-scope.ts'

interface Place {
  readonly host: string
  readonly port: number
}

/**
 * Where others may be told to dial us: the places where links are accepted, with every address of this machine for an
 * unspecified host, without those that lead nowhere from elsewhere. Public ones first, as they serve everybody.
 */
export function ownAddresses(listening: readonly Place[], addresses: readonly string[], loopback: boolean): Place[] {
  const found = new Map<string, Place>()
  for (const { host, port } of listening) {
    const four = host === '0.0.0.0'
    const hosts = four || host === '::' ? addresses.filter(address => address.includes(':') !== four) : [host]
    for (const each of hosts) found.set(`${each} ${port}`, { host: each, port })
  }
  const rank = ({ host }: Place): number => ['public', 'private', 'loopback'].indexOf(scopeOf(host))
  const told = [...found.values()].filter(place => rank(place) === 0 || rank(place) === 1 || (loopback && rank(place) === 2))
  return told.sort((a, b) => rank(a) - rank(b))
}
