import type { Socket } from 'node:net'
import { connect, TLSSocket } from 'node:tls'
import type { Identity } from '../identity/index.ts'
import { LinkSecurityError, securityErrorOf } from './errors.ts'
import { tlsOptions } from './options.ts'
import { expectPeer, securedBy, type Secured } from './secured.ts'

/** An open byte stream as the TLS client of a link; {@link handshake} waits for it. */
export function secureOutbound(stream: Socket, identity: Identity): TLSSocket {
  return guarded(connect({ ...tlsOptions(identity), socket: stream }))
}

/** An open byte stream as the TLS server of a link; {@link handshake} waits for it. */
export function secureInbound(stream: Socket, identity: Identity): TLSSocket {
  return guarded(new TLSSocket(stream, { ...tlsOptions(identity), isServer: true }))
}

// An 'error' that nobody hears would end the process; whoever owns the socket hears 'close' as well.
function guarded(socket: TLSSocket): TLSSocket {
  return socket.on('error', () => {})
}

export interface HandshakeOptions {
  /** Refuse any other; empty takes whoever answers. @default '' */
  readonly expectedPeerId?: string
  /** Milliseconds from now. */
  readonly timeoutMs: number
  /** Gives up when aborted. */
  readonly signal?: AbortSignal
}

/**
 * Waits until the socket is secured and its checks are passed; on failure it destroys the socket. It
 * reads nothing, so what the other side sends meanwhile waits in the socket.
 * @throws LinkSecurityError with any of its codes, as the promise's rejection
 */
export function handshake(socket: TLSSocket, { expectedPeerId = '', timeoutMs, signal }: HandshakeOptions): Promise<Secured> {
  return new Promise((resolve, reject) => {
    const settle = (error: LinkSecurityError | undefined, secured?: Secured): void => {
      clearTimeout(timer)
      socket.off('secure', onSecure).off('error', onError).off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) return resolve(secured as Secured)
      socket.destroy()
      reject(error)
    }
    const onSecure = (): void => {
      try {
        const secured = securedBy(socket)
        expectPeer(secured, expectedPeerId)
        settle(undefined, secured)
      } catch (error) {
        settle(securityErrorOf(error as Error))
      }
    }
    const onError = (error: Error): void => settle(securityErrorOf(error))
    const onClose = (): void => settle(new LinkSecurityError('closed', 'the connection ended during the handshake'))
    const onAbort = (): void => settle(new LinkSecurityError('aborted', 'the handshake was given up'))
    const timer = setTimeout(() => settle(new LinkSecurityError('tls-timeout', `no TLS handshake within ${timeoutMs} ms`)), timeoutMs)
    socket.once('secure', onSecure).once('error', onError).once('close', onClose)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    else if (socket.destroyed) onClose()
  })
}
