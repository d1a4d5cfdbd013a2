import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { blockedOf, blocklistOf, blocksHost, blocksPeer } from '../../machines/blocklist.ts'

const id = `${'a'.repeat(51)}q`
const blocks = (entry: string, host: string) => blocksHost(blocklistOf([entry]), host)

describe('a blocked address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', true], ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.0/24', '192.0.2.255', true], ['192.0.2.0/24', '192.0.3.0', false], ['192.0.2.77/24', '192.0.2.1', true],
    ['10.0.0.0/8', '10.255.1.2', true], ['10.0.0.0/8', '11.0.0.0', false], ['0.0.0.0/0', '203.0.113.9', true], ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.128/25', '192.0.2.127', false], ['192.0.2.128/25', '192.0.2.128', true], ['172.16.0.0/12', '172.31.9.9', true], ['172.16.0.0/12', '172.32.0.0', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true], ['2001:db8::/32', '2001:db9::1', false], ['2001:DB8::1', '2001:db8:0:0:0:0:0:1', true],
    ['fe80::/10', 'fe80::1%eth0', true], ['2001:db8::/33', '2001:db8:7fff::', true], ['2001:db8::/33', '2001:db8:8000::', false], ['::/0', '2001:db8::1', true], ['::/0', '192.0.2.1', false]
  ])('%s, and %s: %s', (entry, host, expected) => {
    expect(blocks(entry, host)).toBe(expected)
  })

  it('is the same address when it comes in the clothes of IPv6', () => {
    expect(blocks('192.0.2.1', '::ffff:192.0.2.1')).toBe(true)
    expect(blocks('192.0.2.0/24', '::ffff:c000:0209')).toBe(true)
    expect(blocks('::ffff:192.0.2.0/120', '192.0.2.9')).toBe(true)
    expect(blocks('::ffff:192.0.2.0/120', '192.0.3.9')).toBe(false)
  })

  it('is no name, and no address that is none', () => {
    for (const host of ['example.org', '', 'localhost', '1.2.3', '1.2.3.4.5', '::1::', '__proto__']) expect(blocks('0.0.0.0/0', host) || blocks('::/0', host)).toBe(false)
  })

  it('is as a bitwise comparison has it, whatever the prefix', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
    fc.assert(fc.property(octets, octets, fc.nat(32), (a, b, bits) => {
      const number = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0)
      const shift = 2 ** (32 - bits)
      expect(blocks(`${a.join('.')}/${bits}`, b.join('.'))).toBe(Math.floor(number(a) / shift) === Math.floor(number(b) / shift))
    }))
  })
})

describe('an entry', () => {
  it('is an address, a subnet or a whole PeerId', () => {
    expect(blockedOf(id)).toEqual({ peerId: id })
    expect(blocksPeer(blocklistOf([id, '192.0.2.1']), id)).toBe(true)
    for (const text of ['', 'ann', id.slice(1), `${'a'.repeat(51)}b`, '192.0.2.1/33', '192.0.2.1/-1', '192.0.2.1/', '192.0.2.0/24/8', 'fe80::1%eth0', '::/129', '::ffff:192.0.2.0/24', '300.1.1.1', '01.2.3.4', '__proto__']) {
      expect([text, blockedOf(text)]).toEqual([text, undefined])
    }
  })

  it('never throws, whatever it is, and a list leaves out what is none', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV4Extended(), fc.ipV6(), fc.tuple(fc.ipV6(), fc.nat(200)).map(([host, bits]) => `${host}/${bits}`)), fc.string(), (entry, host) => {
      const list = blocklistOf([entry])
      expect(blocksPeer(list, host)).toBe(entry === host && blockedOf(entry) !== undefined && 'peerId' in blockedOf(entry)!)
      blocksHost(list, host)
    }))
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), host => { expect(blocks(host, host)).toBe(true) }))
  })
})
