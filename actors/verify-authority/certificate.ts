import { IdentityCertificate, SignedCertificate } from '../../proto/index.ts'
import { isPeerId, peerIdOf, PUBLIC_KEY_BYTES, verify, type Identity } from '../identity/index.ts'
import { PeerOptionError } from '../shared/option-error.ts'

/** What the authority's signature is for. */
export const CERTIFICATE_CONTEXT = 'identity certificate'
const VERSION = 1
/** A certificate crosses every link of its holder; ours have 250 bytes. */
const BYTES_MAX = 4096
const NAME_CHARS = 64

export interface CertificateOptions {
  /** The subject. */
  readonly peerId: string
  /** Valid from, in milliseconds since the epoch. */
  readonly notBefore: number
  /** Valid until, in milliseconds since the epoch. */
  readonly notAfter: number
  /** What the authority calls the subject, for people; up to 64 characters. @default '' */
  readonly name?: string
}

/** What is known of a certificate whose signature is right. */
export interface Certificate extends Required<CertificateOptions> {
  /** PeerId of the authority that signed it. */
  readonly authority: string
}

/** Why a certificate does not count; the code is of docs/codes.md. */
export class CertificateError extends Error {
  override name = 'CertificateError'
  readonly code: 'certificate-missing' | 'certificate-malformed' | 'certificate-untrusted' | 'certificate-forged' | 'certificate-of-other' | 'certificate-early' | 'certificate-expired'

  constructor(code: CertificateError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Who checks an authority's signature; a simulation plays it. */
export type Verifier = (publicKey: Uint8Array, context: string, bytes: Uint8Array, signature: Uint8Array) => boolean

/**
 * Signs a certificate of a peer's identity: a SignedCertificate in protobuf, its Ed25519 signature over the context
 * string `identity certificate` and the bytes of the certificate.
 * @param authority the identity whose PeerId others trust as an authority
 * @throws PeerOptionError when the subject is no PeerId, the name is too long, or the times are in the wrong order
 */
export function signCertificate(authority: Pick<Identity, 'peerId' | 'publicKey' | 'sign'>, { peerId, notBefore, notAfter, name = '' }: CertificateOptions): Uint8Array {
  if (!isPeerId(peerId)) throw new PeerOptionError(`'${peerId}' is no PeerId: give all of its 52 letters`)
  if (!(notBefore <= notAfter)) throw new PeerOptionError('a certificate ends after it begins: give notBefore and notAfter in milliseconds since the epoch')
  if (name.length > NAME_CHARS) throw new PeerOptionError(`a name has at most ${NAME_CHARS} characters`)
  const certificate = IdentityCertificate.encode(new IdentityCertificate({
    version: VERSION, peerId, authority: authority.peerId, authorityKey: authority.publicKey, notBefore, notAfter, name
  })).finish()
  return SignedCertificate.encode(new SignedCertificate({ certificate, signature: authority.sign(CERTIFICATE_CONTEXT, certificate) })).finish()
}

/**
 * Reads a certificate and checks its signature; whether its authority is trusted, whom it is of and when it holds is for the caller.
 * @throws CertificateError `certificate-missing`, `certificate-malformed` or `certificate-forged`
 */
export function readCertificate(bytes: Uint8Array, verifier: Verifier = verify): Certificate {
  if (bytes.length === 0) throw new CertificateError('certificate-missing', 'no certificate was shown')
  if (bytes.length > BYTES_MAX) throw new CertificateError('certificate-malformed', `a certificate has at most ${BYTES_MAX} bytes, this one ${bytes.length}`)
  let signed: SignedCertificate
  let read: IdentityCertificate
  try {
    signed = SignedCertificate.decode(bytes)
    read = IdentityCertificate.decode(signed.certificate)
  } catch {
    throw new CertificateError('certificate-malformed', 'the certificate is no protobuf message')
  }
  const { version, peerId, authority, authorityKey, notBefore, notAfter, name } = read
  if (version !== VERSION || !isPeerId(peerId) || authorityKey.length !== PUBLIC_KEY_BYTES || peerIdOf(authorityKey) !== authority || name.length > NAME_CHARS) {
    throw new CertificateError('certificate-malformed', 'the certificate does not say whose it is, or by whom, as version 1 has it')
  }
  if (!verifier(authorityKey, CERTIFICATE_CONTEXT, signed.certificate, signed.signature)) {
    throw new CertificateError('certificate-forged', 'the authority did not sign the certificate')
  }
  return { peerId, authority, notBefore, notAfter, name }
}

/** What a certificate is held against. */
export interface CertificateCheck {
  /** Who is at the other end. */
  readonly peerId: string
  /** PeerIds of the authorities that are trusted. */
  readonly authorities: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
  /** How far clocks may be apart, in milliseconds. */
  readonly toleranceMs: number
}

/** @throws CertificateError with any of its codes */
export function checkCertificate(bytes: Uint8Array, { peerId, authorities, now, toleranceMs }: CertificateCheck, verifier: Verifier = verify): Certificate {
  const certificate = readCertificate(bytes, verifier)
  if (!authorities.includes(certificate.authority)) throw new CertificateError('certificate-untrusted', `the authority ${certificate.authority.slice(0, 8)}… is not trusted here`)
  if (certificate.peerId !== peerId) throw new CertificateError('certificate-of-other', `the certificate is that of ${certificate.peerId.slice(0, 8)}…`)
  if (!(now >= certificate.notBefore - toleranceMs)) throw new CertificateError('certificate-early', `the certificate is valid from ${isoTime(certificate.notBefore)} on, and it is ${isoTime(now)} by the clock of who checks it`)
  if (!(now <= certificate.notAfter + toleranceMs)) throw new CertificateError('certificate-expired', `the certificate was valid until ${isoTime(certificate.notAfter)}, and it is ${isoTime(now)} by the clock of who checks it`)
  return certificate
}

function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no time at all' : date.toISOString()
}
