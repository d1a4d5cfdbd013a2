import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import type { LinkRow } from '../../machines/link-keeper-context.ts'
import { beats, compareLives, dialsFirst } from '../../machines/link-rules.ts'
import { toPlace } from '../../machines/place.ts'

const life = (n: number) => ({ startedAt: n >> 1, nonce: String(n & 1) })

/** A link as one of its two sides sees it: `ada` and `bea` each know the life of the other. */
const link = fc.record({ byAda: fc.boolean(), dial: fc.nat(2), linkId: fc.string(), ada: fc.nat(3), bea: fc.nat(3) })
type Link = typeof link extends fc.Arbitrary<infer T> ? T : never

function seenBy(side: 'ada' | 'bea', { byAda, dial, linkId, ada, bea }: Link): LinkRow {
  return {
    address: '', peer: '', inbound: byAda !== (side === 'ada'), persistent: false, stale: false, phase: 'held', since: 0, level: 2, probe: 0, needed: false, linkId, dial,
    life: life(side === 'ada' ? bea : ada), remote: toPlace(null), handle: '', listener: ''
  }
}

describe('which of two links stays', () => {
  it('is the same on both sides, unless both have started anew at once', () => {
    fc.assert(fc.property(link, link, (one, two) => {
      fc.pre(one.linkId !== two.linkId)
      // A side has one life at a time: it sees two links only of lives of the other.
      const same = { ...two, ada: one.ada, bea: one.bea }
      const ada = beats(seenBy('ada', one), seenBy('ada', same), 'ada', 'bea')
      const bea = beats(seenBy('bea', one), seenBy('bea', same), 'bea', 'ada')
      expect(ada).toBe(bea)
    }), { numRuns: 1_000 })
  })

  it('is one of them, never both and never none', () => {
    fc.assert(fc.property(link, link, (one, two) => {
      fc.pre(one.linkId !== two.linkId)
      const a = seenBy('ada', one)
      const b = seenBy('ada', two)
      expect(beats(a, b, 'ada', 'bea')).toBe(!beats(b, a, 'ada', 'bea'))
    }), { numRuns: 1_000 })
  })

  it('is not a circle of three', () => {
    fc.assert(fc.property(link, link, link, (...links) => {
      fc.pre(new Set(links.map(({ linkId }) => linkId)).size === 3)
      const [a, b, c] = links.map(each => seenBy('bea', each)) as [LinkRow, LinkRow, LinkRow]
      const wins = (x: LinkRow, y: LinkRow) => beats(x, y, 'bea', 'ada')
      expect(wins(a, b) && wins(b, c) && wins(c, a)).toBe(false)
    }), { numRuns: 1_000 })
  })
})

describe('two lives of a peer', () => {
  it('are ordered by their start, then by their nonce', () => {
    expect(compareLives(life(4), life(2))).toBeGreaterThan(0)
    expect(compareLives(life(2), life(4))).toBeLessThan(0)
    expect(compareLives(life(3), life(2))).toBe(1)
    expect(compareLives(life(2), life(3))).toBe(-1)
    expect(compareLives(life(2), life(2))).toBe(0)
  })
})

describe('who dials first', () => {
  it('is one of the two', () => {
    expect([dialsFirst('ada', 'bea'), dialsFirst('bea', 'ada')]).toEqual([true, false])
  })
})
