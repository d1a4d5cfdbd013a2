import { randomInt } from 'node:crypto'

/** Who asks more than this without an answer loses the oldest. */
const UNANSWERED_MAX = 64

interface Asked {
  readonly id: number
  readonly from: string
  readonly at: number
}

export interface Answered {
  readonly id: number
  /** Address of whoever asked. */
  readonly from: string
  readonly rttUs: number
}

/** Pings of one link that wait for their answer. Ids on the wire cannot be guessed, so no pong comes before its ping. */
export class Pings {
  readonly #asked = new Map<number, Asked>()

  /** Notes a ping and returns its id on the wire. Times are in milliseconds. */
  ask(id: number, from: string, now: number): number {
    let wireId: number
    do wireId = randomInt(1, 0x1_0000_0000)
    while (this.#asked.has(wireId))
    this.#asked.set(wireId, { id, from, at: now })
    if (this.#asked.size > UNANSWERED_MAX) this.#asked.delete(this.#asked.keys().next().value as number)
    return wireId
  }

  /** The ping that a pong answers; undefined where nobody asked. */
  answer(wireId: number, now: number): Answered | undefined {
    const asked = this.#asked.get(wireId)
    if (asked === undefined) return undefined
    this.#asked.delete(wireId)
    return { id: asked.id, from: asked.from, rttUs: Math.round((now - asked.at) * 1000) }
  }
}
