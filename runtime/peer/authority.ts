import { CertificateError, readCertificate, verifyAuthorityDefinition, type VerifyAuthorityOptions } from '../../actors/verify-authority/index.ts'
import type { PeerOptions } from './options.ts'

/** Who may say what this peer is called, from its step `authority`. */
export interface KnownAuthorities {
  /** PeerIds of those that are trusted, and of who issued this peer's own certificate. */
  readonly authorities: readonly string[]
  /** What the own certificate calls this peer; empty where there is none. */
  readonly name: string
  /** How far clocks may be apart, in milliseconds. */
  readonly toleranceMs: number
}

export function authoritiesOf({ verify = [], answers = [] }: Pick<PeerOptions, 'verify' | 'answers'>): KnownAuthorities {
  const step = [...verify, ...answers].find(({ kind }) => kind === verifyAuthorityDefinition.kind)
  const { authorities = [], certificate = '', clockToleranceMs = 0 } = (step?.options ?? {}) as Partial<VerifyAuthorityOptions>
  const own = certificate === '' ? undefined : ownCertificate(certificate)
  return { authorities: own === undefined ? authorities : [...new Set([...authorities, own.authority])], name: own?.name ?? '', toleranceMs: clockToleranceMs }
}

// Whether it is good for anything is for those to say to whom it is shown.
function ownCertificate(text: string) {
  try {
    return readCertificate(Buffer.from(text, 'base64'))
  } catch (error) {
    if (error instanceof CertificateError) return undefined
    throw error
  }
}
