import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { InterfaceWatcher } from '../../../actors/shared/interface-watcher.ts'
import { LocalNetworks } from '../../../actors/lan/local-networks.ts'

function v4(address: string, netmask: string, internal = false): NetworkInterfaceInfo {
  return { family: 'IPv4', address, netmask, internal, mac: '', cidr: null }
}

function v6(address: string, scopeid = 2, internal = false): NetworkInterfaceInfo {
  return { family: 'IPv6', address, netmask: 'ffff:ffff:ffff:ffff::', internal, mac: '', cidr: null, scopeid }
}

const machine = {
  wlan0: [v6('fe80::2'), v4('192.168.1.5', '255.255.255.0'), v6('2001:db8::2', 0)],
  lo: [v4('127.0.0.1', '255.0.0.0', true), v6('::1', 0, true)],
  eth0: [v4('10.1.2.3', '255.255.252.0')],
  tun0: [v4('10.8.0.2', '255.255.255.255'), v4('10.9.0.2', '255.255.255.254')]
}

describe('the local networks', () => {
  it('are every usable address, in an order of their own', () => {
    const networks = new LocalNetworks(machine, [])
    expect(networks.addresses.map(({ name, address, broadcast }) => [name, address, broadcast])).toEqual([
      ['eth0', '10.1.2.3', '10.1.3.255'],
      ['lo', '127.0.0.1', '127.255.255.255'],
      ['tun0', '10.8.0.2', undefined],
      ['tun0', '10.9.0.2', undefined],
      ['wlan0', '192.168.1.5', '192.168.1.255'],
      ['wlan0', 'fe80::2%wlan0', undefined]
    ])
    const reversed = Object.fromEntries(Object.entries(machine).reverse())
    expect(new LocalNetworks(reversed, []).key).toBe(networks.key)
  })

  it('know what is on them, and only that', () => {
    const all = new LocalNetworks(machine, [])
    for (const source of ['10.1.0.1', '10.1.3.254', '127.9.9.9', '192.168.1.77', 'fe80::99%wlan0', '10.9.0.3', '10.8.0.2']) {
      expect([source, all.of(source) !== undefined]).toEqual([source, true])
    }
    for (const source of ['10.1.4.1', '192.168.2.1', '8.8.8.8', '10.8.0.1', 'fe80::99', 'fe80::99%eth0', '2001:db8::9', '::1', '2001:db8::9%wlan0', '1.2.3', '1.2.3.256', 'x']) {
      expect([source, all.of(source)]).toEqual([source, undefined])
    }
  })

  it('can be restricted by name', () => {
    const lo = new LocalNetworks(machine, ['lo'])
    expect(lo.addresses.map(({ address }) => address)).toEqual(['127.0.0.1'])
    expect(lo.of('127.1.2.3')?.internal).toBe(true)
    expect(lo.of('192.168.1.7')).toBeUndefined()
    expect(new LocalNetworks({ 'eth0:1': [v4('10.2.0.1', '255.255.255.0')] }, ['eth0']).addresses.length).toBe(1)
    expect(new LocalNetworks(machine, ['none']).addresses).toEqual([])
  })

  it('are at most 64 addresses', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`veth${i}`, [v4(`10.0.${i % 256}.1`, '255.255.255.0')]]))
    expect(new LocalNetworks(many, []).addresses.length).toBe(64)
  })
})

describe('the interface watcher', () => {
  it('reads once for all who listen, and not when nobody does', async () => {
    let reads = 0
    const watcher = new InterfaceWatcher(() => {
      reads++
      if (reads === 2) throw new Error('out of descriptors')
      return machine
    })
    const calls = [0, 0]
    await new Promise<void>(resolve => {
      const end = calls.map((_, i) => watcher.listen(() => {
        calls[i]!++
        if (calls[1] !== 3) return
        for (const each of end) each()
        resolve()
      }, 1))
    })
    expect(watcher.found).toBe(machine)
    expect(reads).toBe(4)
    expect(calls).toEqual([3, 3])
  })
})
