import type { NetworkInterfaceInfo } from 'node:os'

/** An address of this machine from which announcements can be sent, and the network that it is on. */
export interface LocalAddress {
  /** Of its interface. */
  readonly name: string
  readonly family: 4 | 6
  /** IPv6 with its zone, `fe80::1%eth0`. */
  readonly address: string
  /** The subnet's broadcast address; undefined for IPv6 and where a subnet has none. */
  readonly broadcast: string | undefined
  /** Of the loopback interface. */
  readonly internal: boolean
  readonly subnet: number
  readonly mask: number
}

/** Each address costs a socket and up to three datagrams an announcement. */
const ADDRESSES_MAX = 64

/** The local networks in use: all usable interfaces, or those named. In an order of their own, so that runs are alike. */
export class LocalNetworks {
  readonly addresses: readonly LocalAddress[]
  /** Two are alike when their keys are. */
  readonly key: string

  /** @param only names of interfaces; empty for every one */
  constructor(found: NodeJS.Dict<readonly NetworkInterfaceInfo[]>, only: readonly string[]) {
    const addresses: LocalAddress[] = []
    for (const [name, infos = []] of Object.entries(found)) {
      // `eth0:1` is another address of eth0.
      if (only.length > 0 && !only.includes(name) && !only.includes(name.split(':')[0] as string)) continue
      for (const info of infos) {
        const address = localAddress(name, info)
        if (address !== undefined) addresses.push(address)
      }
    }
    addresses.sort((a, b) => compare(a.name, b.name) || a.family - b.family || compare(a.address, b.address))
    this.addresses = addresses.slice(0, ADDRESSES_MAX)
    this.key = this.addresses.map(({ name, address, mask }) => `${name} ${address} ${mask}`).join('\n')
  }

  /** The address whose network the source is on; undefined where it came from elsewhere. */
  of(source: string): LocalAddress | undefined {
    const zone = source.indexOf('%')
    if (zone >= 0) {
      const name = source.slice(zone + 1)
      return isLinkLocal(source) ? this.addresses.find(each => each.family === 6 && each.name === name) : undefined
    }
    const number = ipv4(source)
    if (number === undefined) return undefined
    return this.addresses.find(each => each.family === 4 && (number & each.mask) === each.subnet)
  }
}

function localAddress(name: string, info: NetworkInterfaceInfo): LocalAddress | undefined {
  const { internal } = info
  if (info.family === 'IPv6') {
    // Loopback has no link-local address, and IPv4 serves there.
    if (internal || !isLinkLocal(info.address)) return undefined
    return { name, family: 6, address: `${info.address}%${name}`, broadcast: undefined, internal, subnet: 0, mask: 0 }
  }
  const number = ipv4(info.address)
  const mask = ipv4(info.netmask)
  if (number === undefined || mask === undefined) return undefined
  // Links of two hosts (RFC 3021) and single addresses have no broadcast address.
  const broadcast = (mask >>> 0) >= 0xfffffffe ? undefined : text(number | ~mask)
  return { name, family: 4, address: info.address, broadcast, internal, subnet: number & mask, mask }
}

/** fe80::/10 (RFC 4291, section 2.5.6). */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address)
}

function ipv4(address: string): number | undefined {
  const parts = address.split('.')
  if (parts.length !== 4) return undefined
  let number = 0
  for (const part of parts) {
    const octet = Number(part)
    if (!(octet >= 0 && octet <= 255)) return undefined
    number = (number << 8) | octet
  }
  return number
}

function text(number: number): string {
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
