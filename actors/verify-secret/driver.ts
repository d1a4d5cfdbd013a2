import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { VerifySecretOptions } from '../../machines/verify-secret.ts'
import { NonceDrawn, ProofChecked, ProofMade, type Envelope, type EventOf } from '../../proto/index.ts'
import { NetworkKey } from '../identity/network-key.ts'
import { transcriptOf, type Role } from '../peer-connection/transcript.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'

export interface SecretDriverOptions extends VerifySecretOptions {
  /** The network key, as `p2pnet key` prints it. A secret: drivers alone have it. */
  readonly key: string
}

type Command = EventOf<'DrawNonce' | 'MakeProof' | 'CheckProof'>

/** Bytes of a nonce. */
const NONCE_BYTES = 32

/** Proves the network key to one peer on one link, and checks what that peer proves. */
class SecretDriver implements Driver {
  readonly #context: DriverContext<SecretDriverOptions>
  readonly #nonce: Uint8Array
  readonly #key: Uint8Array

  constructor(context: DriverContext<SecretDriverOptions>, nonce: Uint8Array) {
    this.#context = context
    this.#nonce = nonce
    this.#key = NetworkKey.parse(context.options.key).derive('step secret')
  }

  receive(envelope: Envelope): void {
    const { type, body } = envelope as Command
    if (type === 'DrawNonce') this.#context.publish(new NonceDrawn({ nonce: this.#nonce }))
    else if (type === 'MakeProof') this.#context.publish(new ProofMade({ proof: this.#proof('own', body.nonce) }))
    else if (type === 'CheckProof') this.#context.publish(this.#check(body.proof, body.nonce))
  }

  #check(proof: Uint8Array, theirs: Uint8Array): ProofChecked {
    if (same(proof, this.#proof('other', theirs))) return new ProofChecked()
    if (same(proof, this.#proof('own', theirs))) return new ProofChecked({ code: 'proof-reflected' })
    return new ProofChecked({ code: 'proof-wrong' })
  }

  #proof(of: 'own' | 'other', theirs: Uint8Array): Uint8Array {
    const transcript = transcriptOf(this.#context)
    const prover: Role = transcript[of]
    const nonces = transcript.own === 'dialler' ? [this.#nonce, theirs] : [theirs, this.#nonce]
    return createHmac('sha256', this.#key).update(transcript.bytes('secret proof', prover, ...nonces)).digest()
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The driver `proof`, with what draws its nonces. */
export const secretDriverWith = (draw: (context: DriverContext<SecretDriverOptions>, bytes: number) => Uint8Array): DriverFactory<SecretDriverOptions> =>
  context => new SecretDriver(context, draw(context, NONCE_BYTES))

/** The driver `proof` of the step `secret`: nonces come from the system. */
export const secretDriver = secretDriverWith((_, bytes) => randomBytes(bytes))
