import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { Refusals } from '../../../actors/listener/refusals.ts'
import type { CallerRefused } from '../../../proto/index.ts'

const from = (host: string) => ({ host, port: 4_000 })
const because = () => 'because'

describe('callers that are turned away', () => {
  const told: CallerRefused[] = []
  let refusals: Refusals
  const counts = () => told.splice(0).map(({ remote, code, count }) => [remote!.host, code, count])
  beforeEach(() => {
    jest.useFakeTimers()
    told.length = 0
    refusals = new Refusals(refused => told.push(refused))
  })
  afterEach(() => {
    refusals.stop()
    jest.useRealTimers()
  })

  it('are told of at once, and what follows within a minute is summed up, with when the last came', () => {
    refusals.turnedAway('192.0.2.7', from('192.0.2.7'), 'blocked-address', because)
    expect(told).toEqual([expect.objectContaining({ code: 'blocked-address', reason: 'because', count: 1, agoMs: 0 })])
    told.length = 0
    for (let i = 0; i < 1_000; i++) refusals.turnedAway('192.0.2.7', from('192.0.2.7'), 'blocked-address', because)
    jest.advanceTimersByTime(50_000)
    expect(told).toEqual([])
    jest.advanceTimersByTime(20_000)
    expect(told).toEqual([expect.objectContaining({ count: 1_000, agoMs: expect.any(Number) })])
    expect([told[0]!.agoMs >= 60_000, told[0]!.agoMs <= 70_000]).toEqual([true, true])
    jest.advanceTimersByTime(600_000)
    expect([told.length, jest.getTimerCount()]).toEqual([1, 0])
  })

  it('are told apart by source and by code', () => {
    for (const host of ['192.0.2.7', '192.0.2.8']) for (const code of ['alpn', 'tls-timeout'] as const) refusals.turnedAway(host, from(host), code, because)
    expect(counts()).toEqual([['192.0.2.7', 'alpn', 1], ['192.0.2.7', 'tls-timeout', 1], ['192.0.2.8', 'alpn', 1], ['192.0.2.8', 'tls-timeout', 1]])
  })

  it('add a bounded number of messages and of rows, from however many addresses they come', () => {
    let asked = 0
    for (let second = 0; second < 600; second++) {
      for (let i = 0; i < 100; i++) refusals.turnedAway(`source-${second * 100 + i}`, from('192.0.2.7'), 'accept-rate', () => `${asked++}`)
      jest.advanceTimersByTime(1_000)
      expect(refusals.size).toBeLessThanOrEqual(256)
    }
    // 32 at once, and one each ten seconds.
    expect(told.length).toBeGreaterThanOrEqual(60)
    expect(told.length).toBeLessThanOrEqual(32 + 600 / 10 + 1)
    expect(asked).toBe(told.length)
  })

  it('leave no timer behind', () => {
    for (let i = 0; i < 2; i++) refusals.turnedAway('192.0.2.7', from('192.0.2.7'), 'alpn', because)
    expect(jest.getTimerCount()).toBe(1)
    refusals.stop()
    expect([jest.getTimerCount(), refusals.size]).toEqual([0, 0])
  })

  it('say why in so many words and no more', () => {
    refusals.turnedAway('192.0.2.7', from('192.0.2.7'), 'tls', () => 'x'.repeat(10_000))
    expect(told[0]!.reason).toBe('x'.repeat(200))
  })
})
