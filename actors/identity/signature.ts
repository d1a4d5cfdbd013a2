import { createPublicKey, sign as signBytes, verify as verifyBytes, type KeyObject } from 'node:crypto'
import { separated } from './domain.ts'
import { Lru } from '../shared/lru.ts'
import { PUBLIC_KEY_BYTES } from './peer-id.ts'

/** Bytes of an Ed25519 signature (RFC 8032). */
export const SIGNATURE_BYTES = 64

// Building a key object costs a fifth of a verification; a LAN's worth of peers fits, and a flood of
// invented keys holds no more than about a megabyte.
const keys = new Lru<string, KeyObject>(1024)

function keyObject(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url')
  let key = keys.get(x)
  if (key === undefined) {
    // From a JWK it takes a fifth of the time that it takes from DER.
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    keys.set(x, key)
  }
  return key
}

export function signWith(privateKey: KeyObject, context: string, bytes: Uint8Array): Uint8Array {
  return signBytes(null, separated(context, bytes), privateKey)
}

/**
 * Whether the key's owner signed these bytes for this use (Ed25519, RFC 8032). Keys and signatures of
 * another length are simply not valid, so bytes from the network may be passed as they came.
 */
export function verify(publicKey: Uint8Array, context: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  return verifyBytes(null, separated(context, bytes), keyObject(publicKey), signature)
}
