import { isIPv6 } from 'node:net'

/** An IPv4 address that came in over a dual-stack socket (RFC 4291, 2.5.5.2) as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * Who an address counts as where callers are limited: a global IPv6 address stands for its /64, which one
 * host has all to itself; any other address, link-local ones too, stands for itself.
 */
export function sourceOf(address: string): string {
  const plain = plainAddress(address)
  if (!isIPv6(plain) || /^fe[89ab]/i.test(plain) || plain === '::1') return plain
  const [head = [], tail = []] = plain.toLowerCase().split('::').map(half => (half === '' ? [] : half.split(':')))
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
