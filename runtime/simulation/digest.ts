import { createHash } from 'node:crypto'
import type { Envelope } from '../../proto/index.ts'

const CHUNK_BYTES = 16 * 1024

/** SHA-256 over everything that a peer put out: two runs are alike where their digests are. */
export class OutputDigest {
  readonly #hash = createHash('sha256')
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #at = 0
  count = 0

  add({ seq, time, from, to, type, cause, bytes }: Envelope): void {
    this.count++
    const chunk = this.#chunk
    // Lengths first, so that no two sequences of envelopes give the same bytes.
    const need = 48 + 3 * (from.length + to.length + type.length)
    if (this.#at + need > CHUNK_BYTES) this.#flush()
    let at = this.#at
    at = chunk.writeDoubleLE(seq, at)
    at = chunk.writeDoubleLE(time, at)
    at = chunk.writeDoubleLE(cause, at)
    at = chunk.writeUInt32LE(bytes.length, at)
    for (const text of [from, to, type]) {
      const length = chunk.write(text, at + 2)
      chunk.writeUInt16LE(length, at)
      at += 2 + length
    }
    if (at + bytes.length > CHUNK_BYTES) {
      this.#at = at
      this.#flush()
      this.#hash.update(bytes)
    } else {
      chunk.set(bytes, at)
      this.#at = at + bytes.length
    }
  }

  /** In hex; it goes on afterwards. */
  get value(): string {
    this.#flush()
    return this.#hash.copy().digest('hex')
  }

  #flush(): void {
    this.#hash.update(this.#chunk.subarray(0, this.#at))
    this.#at = 0
  }
}

/** One digest over several, in their order. */
export function joined(digests: Iterable<string>): string {
  const hash = createHash('sha256')
  for (const digest of digests) hash.update(digest)
  return hash.digest('hex').slice(0, 32)
}
