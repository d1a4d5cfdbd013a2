import { separated } from '../identity/domain.ts'
import { Identity } from '../identity/index.ts'
import type { DriverContext } from '../seam/index.ts'
import { Sessions } from './sessions.ts'

/** Which end of a link proves something. */
export type Role = 'dialler' | 'acceptor'

/** Options that every verification step is given. */
export interface StepLink {
  readonly peerId: string
  readonly linkId: string
  readonly direction: 'in' | 'out'
}

/** What a proof on a link is about. */
export interface Transcript {
  /** The end that this peer is. */
  readonly own: Role
  readonly other: Role
  /**
   * The bytes that one end proves for a use: they name the use and the role, and bind both PeerIds and this TLS session.
   * Who holds them holds the session's secret: they are for a MAC, a signature or a hash, and for nothing else.
   */
  bytes(use: string, prover: Role, ...parts: readonly Uint8Array[]): Uint8Array
}

/** @throws NoSessionError when the link has ended */
export function transcriptOf({ services, options }: DriverContext<StepLink>): Transcript {
  const { linkId, peerId, direction } = options
  const { binding } = services.get(Sessions).get(linkId)
  const self = services.get(Identity).peerId
  const dialled = direction === 'out'
  // PeerIds have one length, as the binding has, so that nothing can be moved from one part to the next.
  const peerIds = Buffer.from(dialled ? self + peerId : peerId + self, 'latin1')
  return {
    own: dialled ? 'dialler' : 'acceptor',
    other: dialled ? 'acceptor' : 'dialler',
    bytes: (use, prover, ...parts) => separated(`${use}, ${prover}`, peerIds, binding, ...parts)
  }
}
