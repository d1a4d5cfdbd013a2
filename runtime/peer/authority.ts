import { CertificateError, checkCertificate, readCertificate, verifyAuthorityDefinition, type VerifyAuthorityOptions } from '../../actors/verify-authority/index.ts'
import type { PeerOptions } from './options.ts'

/** Who may say what this peer is called, from its step `authority`. */
export interface KnownAuthorities {
  /** PeerIds of those that are trusted, and of who issued this peer's own certificate. */
  readonly authorities: readonly string[]
  /** What the own certificate calls this peer; empty where there is none. */
  readonly name: string
  /** How far clocks may be apart, in milliseconds. */
  readonly toleranceMs: number
  /** Why the own certificate counts for nothing here; it is shown all the same, since others go by their own clocks. */
  readonly problem: CertificateError | undefined
}

/**
 * @param peerId whose certificate the own one must be
 * @param now milliseconds since the epoch
 */
export function authoritiesOf({ verify = [], answers = [] }: Pick<PeerOptions, 'verify' | 'answers'>, peerId: string, now = Date.now()): KnownAuthorities {
  const step = [...verify, ...answers].find(({ kind }) => kind === verifyAuthorityDefinition.kind)
  const { authorities = [], certificate = '', clockToleranceMs: toleranceMs = 0 } = (step?.options ?? {}) as Partial<VerifyAuthorityOptions>
  const without = { authorities, name: '', toleranceMs, problem: undefined }
  if (certificate === '') return without
  try {
    const bytes = Buffer.from(certificate, 'base64')
    // Whoever gave this peer a certificate of its own trusts who issued it.
    const { authority, name } = checkCertificate(bytes, { peerId, authorities: [readCertificate(bytes).authority], now, toleranceMs })
    return { ...without, authorities: [...new Set([...authorities, authority])], name }
  } catch (error) {
    if (error instanceof CertificateError) return { ...without, problem: error }
    throw error
  }
}
