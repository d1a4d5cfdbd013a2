import { verifyAuthorityMachine } from '../../machines/verify-authority.ts'
import { CertificateShown, Level } from '../../proto/index.ts'
import { isPeerId } from '../identity/index.ts'
import { defineActor, type ActorDefinition } from '../seam/index.ts'
import { PeerOptionError } from '../shared/option-error.ts'
import { authorityDriver } from './driver.ts'
import { verifyAuthorityDefaults, type VerifyAuthorityOptions } from './options.ts'

export { CertificateError, checkCertificate, readCertificate, signCertificate, type Certificate, type CertificateCheck, type CertificateOptions } from './certificate.ts'
export type { VerifyAuthorityOptions } from './options.ts'

/** The step `authority`, which trusts no authority and has no certificate. */
export const verifyAuthorityDefinition = defineActor<VerifyAuthorityOptions>({
  kind: 'verify-authority',
  machine: verifyAuthorityMachine,
  drivers: { certificate: authorityDriver },
  options: verifyAuthorityDefaults,
  wire: [{ type: CertificateShown, level: Level.LEVEL_IDENTIFIED }]
})

export interface AuthorityStepOptions {
  /** PeerIds of the authorities that are trusted; none where this peer only shows its certificate to those who demand one. @default [] */
  readonly authorities?: readonly string[]
  /** This peer's own certificate, as signCertificate made it. @default none */
  readonly certificate?: Uint8Array
  /** As in {@link VerifyAuthorityOptions}. */
  readonly clockToleranceMs?: number
}

/**
 * Verification by an authority: the other side shows a certificate of its identity that a trusted authority has signed.
 * @throws PeerOptionError for an authority that is no PeerId
 */
export function authorityStep({ authorities = [], certificate = new Uint8Array(), clockToleranceMs = verifyAuthorityDefaults.clockToleranceMs }: AuthorityStepOptions): ActorDefinition<VerifyAuthorityOptions> {
  for (const peerId of authorities) if (!isPeerId(peerId)) throw new PeerOptionError(`'${peerId}' is no PeerId of an authority: give all of its 52 letters`)
  return {
    ...verifyAuthorityDefinition,
    options: { ...verifyAuthorityDefaults, authorities: [...authorities], certificate: Buffer.from(certificate).toString('base64'), clockToleranceMs }
  }
}
