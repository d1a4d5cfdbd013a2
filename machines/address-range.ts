/** The 8 groups of an IPv6 address without its zone; undefined for anything else. */
function groupsOf(host: string): number[] | undefined {
  const plain = host.replace(/%.*$/, '')
  const halves = plain.split('::')
  if (!plain.includes(':') || halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map(half => half === '' ? [] : half.split(':').map(group => Number.parseInt(group, 16)))
  const missing = 8 - head.length - tail.length
  return missing < 0 ? undefined : [...head, ...Array<number>(halves.length === 2 ? missing : 0).fill(0), ...tail]
}

function octetsOf(host: string): number[] | undefined {
  const match = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)
  return match?.slice(1).map(Number)
}

/** Of a private network, of this link or of this machine (RFC 1918, 3927, 4193 and 4291), as against an address of the Internet. */
export function isPrivate(host: string): boolean {
  const [a = -1, b = -1] = octetsOf(host) ?? []
  if (a >= 0) return a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254)
  const groups = groupsOf(host)
  const first = groups?.[0] ?? 0
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80 || (groups !== undefined && groups.slice(0, 7).every(group => group === 0) && groups[7] === 1)
}

/** The network that usually belongs to one party: the /24 of an IPv4 address, the /48 of an IPv6 one; anything else is its own. */
export function subnetOf(host: string): string {
  const octets = octetsOf(host)
  if (octets !== undefined) return octets.slice(0, 3).join('.')
  return groupsOf(host)?.slice(0, 3).map(group => group.toString(16)).join(':') ?? host
}
