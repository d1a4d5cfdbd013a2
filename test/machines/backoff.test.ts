import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { backoffJitter, backoffStep } from '../../machines/backoff.ts'

const options = { backoffBaseMs: 500, backoffMaxMs: 60_000 }

describe('backoff', () => {
  it('doubles from 0.5 s to 60 s and stays there, however many failures', () => {
    expect([1, 2, 3, 7, 8, 9, 1_000, 2 ** 40].map(failures => backoffStep(failures, options))).toEqual([500, 1_000, 2_000, 32_000, 60_000, 60_000, 60_000, 60_000])
    expect(backoffStep(0, options)).toBe(500)
  })

  it('varies by a quarter either way, in whole milliseconds, and repeats for the same random number', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 0, max: 60_000 }), (random, base) => {
      const [wait] = backoffJitter(random, base)
      expect(Number.isInteger(wait)).toBe(true)
      expect(Math.abs(wait - base)).toBeLessThanOrEqual(base / 4)
      expect(backoffJitter(random, base)).toEqual(backoffJitter(random, base))
    }))
  })
})
