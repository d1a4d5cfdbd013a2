import { expect, it } from '@jest/globals'
import { optionsOf } from './options.ts'

it('the seeds of a night have every count of peers from 8 to 32, each with both sorts of faults', () => {
  const drawn = new Set(Array.from({ length: 2_000 }, (_, index) => optionsOf(index + 1)).map(({ peers, faults }) => `${peers} ${faults?.lossPercent}`))
  expect(drawn.size).toBe(2 * 25)
})
