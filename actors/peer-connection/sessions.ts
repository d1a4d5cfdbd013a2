import { serviceKey } from '../seam/index.ts'

/** An open link as the drivers of its verification steps may see it. */
export interface Session {
  readonly peerId: string
  /** 32 bytes that only the two ends of this TLS session know (RFC 8446, 7.5). Prove it; never send, publish or log it. */
  readonly binding: Uint8Array
}

/** Thrown where a verification step looks for a link that has ended. */
export class NoSessionError extends Error {
  override name = 'NoSessionError'
}

/** The open links of this peer, by link id; for drivers alone. */
export class SessionTable {
  readonly #sessions = new Map<string, Session>()

  /** Returns what takes it away again. */
  add(linkId: string, session: Session): () => void {
    this.#sessions.set(linkId, session)
    return () => {
      if (this.#sessions.get(linkId) === session) this.#sessions.delete(linkId)
    }
  }

  /** @throws NoSessionError when no link of the id is open */
  get(linkId: string): Session {
    const session = this.#sessions.get(linkId)
    if (session === undefined) throw new NoSessionError(`there is no link ${linkId}: it has ended`)
    return session
  }
}

export const Sessions = serviceKey('sessions', () => new SessionTable())
