import { below } from './random.ts'

/** How many links of one scope (LAN or WAN) a peer keeps. */
export interface Marks {
  /** With fewer it dials others. */
  readonly low: number
  /** It never holds more. */
  readonly high: number
}

/** What a link is kept for, least first: a link gives way only to one of a higher rank, or of a higher score within the same. */
export const RANK = { other: 0, needed: 1, trusted: 2, ring: 3, protected: 4 } as const

export type Rank = typeof RANK[keyof typeof RANK]

/** A link as far as trimming asks. */
export interface Kept {
  readonly peerId: string
  readonly rank: Rank
  readonly score: number
  /** Milliseconds since it was admitted. */
  readonly ageMs: number
}

/** What a score may look at. */
export interface LinkFacts {
  readonly peerId: string
  /** What the peer calls itself: anyone may take any name. */
  readonly name: string
  readonly lan: boolean
  readonly inbound: boolean
  /** Milliseconds since it was admitted; 0 for one that asks to be. */
  readonly ageMs: number
  /** Milliseconds since the peer was verified for the first time; 0 where it was not. */
  readonly knownMs: number
}

/**
 * Says how much a link is worth. A pure function with whole numbers as its values, since the core calls it, live as in replay.
 * A full peer takes a newcomer of a higher score in place of a link of a lower one.
 */
export type LinkScore = (facts: LinkFacts) => number

const HOUR_MS = 3_600_000
const KNOWN_STEPS_MS = [HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS]

/** Old acquaintances before new ones, in coarse steps (an hour, a day, a week), so that peers that met together stay together. */
export const scoreByAcquaintance: LinkScore = ({ knownMs }) => KNOWN_STEPS_MS.filter(step => knownMs >= step).length

/** The low mark where only the high one is given: room for a quarter of them to come by themselves. */
export function marksFor(high: number, low: number): Marks | undefined {
  if (high <= 0) return undefined
  const room = Math.max(1, Math.floor(high / 4))
  return { high, low: Math.min(high, low > 0 ? low : Math.max(2, high - room)) }
}

/**
 * The neighbours of a peer among others, in PeerId order on a ring: at most its predecessor and its successor. Where all
 * know the same peers, neighbours take each other for such, and whoever keeps them keeps the network in one piece.
 */
export function ringOf(self: string, peerIds: Iterable<string>): readonly string[] {
  let [before, after, least, greatest] = ['', '', '', '']
  for (const id of peerIds) {
    if (id === self) continue
    if (least === '' || id < least) least = id
    if (id > greatest) greatest = id
    if (id < self && id > before) before = id
    if (id > self && (after === '' || id < after)) after = id
  }
  const predecessor = before || greatest
  const successor = after || least
  return predecessor === '' ? [] : predecessor === successor ? [successor] : [predecessor, successor]
}

/** Up to `count` of them, at random. */
export function someOf(peerIds: readonly string[], count: number, random: number): readonly [chosen: readonly string[], random: number] {
  const rest = [...peerIds]
  const chosen: string[] = []
  while (chosen.length < count && rest.length > 0) {
    const [at, next] = below(random, rest.length)
    random = next
    chosen.push(rest[at]!)
    rest[at] = rest[rest.length - 1]!
    rest.pop()
  }
  return [chosen, random]
}

/**
 * Which link gives way to the newcomer, or, without one, goes first where there are too many; undefined where none may.
 * A new link has `graceMs` before a mere score displaces it.
 */
export function victimOf(links: Iterable<Kept>, newcomer: Kept | undefined, graceMs: number): Kept | undefined {
  let least: Kept | undefined
  for (const link of links) {
    if (link.rank === RANK.protected || (newcomer !== undefined && !givesWay(link, newcomer, graceMs))) continue
    if (least === undefined || isLess(link, least, graceMs)) least = link
  }
  return least
}

function givesWay(link: Kept, newcomer: Kept, graceMs: number): boolean {
  if (link.rank !== newcomer.rank) return link.rank < newcomer.rank
  return link.rank < RANK.ring && link.ageMs >= graceMs && link.score < newcomer.score
}

function isLess(a: Kept, b: Kept, graceMs: number): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank
  const [aSettled, bSettled] = [a.ageMs >= graceMs, b.ageMs >= graceMs]
  if (aSettled !== bSettled) return aSettled
  if (a.score !== b.score) return a.score < b.score
  return a.ageMs === b.ageMs ? a.peerId < b.peerId : a.ageMs < b.ageMs
}
