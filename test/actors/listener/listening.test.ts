import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { ListenerOptions } from '../../../actors/listener/index.ts'
import { placesOf, type InterfaceTable } from '../../../actors/listener/places.ts'
import { Interfaces } from '../../../actors/shared/interface-watcher.ts'
import { ListenAt, StopListening } from '../../../proto/index.ts'
import { Harness, closed } from './harness.ts'

/** Where nobody else on this machine takes a port: that of a connection from 127.0.0.1 would be in the way. */
const [HERE, HERE_TOO] = ['127.0.77.1', '127.0.77.2'] as const

const harnesses: Harness[] = []
afterEach(async () => {
  await Promise.all(harnesses.splice(0).map(harness => harness.end()))
})
const make = (options?: Partial<ListenerOptions>, interfaces?: () => InterfaceTable): Harness => {
  const harness = new Harness(options, interfaces)
  harnesses.push(harness)
  return harness
}

function address(text: string, scopeid?: number): NetworkInterfaceInfo {
  const common = { address: text, netmask: '', mac: '', internal: false, cidr: null }
  return text.includes(':') ? { ...common, family: 'IPv6', scopeid: scopeid ?? 0 } : { ...common, family: 'IPv4' }
}

describe('a listener', () => {
  it('takes a free port, the same for every host', async () => {
    const { endpoints } = await make().listen(['127.0.0.1', '127.0.0.2'])
    expect(endpoints.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.2'])
    expect(endpoints[0]?.port).toBeGreaterThan(1023)
    expect(endpoints[1]?.port).toBe(endpoints[0]?.port)
  })

  it('takes both families where it listens everywhere', async () => {
    const harness = make()
    const { endpoints } = await harness.listen(['::'])
    expect(endpoints).toHaveLength(1)
    harness.caller('127.0.0.1')
    expect((await harness.next('InboundSecured')).body.remote?.host).toBe('127.0.0.1')
  })

  it('may be told both wildcards', async () => {
    const { endpoints } = await make().listen(['0.0.0.0', '::'])
    expect(endpoints.map(({ host }) => host)).toEqual(['0.0.0.0', '::'])
  })

  it('says what to do when the port is taken, and leaves nothing bound', async () => {
    const other = createServer().listen(0, HERE_TOO)
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const harness = make()
    harness.command(new ListenAt({ hosts: [HERE, HERE_TOO], port }))
    const { body, to } = await harness.next('ListenFailed')
    expect([to, body.code]).toEqual(['listener/main', 'address-in-use'])
    expect(body.reason).toBe(`another program listens at ${HERE_TOO}:${port}: choose another port, or port 0 for a free one`)
    const again = createServer().listen(port, HERE)
    await once(again, 'listening')
    again.close()
    other.close()
    await once(other, 'close')
    await harness.listen([HERE, HERE_TOO], port)
  })

  it('says when an address is not this machine\'s', async () => {
    const harness = make()
    harness.command(new ListenAt({ hosts: ['198.51.100.7'] }))
    expect((await harness.next('ListenFailed')).body).toMatchObject({ code: 'address-not-here', reason: expect.stringContaining('198.51.100.7') })
  })

  it('moves when it is told to listen elsewhere', async () => {
    const harness = make()
    await harness.listen([HERE])
    const before = harness.port
    await harness.listen([HERE_TOO])
    const freed = createServer().listen(before, HERE)
    await once(freed, 'listening')
    freed.close()
  })
})

describe('a listener that stays on named interfaces', () => {
  it('listens at their addresses only', async () => {
    const [name = 'lo'] = Object.entries(networkInterfaces()).find(([, infos]) => infos?.some(({ address: host }) => host === '127.0.0.1')) ?? []
    const { endpoints } = await make().listen(['::'], 0, [name])
    expect(endpoints.map(({ host }) => host)).toContain('127.0.0.1')
    expect(endpoints.map(({ host }) => host).sort()).toEqual((networkInterfaces()[name] ?? []).map(info => info.address).sort())
  })

  it('says which interfaces there are when none of its own is', async () => {
    const harness = make({}, () => ({ lan0: [address('127.0.0.1')] }))
    harness.command(new ListenAt({ hosts: ['::'], interfaces: ['wifi7'] }))
    expect((await harness.next('ListenFailed')).body).toMatchObject({ code: 'no-interface', reason: 'no interface named wifi7 has an address; there are: lan0' })
  })

  it('follows addresses that come and go on one port, and keeps the links that stand', async () => {
    let addresses = ['127.0.0.1']
    const harness = make({ interfacePollMs: 5 }, () => ({ lan0: addresses.map(text => address(text)) }))
    const { endpoints: [first] } = await harness.listen(['::'], 0, ['lan0'])
    const link = harness.caller()
    const { body: { handle } } = await harness.next('InboundSecured')
    const taken = harness.held.take(handle)

    addresses = ['127.0.0.1', '127.0.0.2']
    expect((await harness.next('ListenOpened')).body.endpoints).toMatchObject([{ host: '127.0.0.1', port: first?.port }, { host: '127.0.0.2', port: first?.port }])
    addresses = []
    expect((await harness.next('ListenOpened')).body.endpoints).toEqual([])
    addresses = ['127.0.0.3']
    expect((await harness.next('ListenOpened')).body.endpoints).toMatchObject([{ host: '127.0.0.3', port: first?.port }])

    taken?.socket.write('still here')
    expect(String((await once(link, 'data'))[0])).toBe('still here')
    taken?.socket.destroy()
    await closed(link)
  })

  it('stays closed when it is told to stop at once after it was told to listen: it follows no interface', async () => {
    const harness = make({ interfacePollMs: 5 }, () => ({ lan0: [address('127.0.0.1')] }))
    const watcher = harness.services.get(Interfaces)
    let follows = 0
    const listen = watcher.listen.bind(watcher)
    watcher.listen = (...given) => {
      const leave = listen(...given)
      follows++
      return () => {
        follows--
        leave()
      }
    }
    harness.command(new ListenAt({ hosts: ['::'], interfaces: ['lan0'] }))
    harness.command(new StopListening())
    await harness.next('ListenOpened')
    await new Promise(setImmediate)
    expect(follows).toBe(0)
  })

  it('tries an address again that is not ready yet', async () => {
    let addresses = ['127.0.0.1']
    const harness = make({ interfacePollMs: 5 }, () => ({ lan0: addresses.map(text => address(text)) }))
    await harness.listen(['::'], 0, ['lan0'])
    addresses = ['127.0.0.1', '198.51.100.7']
    await harness.counted('address-not-ready', 3)
    addresses = ['127.0.0.1', '127.0.0.2']
    expect((await harness.next('ListenOpened')).body.endpoints).toHaveLength(2)
  })
})

describe('the places to bind', () => {
  const table: InterfaceTable = { lan0: [address('192.0.2.1'), address('fe80::1', 3)], wifi0: [address('198.51.100.1')] }

  it('are the hosts as they are where no interface is named', () => {
    expect(placesOf(['::'], [], {})).toEqual([{ host: '::', ipv6Only: false }])
    expect(placesOf(['::', '0.0.0.0'], [], {})).toEqual([{ host: '::', ipv6Only: true }, { host: '0.0.0.0', ipv6Only: false }])
  })

  it('are the addresses of the interfaces in place of a wildcard, of its family, with their zone', () => {
    expect(placesOf(['::'], ['lan0'], table).map(({ host }) => host)).toEqual(['192.0.2.1', 'fe80::1%lan0'])
    expect(placesOf(['0.0.0.0'], ['lan0', 'wifi0'], table).map(({ host }) => host)).toEqual(['192.0.2.1', '198.51.100.1'])
    expect(placesOf(['::', '0.0.0.0'], ['wifi0'], table).map(({ host }) => host)).toEqual(['198.51.100.1'])
    expect(placesOf(['203.0.113.1'], ['lan0'], table).map(({ host }) => host)).toEqual(['203.0.113.1'])
    expect(placesOf(['::'], ['gone'], table)).toEqual([])
  })
})
