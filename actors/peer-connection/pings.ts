import type { LinkWorld } from './frame-stream.ts'

/** Who asks more than this without an answer loses the oldest. */
const UNANSWERED_MAX = 64

/** Pings that somebody asked for. */
export interface Asked {
  readonly id: number
  /** Address of whoever asked. */
  readonly from: string
  /** How many are to follow the one that is out. */
  readonly left: number
  /** The quickest answer before it, in microseconds; infinite before the first. */
  readonly rttUs: number
}

/** Pings of one link that wait for their answer. Ids on the wire cannot be guessed, so no pong comes before its ping. */
export class Pings {
  readonly #asked = new Map<number, Asked & { readonly at: number }>()
  readonly #random: LinkWorld['random']

  constructor(random: LinkWorld['random']) {
    this.#random = random
  }

  /** Notes a ping and returns its id on the wire. Times are in milliseconds. */
  ask(asked: Asked, now: number): number {
    let wireId: number
    do wireId = 1 + this.#random.below(0x7fff_ffff)
    while (this.#asked.has(wireId))
    this.#asked.set(wireId, { ...asked, at: now })
    if (this.#asked.size > UNANSWERED_MAX) this.#asked.delete(this.#asked.keys().next().value as number)
    return wireId
  }

  /** What a pong answers, with its own time taken in; undefined where nobody asked. */
  answer(wireId: number, now: number): Asked | undefined {
    const asked = this.#asked.get(wireId)
    if (asked === undefined) return undefined
    this.#asked.delete(wireId)
    const { id, from, left, rttUs, at } = asked
    return { id, from, left, rttUs: Math.min(rttUs, Math.round((now - at) * 1000)) }
  }
}
