import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { draw } from '../../machines/random.ts'
import { marksFor, RANK, ringOf, scoreByAcquaintance, someOf, victimOf, type Kept, type Marks } from '../../machines/link-trim.ts'

const kept = (peerId: string, change: Partial<Kept> = {}): Kept => ({ peerId, rank: RANK.other, score: 0, ageMs: 60_000, ...change })
const GRACE_MS = 30_000
const pairOf = (a: string, b: string): string => a < b ? `${a} ${b}` : `${b} ${a}`

/** As PeerIds are: spread evenly. */
function idsOf(count: number, seed: number): string[] {
  const ids = new Set<string>()
  for (let random = seed; ids.size < count;) {
    const [value, next] = draw(random)
    random = next
    ids.add(value.toString(36).padStart(7, '0'))
  }
  return [...ids]
}

/** Peers that know some of the others, and by and by all, and keep links by the rule alone. */
class Network {
  readonly ids: readonly string[]
  readonly marks: Marks
  readonly known = new Map<string, Set<string>>()
  readonly links = new Map<string, Set<string>>()
  changes = 0
  most = 0
  #random: number
  #round = 0
  readonly #quiet = new Map<string, number>()

  constructor(ids: readonly string[], marks: Marks, seed: number) {
    this.ids = ids
    this.marks = marks
    this.#random = seed
    for (const id of ids) {
      this.known.set(id, new Set())
      this.links.set(id, new Set())
    }
  }

  /** Everybody hears of some more, or, without a number, of all. */
  hear(count = Infinity): void {
    for (const id of this.ids) {
      for (const other of count === Infinity ? this.ids : this.#some(this.ids, count)) if (other !== id) this.known.get(id)!.add(other)
    }
  }

  round(): void {
    this.#round++
    for (const id of this.#some(this.ids, this.ids.length)) {
      const mine = this.links.get(id)!
      for (const other of this.#ring(id)) if (!mine.has(other)) this.#link(id, other, true)
      if (mine.size >= this.marks.low) continue
      const free = [...this.known.get(id)!].filter(other => !mine.has(other) && this.#mayDial(id, other))
      for (const other of this.#some(free, this.marks.low - mine.size)) this.#link(id, other, false)
    }
    for (const links of this.links.values()) this.most = Math.max(this.most, links.size)
  }

  components(): number {
    const left = new Set(this.ids)
    let count = 0
    for (const first of this.ids) {
      if (!left.delete(first)) continue
      count++
      const next = [first]
      for (let id = next.pop(); id !== undefined; id = next.pop()) for (const other of this.links.get(id)!) if (left.delete(other)) next.push(other)
    }
    return count
  }

  #some(ids: readonly string[], count: number): readonly string[] {
    const [chosen, random] = someOf(ids, count, this.#random)
    this.#random = random
    return chosen
  }

  #mayDial(a: string, b: string): boolean {
    return (this.#quiet.get(pairOf(a, b)) ?? 0) <= this.#round
  }

  #ring(id: string): readonly string[] {
    return ringOf(id, [...this.known.get(id)!].filter(other => this.links.get(id)!.has(other) || this.#mayDial(id, other)))
  }

  #link(a: string, b: string, needed: boolean): void {
    const sides = [[a, b], [b, a]] as const
    const victims = sides.map(([self, other]) => this.#victim(self, other, needed && self === b))
    this.#quiet.set(pairOf(a, b), this.#round + 3)
    if (victims.includes('full')) return
    sides.forEach(([self, other], side) => {
      const victim = victims[side]
      if (victim !== undefined && this.links.get(self)!.has(victim)) this.#unlink(self, victim)
      this.links.get(self)!.add(other)
    })
    this.changes++
  }

  #victim(self: string, newcomer: string, needed: boolean): string | undefined {
    const links = this.links.get(self)!
    if (links.size < this.marks.high) return undefined
    const ring = this.known.get(self)!.has(newcomer) ? ringOf(self, [...this.#ring(self), newcomer]) : this.#ring(self)
    const rank = (id: string, wanted: boolean) => ring.includes(id) ? RANK.ring : wanted ? RANK.needed : RANK.other
    const all = [...links].map(id => kept(id, { rank: rank(id, this.#ring(id).includes(self)) }))
    return victimOf(all, kept(newcomer, { rank: rank(newcomer, needed), ageMs: 0 }), GRACE_MS)?.peerId ?? 'full'
  }

  #unlink(a: string, b: string): void {
    this.changes++
    this.links.get(a)!.delete(b)
    this.links.get(b)!.delete(a)
    this.#quiet.set(pairOf(a, b), this.#round + 3)
  }
}

describe('neighbours on the ring', () => {
  it('are the nearest before and after, around the end', () => {
    expect(ringOf('m', ['a', 'k', 'x', 'z'])).toEqual(['k', 'x'])
    expect(ringOf('a', ['m', 'a', 'z'])).toEqual(['z', 'm'])
    expect(ringOf('z', ['a', 'm'])).toEqual(['m', 'a'])
    expect([ringOf('a', ['z']), ringOf('a', ['a'])]).toEqual([['z'], []])
  })

  it('take each other for such wherever all know the same', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 200 }), ids => {
      for (const id of ids) for (const other of ringOf(id, ids)) expect(ringOf(other, ids)).toContain(id)
    }))
  })
})

describe('the link that gives way', () => {
  it('is of a lower rank, and never a protected one', () => {
    const links = [kept('p', { rank: RANK.protected }), kept('r', { rank: RANK.ring }), kept('n', { rank: RANK.needed }), kept('t', { rank: RANK.trusted })]
    expect(victimOf(links, kept('new', { rank: RANK.ring }), GRACE_MS)?.peerId).toBe('n')
    expect(victimOf(links, kept('new', { rank: RANK.trusted }), GRACE_MS)?.peerId).toBe('n')
    expect(victimOf(links, kept('new', { rank: RANK.needed, score: 0 }), GRACE_MS)).toBeUndefined()
    expect(victimOf(links.slice(0, 2), kept('new', { rank: RANK.protected }), GRACE_MS)?.peerId).toBe('r')
    expect(victimOf(links.slice(0, 1), undefined, GRACE_MS)).toBeUndefined()
  })

  it('is of a lower score within the same rank, but not while it is new, nor on the ring', () => {
    const better = kept('new', { score: 2, ageMs: 0 })
    expect(victimOf([kept('a', { score: 1 }), kept('b', { score: 0 }), kept('c', { score: 2 })], better, GRACE_MS)?.peerId).toBe('b')
    expect(victimOf([kept('a', { ageMs: GRACE_MS - 1 })], better, GRACE_MS)).toBeUndefined()
    expect(victimOf([kept('a', { score: 2 })], better, GRACE_MS)).toBeUndefined()
    expect(victimOf([kept('a', { rank: RANK.ring })], { ...better, rank: RANK.ring }, GRACE_MS)).toBeUndefined()
  })

  it('is the least settled and newest of equals, the same on every run', () => {
    expect(victimOf([kept('a', { ageMs: 1 }), kept('b'), kept('c', { ageMs: 90_000 })], undefined, GRACE_MS)?.peerId).toBe('b')
    expect(victimOf([kept('b'), kept('a')], undefined, GRACE_MS)?.peerId).toBe('a')
  })
})

/** By when every network has come to rest: most need about ten, an unlucky last peer some more. */
const ROUNDS_MAX = 60

describe('marks', () => {
  it('leave a quarter of the links for those who come, and two for the ring', () => {
    expect([2, 3, 4, 8, 100].map(high => marksFor(high, 0)!.low)).toEqual([2, 2, 3, 6, 75])
    expect([marksFor(0, 5), marksFor(8, 20), marksFor(8, 3)]).toEqual([undefined, { high: 8, low: 8 }, { high: 8, low: 3 }])
  })

  it('hold in networks of 2 to 200 peers from whatever they know at first; they become one component, and come to rest', () => {
    const count = fc.integer({ min: 2, max: 200 })
    fc.assert(fc.property(count, fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: 1e6 }), fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 4 }), (peers, high, seed, hearing) => {
      const network = new Network(idsOf(peers, seed), marksFor(high, 0)!, seed)
      for (const count of hearing) {
        network.hear(count)
        network.round()
      }
      network.hear()
      // A pair that parted waits three rounds: five without a change are rest, and who swings to and fro never has them.
      let still = 0
      for (let round = 0; still < 5 && round < ROUNDS_MAX; round++) {
        const before = network.changes
        network.round()
        still = network.changes === before ? still + 1 : 0
      }
      expect(network.most).toBeLessThanOrEqual(high)
      expect(network.components()).toBe(1)
      expect(still).toBe(5)
    }), { numRuns: 25, endOnFailure: true })
  })
})

describe('the score that nobody chose', () => {
  it('prefers old acquaintances, in coarse steps', () => {
    const of = (knownMs: number) => scoreByAcquaintance({ peerId: 'a', name: '', lan: true, inbound: false, ageMs: 0, knownMs })
    expect([0, 3_599_999, 3_600_000, 86_400_000, 604_800_000].map(of)).toEqual([0, 0, 1, 2, 3])
  })
})
