import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ListenerOptions } from '../../../actors/listener/index.ts'
import { PendingCallers } from '../../../actors/listener/pending.ts'
import { sourceOf } from '../../../actors/listener/source.ts'
import { Harness, closed } from './harness.ts'

let harness: Harness
afterEach(() => harness.end())
const at = async (options?: Partial<ListenerOptions>): Promise<Harness> => (harness = await Harness.at(['127.0.0.1'], options))

describe('who connects and stalls', () => {
  it('is cut off after the handshake\'s time, silent or dribbling', async () => {
    await at({ handshakeTimeoutMs: 60 })
    const silent = harness.silent()
    const partial = harness.silent()
    // The first half of a ClientHello's header, and no more.
    partial.write(Buffer.from('16030100f8010000', 'hex'))
    const dribbling = harness.silent()
    const dribble = setInterval(() => dribbling.write(Buffer.from([0x16])), 5)
    await harness.counted('handshake-tls-timeout', 2)
    await Promise.all([silent, partial, dribbling].map(closed))
    clearInterval(dribble)
  })

  it('does not keep others out', async () => {
    await at({ maxPending: 8, maxPendingPerSource: 4 })
    for (let n = 0; n < 20; n += 1) harness.silent(`127.0.1.${n}`)
    await harness.counted('pending-evicted', 12)
    harness.caller('127.0.0.2')
    expect((await harness.next('InboundSecured')).body.remote?.host).toBe('127.0.0.2')
  })
})

describe('when all places for callers are taken', () => {
  it('the source with most loses its oldest', async () => {
    await at({ maxPending: 6, maxPendingPerSource: 6 })
    const order: string[] = []
    const connect = async (source: string, name: string): Promise<void> => {
      const socket = harness.silent(source)
      socket.on('close', () => order.push(name))
      await new Promise(resolve => socket.once('connect', resolve))
    }
    for (const [source, name] of [['127.0.0.2', 'a1'], ['127.0.0.3', 'b1'], ['127.0.0.2', 'a2'], ['127.0.0.2', 'a3'], ['127.0.0.2', 'a4'], ['127.0.0.3', 'b2']] as const) {
      await connect(source, name)
    }
    for (let n = 1; n <= 2; n += 1) {
      await connect('127.0.0.4', `c${n}`)
      await harness.counted('pending-evicted', n)
      // The resets arrive on their own time.
      while (order.length < n) await new Promise(setImmediate)
    }
    expect(order).toEqual(['a1', 'a2'])
  })

  it('a source at its own cap displaces only itself', async () => {
    await at({ maxPending: 100, maxPendingPerSource: 3 })
    const other = harness.silent('127.0.0.3')
    let lost = false
    other.on('close', () => (lost = true))
    for (let n = 0; n < 10; n += 1) harness.silent('127.0.0.2')
    await harness.counted('pending-evicted', 7)
    expect(lost).toBe(false)
  })
})

describe('1,000 connections from one address', () => {
  it('leave few open, and another address gets in at once', async () => {
    await at({ acceptBurst: 50, maxPendingPerSource: 16, acceptPerSecond: 0, handshakeTimeoutMs: 60_000 })
    const flood = Array.from({ length: 1000 }, () => harness.silent('127.0.0.1'))
    let open = flood.length
    for (const socket of flood) socket.on('close', () => (open -= 1))
    await harness.counted('accept-rate', 500)
    harness.caller('127.0.0.2')
    expect((await harness.next('InboundSecured')).body.remote?.host).toBe('127.0.0.2')
    await harness.counted('accept-rate', 950)
    while (open > 16) await new Promise(setImmediate)
    expect(Object.fromEntries(harness.counts)).toEqual({ 'accept-rate': 950, 'pending-evicted': 34 })
    expect(harness.held.size).toBe(1)
  })

  it('that all finish TLS and are never taken over stay bounded too', async () => {
    await at({ acceptBurst: 40, acceptPerSecond: 0, maxPendingPerSource: 8 })
    for (let n = 0; n < 60; n += 1) harness.caller('127.0.0.1').resume()
    await harness.counted('accept-rate', 20)
    await harness.counted('pending-evicted', 32)
    expect(harness.held.size).toBeLessThanOrEqual(8)
  })
})

describe('connections from many addresses', () => {
  it('are taken no faster than the budget of all allows, and refused at once beyond it', async () => {
    await at({ acceptBurstAll: 30, acceptPerSecondAll: 0, maxPending: 100, handshakeTimeoutMs: 60_000 })
    const callers = Array.from({ length: 60 }, (_, n) => harness.silent(`127.0.2.${n + 1}`))
    const refused = new Set<number>()
    callers.forEach((socket, n) => socket.on('close', () => refused.add(n)))
    await harness.counted('accept-rate-all', 30)
    while (refused.size < 30) await new Promise(setImmediate)
    expect(Object.fromEntries(harness.counts)).toEqual({ 'accept-rate-all': 30 })
  })

  it('cost the budget of all nothing where their own is spent', async () => {
    await at({ acceptBurst: 5, acceptPerSecond: 0, acceptBurstAll: 6, acceptPerSecondAll: 0 })
    for (let n = 0; n < 50; n += 1) harness.silent('127.0.0.1')
    await harness.counted('accept-rate', 45)
    harness.caller('127.0.0.2')
    expect((await harness.next('InboundSecured')).body.remote?.host).toBe('127.0.0.2')
    harness.silent('127.0.0.3')
    await harness.counted('accept-rate-all', 1)
  })
})

describe('the callers that wait', () => {
  it('never exceed a cap, and only a source with most ever loses one', () => {
    const action = fc.record({ source: fc.constantFrom('a', 'b', 'c', 'd', 'e'), leave: fc.boolean() })
    fc.assert(fc.property(fc.array(action, { maxLength: 200 }), actions => {
      const held: { source: string; id: number }[] = []
      const pending: PendingCallers<{ source: string; id: number }> = new PendingCallers({ total: 8, perSource: 4 }, caller => {
        const most = Math.max(...['a', 'b', 'c', 'd', 'e'].map(source => held.filter(one => one.source === source).length))
        expect(held.filter(one => one.source === caller.source)).toHaveLength(most)
        expect(held.find(one => one.source === caller.source)).toBe(caller)
        held.splice(held.indexOf(caller), 1)
      })
      actions.forEach(({ source, leave }, id) => {
        const first = held.find(one => one.source === source)
        if (leave && first !== undefined) {
          held.splice(held.indexOf(first), 1)
          pending.remove(source, first)
          pending.remove(source, first)
        } else {
          const caller = { source, id }
          pending.add(source, caller)
          held.push(caller)
        }
        expect(pending.size).toBe(held.length)
        expect(pending.size).toBeLessThanOrEqual(8)
        expect(pending.countOf(source)).toBeLessThanOrEqual(4)
        expect([...pending].length).toBe(pending.size)
      })
    }))
  })
})

describe('a source', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::5:6:7:8:9', '2001:db8:0:5::/64'],
    ['fe80::1', 'fe80::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['::1', '::1']
  ])('%s counts as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source)
  })
})
