import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isPrivate, subnetOf } from '../../machines/address-range.ts'

describe('addresses', () => {
  it('of private networks, links and this machine are known from those of the Internet', () => {
    for (const host of ['10.0.0.1', '172.16.0.1', '172.31.9.9', '192.168.1.1', '169.254.3.4', '127.0.0.1', '::1', 'fe80::1%eth0', 'fd00::1', 'fc12::', '::ffff:10.1.1.1']) {
      expect([host, isPrivate(host)]).toEqual([host, true])
    }
    for (const host of ['11.0.0.1', '172.32.0.1', '192.169.1.1', '8.8.8.8', '2001:db8::1', '::2', 'fec0::1', 'example.org', '', '::ffff:8.8.8.8']) {
      expect([host, isPrivate(host)]).toEqual([host, false])
    }
  })

  it('belong to a /24, or a /48 of IPv6', () => {
    expect(['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:1:2::3', '2001:DB8:1::', '::1', 'example.org'].map(subnetOf))
      .toEqual(['203.0.113', '203.0.113', '2001:db8:1', '2001:db8:1', '0:0:0', 'example.org'])
  })

  it('that are none do no harm', () => {
    fc.assert(fc.property(fc.string(), host => typeof subnetOf(host) === 'string' && typeof isPrivate(host) === 'boolean'))
  })
})
