/**
 * Why a link could not be secured. All but the last three say that the other side is not what it should be.
 * - `wrong-key`: it proved another key than the one expected of it
 * - `alpn`: it does not speak `p2pnet/1`
 * - `tls-version`: it does not speak TLS 1.3
 * - `no-certificate`: it showed none, or could not use one of the only kind that is taken
 * - `key-type`: its key is not Ed25519
 * - `resumed`: it resumed an earlier session, in which nobody proves a key
 * - `tls`: any other failure of the handshake
 * - `tls-timeout`: the handshake took too long
 * - `closed`: the connection ended or broke meanwhile
 * - `aborted`: our own side gave up
 */
export type LinkSecurityCode =
  | 'wrong-key' | 'alpn' | 'tls-version' | 'no-certificate' | 'key-type' | 'resumed' | 'tls' | 'tls-timeout' | 'closed' | 'aborted'

/** Thrown when a link could not be secured, or not with whom it should be. */
export class LinkSecurityError extends Error {
  override name = 'LinkSecurityError'
  readonly code: LinkSecurityCode

  constructor(code: LinkSecurityCode, message: string) {
    super(message)
    this.code = code
  }
}

// What OpenSSL calls it on the side that finds out, and on the side that is told by an alert.
const codes: readonly (readonly [RegExp, LinkSecurityCode, string])[] = [
  [/NO_APPLICATION_PROTOCOL/, 'alpn', 'the other side does not speak p2pnet/1'],
  [/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|WRONG_VERSION|VERSION_TOO_LOW/, 'tls-version', 'the other side does not speak TLS 1.3'],
  [/NO_SUITABLE_SIGNATURE_ALGORITHM|NO_SHARED_SIGNATURE|WRONG_SIGNATURE_TYPE|UNKNOWN_CERTIFICATE_TYPE/, 'key-type', 'the two sides share no kind of key: Ed25519 is the only one'],
  [/CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN/, 'no-certificate', 'a certificate is missing'],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/, 'closed', 'the connection broke during the handshake']
]

/** An error of a TLS socket as a {@link LinkSecurityError}. */
export function securityErrorOf(error: Error & { code?: string }): LinkSecurityError {
  if (error instanceof LinkSecurityError) return error
  const name = error.code ?? error.message
  for (const [pattern, code, reason] of codes) if (pattern.test(name)) return new LinkSecurityError(code, `${reason} (${name})`)
  return new LinkSecurityError('tls', `the TLS handshake failed (${name})`)
}
