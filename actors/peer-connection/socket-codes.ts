import { LinkSecurityError } from '../tls/index.ts'
import { AddressBlockedError } from './dial.ts'

const dialCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'dial-refused',
  ECONNRESET: 'dial-reset',
  EHOSTUNREACH: 'dial-unreachable',
  ENETUNREACH: 'dial-unreachable',
  EHOSTDOWN: 'dial-unreachable',
  ENETDOWN: 'dial-unreachable',
  EADDRNOTAVAIL: 'dial-unreachable',
  ETIMEDOUT: 'dial-timeout',
  ENOTFOUND: 'host-unknown',
  EAI_AGAIN: 'host-unknown'
}

/** Why a dial failed, as a code of docs/codes.md. */
export function dialCode(error: unknown): string {
  if (error instanceof LinkSecurityError) return error.code
  if (error instanceof AddressBlockedError) return 'blocked-address'
  return dialCodes[systemCode(error)] ?? 'dial-failed'
}

const reasons: Readonly<Record<string, string>> = {
  ECONNRESET: 'the other side or the network reset the connection',
  EPIPE: 'the connection ended while something was written',
  ETIMEDOUT: 'the network stopped answering',
  EHOSTUNREACH: 'the network lost the way to the other side'
}

/** Why an open link broke, for people; the code is `lost` whatever it was. */
export function lostReason(error: unknown): string {
  const code = systemCode(error)
  const reason = reasons[code]
  return reason === undefined ? describe(error) : `${reason} (${code})`
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function systemCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
