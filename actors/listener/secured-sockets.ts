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
  leave(how: Departure): void
}

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
    const leave = (how: Departure): void => {
      clearTimeout(timer)
      socket.off('close', onClose)
      this.#held.delete(handle)
      if (how !== 'adopted') socket.destroy()
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

  /** Closes the socket; does nothing where it is gone. */
  reject(handle: string): void {
    this.#held.get(handle)?.leave('rejected')
  }
}

export const SecuredSockets = serviceKey('secured-sockets', () => new HeldSockets())
