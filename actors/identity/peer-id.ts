import { createHash } from 'node:crypto'
import { base32 } from './base32.ts'

/** Bytes of a raw Ed25519 public key (RFC 8032). */
export const PUBLIC_KEY_BYTES = 32

/**
 * The name of a peer: lowercase base32 (RFC 4648, no padding) of the SHA-256 of its raw public key, 52 letters.
 * @throws RangeError when the key is not 32 bytes
 */
export function peerIdOf(publicKey: Uint8Array): string {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`)
  return base32(createHash('sha256').update(publicKey).digest())
}

/** Whether the text has the form of a PeerId. 256 bits leave one bit for the last letter: `a` or `q`. */
export function isPeerId(text: unknown): text is string {
  return typeof text === 'string' && /^[a-z2-7]{51}[aq]$/.test(text)
}
