import type { TLSSocket } from 'node:tls'
import { peerIdOf } from '../identity/index.ts'
import { LinkSecurityError } from './errors.ts'
import { ALPN } from './options.ts'

/** What is known of a link once TLS is up. */
export interface Secured {
  /** The other side, which has proved its key. */
  readonly peerId: string
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** 16 bytes in hex, equal on both ends and new for every link; no secret. */
  readonly linkId: string
  /** 32 bytes that only these two ends of this session know (RFC 8446, 7.5). Prove it, never send or log it. */
  readonly sessionBinding: Uint8Array
}

// On the client's side Node hands out the certificate only once.
const known = new WeakMap<TLSSocket, Secured>()

/**
 * Checks a socket whose handshake is done, on either side, and says who is there. On the client's side
 * the server has not yet judged us: its first message shows that it took us.
 * @throws LinkSecurityError `tls-version`, `alpn`, `resumed`, `no-certificate` or `key-type`
 */
export function securedBy(socket: TLSSocket): Secured {
  let secured = known.get(socket)
  if (secured === undefined) known.set(socket, (secured = check(socket)))
  return secured
}

function check(socket: TLSSocket): Secured {
  const version = socket.getProtocol()
  if (version !== 'TLSv1.3') throw new LinkSecurityError('tls-version', `the other side speaks ${version ?? 'no TLS'}, not TLS 1.3`)
  // A client that names no protocol at all is let through by TLS.
  if (socket.alpnProtocol !== ALPN) throw new LinkSecurityError('alpn', `the other side speaks ${socket.alpnProtocol || 'no named protocol'}, not ${ALPN}`)
  if (socket.isSessionReused()) throw new LinkSecurityError('resumed', 'the other side resumed an earlier session, in which nobody proves a key')
  const key = socket.getPeerX509Certificate()?.publicKey
  if (key === undefined) throw new LinkSecurityError('no-certificate', 'the other side showed no certificate with an Ed25519 key')
  if (key.asymmetricKeyType !== 'ed25519') throw new LinkSecurityError('key-type', `the other side's key is of type ${key.asymmetricKeyType}, not ed25519`)
  const publicKey = Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url')
  return {
    peerId: peerIdOf(publicKey),
    publicKey,
    linkId: socket.exportKeyingMaterial(16, 'EXPORTER-p2pnet-link-id', Buffer.alloc(0)).toString('hex'),
    sessionBinding: socket.exportKeyingMaterial(32, 'EXPORTER-p2pnet-session-binding', Buffer.alloc(0))
  }
}

/**
 * Checks that the one who answered is the one we meant to reach; an empty id takes anyone.
 * @throws LinkSecurityError `wrong-key`
 */
export function expectPeer(secured: Pick<Secured, 'peerId'>, expectedPeerId: string): void {
  if (expectedPeerId !== '' && secured.peerId !== expectedPeerId) {
    throw new LinkSecurityError('wrong-key', `${secured.peerId} answered where ${expectedPeerId} should be`)
  }
}
