import { createHash } from 'node:crypto'
import type { SimulatedRandom } from '../../actors/simulated/index.ts'
import { draw } from '../../machines/random.ts'

/** A distribution of whole or fractional amounts: exponential above `min` with the given mean, cut at `max`. */
export interface Spread {
  readonly min: number
  readonly mean: number
  readonly max: number
}

const PPM = 1_000_000
const STEPS = 1024

// -ln(1 - u) in the middle of each of 1024 steps, by its series and halving: only + - * /, which every engine rounds alike.
const EXPONENTIAL: readonly number[] = Array.from({ length: STEPS }, (_, step) => {
  let rest = 1 - (step + 0.5) / STEPS
  let halvings = 0
  while (rest < 0.5) {
    rest *= 2
    halvings++
  }
  let sum = halvings * 0.693_147_180_559_945_3
  let power = 1 - rest
  for (let n = 1; n < 60; n++) {
    sum += power / n
    power *= 1 - rest
  }
  return sum
})

/** A stream of whole numbers from a seed: splitmix32, as in the core. */
export class Random implements SimulatedRandom {
  #state: number

  constructor(seed: string | number) {
    this.#state = typeof seed === 'number' ? seed | 0 : createHash('sha256').update(`p2pnet simulation\0${seed}`).digest().readUInt32BE(0)
  }

  next(): number {
    const [value, state] = draw(this.#state)
    this.#state = state
    return value
  }

  /** From 0 up to but not including `limit` (1 to 2^31). */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit)
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() >>> 24)
  }

  /** True with a chance in percent; fractions down to 0.0001 count. */
  percent(chance: number): boolean {
    return chance > 0 && this.below(PPM) < chance * (PPM / 100)
  }

  spread({ min, mean, max }: Spread): number {
    if (mean <= min) return min
    return Math.min(max, min + (mean - min) * (EXPONENTIAL[this.next() >>> 22] as number))
  }

  /** One of them. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }
}

/** Seed of one of a run's random streams. */
export function seedOf({ seed, island }: { readonly seed: number; readonly island: number }, use: string): string {
  return island === 0 ? `${seed} ${use}` : `${seed} island ${island} ${use}`
}
