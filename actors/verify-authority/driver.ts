import { createHash } from 'node:crypto'
import { CertificateChecked, CertificatePresented, type Envelope, type EventOf } from '../../proto/index.ts'
import { Identity, peerIdOf, verify } from '../identity/index.ts'
import { transcriptOf } from '../peer-connection/transcript.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import { CertificateError, checkCertificate, type Verifier } from './certificate.ts'
import type { VerifyAuthorityOptions } from './options.ts'

type Command = EventOf<'PresentCertificate' | 'CheckCertificate'>
type Context = DriverContext<VerifyAuthorityOptions>

/** What the driver uses of the world; a simulation plays it. */
export interface AuthorityWorld {
  /** Milliseconds since the epoch. */
  readonly now: (context: Context) => number
  readonly verify: Verifier
}

/** What the holder's signature is for. */
const HOLDER_CONTEXT = 'certificate holder'

/** Shows this peer's certificate on one link, and checks what the other side shows. */
class AuthorityDriver implements Driver {
  readonly #context: Context
  readonly #world: AuthorityWorld
  readonly #own: Uint8Array

  constructor(context: Context, world: AuthorityWorld) {
    this.#context = context
    this.#world = world
    this.#own = Buffer.from(context.options.certificate, 'base64')
  }

  receive(envelope: Envelope): void {
    const { type, body } = envelope as Command
    if (type === 'PresentCertificate') this.#context.publish(this.#present())
    else if (type === 'CheckCertificate') this.#context.publish(this.#check(body.certificate, body.proof))
  }

  #present(): CertificatePresented {
    if (this.#own.length === 0) return new CertificatePresented()
    const identity = this.#context.services.get(Identity)
    const proof = Buffer.concat([identity.publicKey, identity.sign(HOLDER_CONTEXT, this.#statement('own', this.#own))])
    return new CertificatePresented({ certificate: this.#own, proof })
  }

  #check(certificate: Uint8Array, proof: Uint8Array): CertificateChecked {
    const { peerId, authorities, clockToleranceMs } = this.#context.options
    try {
      checkCertificate(certificate, { peerId, authorities, now: this.#world.now(this.#context), toleranceMs: clockToleranceMs }, this.#world.verify)
      this.#checkHolder(certificate, proof)
      return new CertificateChecked()
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      return new CertificateChecked({ code: error.code, reason: error.message })
    }
  }

  // TLS has proved the key, and this session is bound to it; said once more by the holder, nothing depends on how TLS was set up.
  #checkHolder(certificate: Uint8Array, proof: Uint8Array): void {
    const { peerId } = this.#context.options
    const key = proof.subarray(0, 32)
    if (key.length !== 32 || peerIdOf(key) !== peerId || !this.#world.verify(key, HOLDER_CONTEXT, this.#statement('other', certificate), proof.subarray(32))) {
      throw new CertificateError('certificate-forged', 'its holder did not sign for this session')
    }
  }

  /** The transcript holds the session's secret, and a signature is no place for that: its hash is signed. */
  #statement(of: 'own' | 'other', certificate: Uint8Array): Uint8Array {
    const transcript = transcriptOf(this.#context)
    return createHash('sha256').update(transcript.bytes('certificate holder', transcript[of], certificate)).digest()
  }
}

export const authorityDriverWith = (world: AuthorityWorld): DriverFactory<VerifyAuthorityOptions> => context => new AuthorityDriver(context, world)

/** The driver `certificate` of the step `authority`. */
export const authorityDriver = authorityDriverWith({ now: () => Date.now(), verify })
