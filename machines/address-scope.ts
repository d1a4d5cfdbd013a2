/**
 * How far an address reaches: `public`, `private` (one site: RFC 1918, RFC 6598, RFC 4193), `link` (one wire), `loopback` (one
 * machine), or `none`: nobody can be dialled there, or it is no address (RFC 6890).
 */
export type Scope = 'public' | 'private' | 'link' | 'loopback' | 'none'

/** IPv4 ranges, from the first address to the last; what is in none is public. The last one is multicast and beyond. */
const RANGES_V4: readonly (readonly [first: number, last: number, scope: Scope])[] = [
  [0x00000000, 0x00ffffff, 'none'], [0x0a000000, 0x0affffff, 'private'], [0x64400000, 0x647fffff, 'private'],
  [0x7f000000, 0x7fffffff, 'loopback'], [0xa9fe0000, 0xa9feffff, 'link'], [0xac100000, 0xac1fffff, 'private'],
  [0xc0a80000, 0xc0a8ffff, 'private'], [0xe0000000, 0xffffffff, 'none']
]

/** The four bytes of a dotted address as one number; undefined for other text. */
function ipv4(host: string): number | undefined {
  const parts = host.split('.')
  if (parts.length !== 4) return undefined
  let number = 0
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    number = number * 256 + Number(part)
  }
  return number
}

/** The eight groups of an IPv6 address without a zone; undefined for other text. */
function ipv6(host: string): number[] | undefined {
  const halves = host.split('::')
  if (halves.length > 2) return undefined
  const sides = halves.map(half => half === '' ? [] : half.split(':'))
  const last = sides.at(-1)!
  const tail = last.at(-1)
  if (tail?.includes('.')) {
    const number = ipv4(tail)
    if (number === undefined) return undefined
    last.splice(-1, 1, Math.floor(number / 65_536).toString(16), (number % 65_536).toString(16))
  }
  const [head = [], rest = []] = sides
  const missing = 8 - head.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...rest]
  return groups.every(group => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map(group => Number.parseInt(group, 16)) : undefined
}

/** An address in groups of 16 bits: two of IPv4, eight of IPv6. */
export interface Address {
  readonly family: 4 | 6
  readonly groups: readonly number[]
}

/** Of text, with or without a zone; an IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`, RFC 4291) is IPv4. Undefined for host names. */
export function addressOf(host: string): Address | undefined {
  const four = ipv4(host)
  if (four !== undefined) return { family: 4, groups: [Math.floor(four / 65_536), four % 65_536] }
  const six = ipv6(host.split('%')[0]!)
  if (six === undefined) return undefined
  const mapped = six.slice(0, 5).every(group => group === 0) && six[5] === 0xffff
  return mapped ? { family: 4, groups: six.slice(6) } : { family: 6, groups: six }
}

/** Of an IPv4 or IPv6 address as text; host names have none. */
export function scopeOf(host: string): Scope {
  const four = ipv4(host)
  if (four !== undefined) {
    return RANGES_V4.find(([first, last]) => four >= first && four <= last)?.[2] ?? 'public'
  }
  const [address = '', zone] = host.split('%')
  const six = ipv6(address)
  if (six === undefined) return 'none'
  const [first = 0] = six
  if ((first & 0xffc0) === 0xfe80) return 'link'
  if (zone !== undefined) return 'none'
  if ((first & 0xfe00) === 0xfc00) return 'private'
  // 2000::/3 is all that is given out as unicast (RFC 4291, section 2.4); among the rest are multicast and IPv4 in other clothes.
  if ((first & 0xe000) === 0x2000) return 'public'
  return six.every((group, at) => group === (at === 7 ? 1 : 0)) ? 'loopback' : 'none'
}

/** The neighbourhood of an address, of which one owner may well have the whole: its IPv4 /24 or IPv6 /48. */
export function subnetOf(host: string): string {
  const four = ipv4(host)
  if (four !== undefined) return host.slice(0, host.lastIndexOf('.'))
  const six = ipv6(host.split('%')[0]!)
  return six === undefined ? host : six.slice(0, 3).map(group => group.toString(16)).join(':')
}

/**
 * Whether an address that a peer tells of can be meant for us: a public one always, a private one where the peer
 * itself is linked from a private address, a loopback one where it is linked over loopback and that is wanted.
 * @param from address of the other end of the teller's link
 */
export function meantForUs(host: string, from: string, loopback: boolean): boolean {
  const scope = scopeOf(host)
  if (scope === 'public') return true
  const near = scopeOf(from)
  return scope === 'private' ? near === 'private' : scope === 'loopback' && loopback && near === 'loopback'
}
