import { createHash } from 'node:crypto'
import { customRandom, urlAlphabet } from 'nanoid'
import { draw } from '../../machines/random.ts'

/**
 * Start of the random stream of one incarnation of an actor: the first 32 bits of a SHA-256 over the seed,
 * the address and the incarnation. For jitter, sampling and names, never for secrets.
 */
export function streamStart(seed: Uint8Array, address: string, incarnation: number): number {
  return createHash('sha256').update('p2pnet stream 1\0').update(seed).update(`\0${address}\0${incarnation}`).digest().readUInt32BE(0)
}

/** Names drawn from a stream, as nanoid makes them; its state is one number, so that a checkpoint can hold it. */
export class Names {
  #state: number

  constructor(state: number) {
    this.#state = state
  }

  get state(): number {
    return this.#state
  }

  /** @param size characters of 6 bits each; 10 are unique among a million with odds of 1 in two million @default 10 */
  next(size = 10): string {
    return customRandom(urlAlphabet, size, count => this.#bytes(count))()
  }

  #bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let i = 0; i < count; i++) {
      const [value, next] = draw(this.#state)
      this.#state = next
      bytes[i] = value >>> 24
    }
    return bytes
  }
}
