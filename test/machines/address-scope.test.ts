import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { meantForUs, scopeOf, subnetOf } from '../../machines/address-scope.ts'

describe('the scope of an address', () => {
  it.each([
    ['public', ['1.1.1.1', '9.255.255.255', '11.0.0.1', '100.128.0.1', '172.32.0.1', '192.167.1.1', '223.255.255.255', '2a02:1::1', '2001:db8::1', '3fff::1.2.3.4']],
    ['private', ['10.0.0.1', '100.64.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff:ffff::1']],
    ['link', ['169.254.1.1', 'fe80::1', 'FE80::1%eth0', 'febf::1']],
    ['loopback', ['127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1']],
    ['none', [
      '0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.112.50', '240.0.0.1', '255.255.255.255', '::', 'ff02::1', '::ffff:10.0.0.1', '::2', '64:ff9b::1', '2a02::1%eth0',
      'example.org', '', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.-4', '1.2.3.4 ', '1:2:3', '2a02:::1', '2a02::1::2', '2a02:12345::', '1:2:3:4:5:6:7:8:9', '2a02:1:2:3:4:5:6:7::'
    ]]
  ] as const)('is %s', (scope, hosts) => {
    for (const host of hosts) expect([host, scopeOf(host)]).toEqual([host, scope])
  })

  it('decides what a peer may tell of: public addresses, private ones where it is linked from one, loopback where that is wanted', () => {
    expect([meantForUs('5.1.1.1', '10.0.0.1', false), meantForUs('2a02::1', '5.1.1.1', false)]).toEqual([true, true])
    expect([meantForUs('10.0.0.2', '192.168.1.1', false), meantForUs('10.0.0.2', '5.1.1.1', true), meantForUs('fd00::1', '127.0.0.1', true)]).toEqual([true, false, false])
    expect([meantForUs('127.0.0.1', '127.0.0.1', true), meantForUs('127.0.0.1', '127.0.0.1', false), meantForUs('127.0.0.1', '10.0.0.1', true)]).toEqual([true, false, false])
    for (const host of ['fe80::1', '169.254.1.1', '0.0.0.0', '224.0.0.1', 'localhost']) expect(meantForUs(host, '127.0.0.1', true)).toBe(false)
  })

  it('has a neighbourhood: the /24 of IPv4 and the /48 of IPv6', () => {
    expect([subnetOf('5.1.2.3'), subnetOf('5.1.2.200'), subnetOf('5.1.3.3')]).toEqual(['5.1.2', '5.1.2', '5.1.3'])
    expect([subnetOf('2a02:1:2:3::1'), subnetOf('2a02:0001:2:ffff::9'), subnetOf('2a02:1:3::1')]).toEqual(['2a02:1:2', '2a02:1:2', '2a02:1:3'])
  })

  it('is found for any text', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.%]{0,60}$/)), text => {
      expect(['public', 'private', 'link', 'loopback', 'none']).toContain(scopeOf(text))
      subnetOf(text)
    }))
    fc.assert(fc.property(fc.ipV4(), host => {
      expect(scopeOf(host) === 'none').toBe(/^(0|22[4-9]|2[345]\d)\./.test(host))
    }))
  })
})
