import type { LinkWorld } from './frame-stream.ts'

/** Who asks more than this without an answer loses the oldest. */
const UNANSWERED_MAX = 64
/** Most pings of one round: several rounds fit among the unanswered. */
export const PINGS_MAX = 16

/** Pings that somebody asked for, sent together. */
export interface Round {
  readonly id: number
  /** Address of whoever asked. */
  readonly from: string
  /** Answers that have not come. */
  left: number
  /** The quickest answer, in microseconds; infinite before the first. */
  rttUs: number
}

/** Pings of one link that wait for their answer. Ids on the wire cannot be guessed, so no pong comes before its ping. */
export class Pings {
  readonly #asked = new Map<number, { readonly round: Round; readonly at: number }>()
  readonly #random: LinkWorld['random']

  constructor(random: LinkWorld['random']) {
    this.#random = random
  }

  /** Notes the pings of a round and returns their ids on the wire. Times are in milliseconds. */
  ask(id: number, from: string, count: number, now: number): number[] {
    const round: Round = { id, from, left: Math.min(Math.max(1, count), PINGS_MAX), rttUs: Infinity }
    return Array.from({ length: round.left }, () => {
      let wireId: number
      do wireId = 1 + this.#random.below(0x7fff_ffff)
      while (this.#asked.has(wireId))
      this.#asked.set(wireId, { round, at: now })
      if (this.#asked.size > UNANSWERED_MAX) this.#asked.delete(this.#asked.keys().next().value as number)
      return wireId
    })
  }

  /** The round that a pong belongs to, its time taken in; undefined where nobody asked. */
  answer(wireId: number, now: number): Round | undefined {
    const asked = this.#asked.get(wireId)
    if (asked === undefined) return undefined
    this.#asked.delete(wireId)
    const { round, at } = asked
    round.left -= 1
    round.rttUs = Math.min(round.rttUs, Math.round((now - at) * 1000))
    return round
  }
}
