import { constants, createPrivateKey, createPublicKey } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Identity } from '../identity/index.ts'
import { selfSigned } from './certificate.ts'

/** The application protocol of every link (RFC 7301). */
export const ALPN = 'p2pnet/1'

/** Options for `tls.connect` and for `new TLSSocket` alike. */
export interface LinkTlsOptions {
  readonly secureContext: SecureContext
  readonly ALPNProtocols: string[]
  readonly requestCert: true
  readonly rejectUnauthorized: false
  readonly checkServerIdentity: () => undefined
}

// A context takes a millisecond to build and some ten kilobytes; all links of an identity share it.
const contexts = new WeakMap<Identity, SecureContext>()

function contextOf(identity: Identity): SecureContext {
  let context = contexts.get(identity)
  if (context === undefined) {
    const pem = identity.privateKeyPem()
    const key = createPrivateKey(pem)
    context = createSecureContext({
      key: pem,
      cert: selfSigned(createPublicKey(key), key),
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      sigalgs: 'ed25519',
      // What is resumed proves no key; what comes by an older session is refused after the handshake too.
      secureOptions: constants.SSL_OP_NO_TICKET
    })
    contexts.set(identity, context)
  }
  return context
}

/**
 * TLS 1.3 (RFC 8446) with both sides' certificates, no resumption, no early data. The certificate is
 * not judged by TLS, since no authority signed it: `securedBy` pins its key instead and must be asked
 * before anything is read or written.
 */
export function tlsOptions(identity: Identity): LinkTlsOptions {
  return {
    secureContext: contextOf(identity),
    ALPNProtocols: [ALPN],
    requestCert: true,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined
  }
}
