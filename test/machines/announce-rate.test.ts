import { describe, expect, it } from '@jest/globals'
import { SINE_ONE, sine, throttledMs, waveMs } from '../../machines/announce-rate.ts'

const rate = { fastMs: 1_000, slowMs: 20_000, periodMs: 120_000, quietMs: 60_000 }

describe('the announce rate', () => {
  it('has a sine of integers that is within 21/65536 of the true one, over more than a turn', () => {
    const turns = Array.from({ length: 30_000 }, (_, i) => i * 7 - 70_000)
    expect(turns.map(sine).every(Number.isInteger)).toBe(true)
    const errors = turns.map(turn => Math.abs(sine(turn) - SINE_ONE * Math.sin((turn * 2 * Math.PI) / 65_536)))
    expect(Math.max(...errors)).toBeLessThan(21)
    expect([0, 0x4000, 0x8000, 0xc000].map(sine)).toEqual([0, SINE_ONE, -0, -SINE_ONE])
  })

  it('swings from the fast to the slow interval and back in one period', () => {
    expect([0, 30_000, 60_000, 90_000, 120_000, 180_000].map(time => waveMs(rate, time))).toEqual([1_000, 10_500, 20_000, 10_500, 1_000, 20_000])
    for (let time = 0; time < 360_000; time += 500) {
      const expected = 1_000 + (19_000 * (1 - Math.cos((time * 2 * Math.PI) / 120_000))) / 2
      expect(Math.abs(waveMs(rate, time) - expected)).toBeLessThan(10)
    }
  })

  it('is slower the more links there are, up to the quiet interval', () => {
    expect([0, 1, 4, 59, 1_000].map(links => throttledMs(rate, 1_000, links))).toEqual([1_000, 2_000, 5_000, 60_000, 60_000])
    expect(throttledMs({ ...rate, quietMs: 5_000 }, 20_000, 3)).toBe(20_000)
  })
})
