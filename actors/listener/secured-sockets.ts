import type { TLSSocket } from 'node:tls'
import { serviceKey } from '../seam/index.ts'
import type { Secured } from '../tls/index.ts'

/** A link whose TLS is up and whose other side has proved its key; nothing was read from it yet. */
export interface SecuredSocket extends Secured {
  readonly socket: TLSSocket
  readonly local: { readonly host: string; readonly port: number }
  readonly remote: { readonly host: string; readonly port: number }
}

/** How a socket left: somebody took it over, it was refused, nobody came for it in time, or it closed. */
export type Departure = 'adopted' | 'rejected' | 'expired' | 'closed'

export interface PutOptions {
  /** How long it waits to be taken over, in milliseconds. */
  readonly adoptWithinMs: number
  /** Told once, when it leaves. */
  readonly left: (how: Departure) => void
}

interface Held {
  readonly secured: SecuredSocket
  leave(how: Departure, lastWords?: Uint8Array): void
}

/** How long a refused caller may take to read why, in milliseconds. */
export const LAST_WORDS_MS = 500

/** Secured inbound sockets that wait to be taken over, by handle. */
export class HeldSockets {
  readonly #held = new Map<string, Held>()
  #last = 0

  get size(): number {
    return this.#held.size
  }

  /** Holds a socket and returns its handle. It closes when its time is up. */
  put(secured: SecuredSocket, { adoptWithinMs, left }: PutOptions): string {
    const handle = `in-${(this.#last += 1)}`
    const { socket } = secured
    const leave = (how: Departure, lastWords?: Uint8Array): void => {
      clearTimeout(timer)
      socket.off('close', onClose)
      this.#held.delete(handle)
      if (lastWords !== undefined) endWith(socket, lastWords)
      else if (how !== 'adopted') socket.destroy()
      left(how)
    }
    const onClose = (): void => leave('closed')
    const timer = setTimeout(() => leave('expired'), adoptWithinMs)
    socket.once('close', onClose)
    this.#held.set(handle, { secured, leave })
    return handle
  }

  /** Hands the socket over, still paused; undefined where it is gone. The caller owns it from then on. */
  take(handle: string): SecuredSocket | undefined {
    const held = this.#held.get(handle)
    if (held === undefined || held.secured.socket.destroyed) return undefined
    held.leave('adopted')
    return held.secured
  }

  /** Closes the socket, after these bytes; does nothing where it is gone. */
  reject(handle: string, lastWords?: Uint8Array): void {
    this.#held.get(handle)?.leave('rejected', lastWords)
  }
}

function endWith(socket: TLSSocket, lastWords: Uint8Array): void {
  const late = setTimeout(() => socket.destroy(), LAST_WORDS_MS)
  socket.once('close', () => clearTimeout(late))
  socket.once('error', () => {})
  socket.end(lastWords)
  // What it sends meanwhile is thrown away: unread, it would reset the connection, and the words be lost.
  socket.resume()
}

export const SecuredSockets = serviceKey('secured-sockets', () => new HeldSockets())
