import { describe, expect, it } from '@jest/globals'
import { simulate } from '../../../runtime/simulation/index.ts'
import { trimmedOptionsOf } from '../../seeds/options.ts'

describe('peers that keep only some links', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`hold their marks, are one network and come to rest after what went wrong, seed ${seed}`, async () => {
      const { violations, stats } = await simulate(trimmedOptionsOf(seed, 24))
      expect(violations).toEqual([])
      expect(stats.settledAfterMs).toBeGreaterThan(60_000)
    }, 180_000)
  }

  it('open hardly more links than they keep', async () => {
    const { violations, stats } = await simulate({ peers: 24, seconds: 10, seed: 1, peer: { maxLanLinks: 4 } })
    expect(violations).toEqual([])
    // 48 are kept at most.
    expect(stats.streams).toBeLessThanOrEqual(72)
  }, 180_000)
})
