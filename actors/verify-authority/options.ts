import { stepDefaults, type StepOptions } from '../../machines/verify-step.ts'

export interface VerifyAuthorityOptions extends StepOptions {
  /** PeerIds of the identities whose certificates count. @default [] */
  readonly authorities: readonly string[]
  /** This peer's own certificate, in base64; empty for none. @default '' */
  readonly certificate: string
  /** How far the clocks of an authority and of this machine may be apart, in milliseconds. @default 60000, what clocks without NTP drift in a week */
  readonly clockToleranceMs: number
}

export const verifyAuthorityDefaults: VerifyAuthorityOptions = { ...stepDefaults, authorities: [], certificate: '', clockToleranceMs: 60_000 }
