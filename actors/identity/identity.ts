import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { serviceKey } from '../seam/services.ts'
import { peerIdOf } from './peer-id.ts'
import { signWith } from './signature.ts'

/** Who a peer is: an Ed25519 key pair, and the PeerId that follows from it. */
export interface Identity {
  readonly peerId: string
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * Signs bytes for one use; 64 bytes (Ed25519, RFC 8032).
   * @param context names the use, 1 to 255 bytes, for example `p2pnet announcement`
   */
  sign(context: string, bytes: Uint8Array): Uint8Array
  /** The private key as PKCS#8 PEM: for the key file and the TLS context, and for nobody else. */
  privateKeyPem(): string
}

/** The peer's identity; one for this run alone unless another is provided. */
export const Identity = serviceKey<Identity>('identity', () => generateIdentity())

/** Thrown for text that holds no Ed25519 private key. */
export class NotAnIdentityError extends Error {
  override name = 'NotAnIdentityError'
}

class KeyIdentity implements Identity {
  readonly peerId: string
  readonly publicKey: Uint8Array
  readonly #privateKey: KeyObject

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey
    this.publicKey = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x as string, 'base64url')
    this.peerId = peerIdOf(this.publicKey)
  }

  sign(context: string, bytes: Uint8Array): Uint8Array {
    return signWith(this.#privateKey, context, bytes)
  }

  privateKeyPem(): string {
    return this.#privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }
}

export function generateIdentity(): Identity {
  return new KeyIdentity(generateKeyPairSync('ed25519').privateKey)
}

/** @throws NotAnIdentityError when the text is not the unencrypted PKCS#8 PEM of an Ed25519 key */
export function identityFromPem(pem: string): Identity {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // The cause is left out: nothing of a private key may reach a log.
    throw new NotAnIdentityError('no unencrypted PKCS#8 private key in PEM')
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new NotAnIdentityError(`a key of type ${key.asymmetricKeyType}, not ed25519`)
  return new KeyIdentity(key)
}
