import { hkdfSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { base32, fromBase32 } from './base32.ts'
import { hashFor } from './domain.ts'

/** Thrown for text that is no network key; the message says what is wrong with it. */
export class NetworkKeyError extends Error {
  override name = 'NetworkKeyError'
}

const KEY_BYTES = 16
// One mistyped key in four thousand million passes.
const CHECK_BYTES = 4
const LETTERS = ((KEY_BYTES + CHECK_BYTES) * 8) / 5

/**
 * The secret that the peers of one network share: 128 random bits. It is never used as it is, only by
 * {@link derive} for one use each.
 */
export class NetworkKey {
  readonly #bytes: Uint8Array

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  static generate(): NetworkKey {
    return new NetworkKey(randomBytes(KEY_BYTES))
  }

  /**
   * Reads a key as {@link text} wrote it. Case, hyphens and white space do not matter, and 0, 1 and 8 are
   * read as the letters that they look like.
   * @throws NetworkKeyError when letters are missing, too many, foreign or mistyped
   */
  static parse(text: string): NetworkKey {
    const letters = text.toLowerCase().replace(/[\s-]/g, '').replace(/0/g, 'o').replace(/1/g, 'l').replace(/8/g, 'b')
    const foreign = /[^a-z2-7]/u.exec(letters)
    if (foreign !== null) throw new NetworkKeyError(`a network key has no '${foreign[0]}': it is ${LETTERS} of the letters a to z and digits 2 to 7, as \`p2pnet key\` prints it`)
    if (letters.length !== LETTERS) throw new NetworkKeyError(`a network key has ${LETTERS} letters, this one ${letters.length}: copy it whole, as \`p2pnet key\` prints it`)
    const bytes = fromBase32(letters) as Uint8Array
    const key = bytes.subarray(0, KEY_BYTES)
    if (!checkOf(key).every((byte, index) => byte === bytes[KEY_BYTES + index])) {
      throw new NetworkKeyError('the network key is mistyped: its check letters do not fit the rest, compare it letter by letter')
    }
    return new NetworkKey(Uint8Array.from(key))
  }

  /** What `p2pnet key` prints and people pass on: eight groups of four letters, the last ones a check. A secret. */
  text(): string {
    return (base32(Buffer.concat([this.#bytes, checkOf(this.#bytes)])).match(/.{4}/g) as string[]).join('-')
  }

  /** Key material for one use (HKDF-SHA-256, RFC 5869): other uses learn nothing from it. */
  derive(use: string, bytes = 32): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#bytes, 'p2pnet/1 network key', use, bytes))
  }

  toString(): string {
    return '[network key]'
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

function checkOf(key: Uint8Array): Uint8Array {
  return hashFor('network key check', key).subarray(0, CHECK_BYTES)
}
