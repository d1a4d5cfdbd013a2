import { lookup } from 'node:dns'
import { connect, type LookupFunction, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Identity } from '../identity/index.ts'
import { handshake, secureOutbound, type Secured } from '../tls/index.ts'

export interface DialOptions {
  readonly host: string
  readonly port: number
  /** Refuse any other; empty takes whoever answers. */
  readonly expectedPeerId: string
  readonly identity: Identity
  readonly tlsTimeoutMs: number
  /** Whether there is to be no link with an address. */
  readonly blocks: (host: string) => boolean
  /** Every socket that is opened, so that somebody can wait until it is closed. */
  readonly track: (socket: Socket) => void
  /** The TCP connection stands. */
  readonly opened: () => void
  readonly secured: (socket: TLSSocket, secured: Secured) => void
  readonly failed: (error: unknown) => void
}

/** The policy of this peer blocks an address. */
export class AddressBlockedError extends Error {
  override name = 'AddressBlockedError'

  constructor(host: string) {
    super(`the policy of this peer blocks ${host}`)
  }
}

// A name is looked up by the system, and of its addresses the blocked ones are left out.
function allowed(blocks: DialOptions['blocks']): LookupFunction {
  return (host, options, callback) => lookup(host, { ...options, all: true }, (error, found) => {
    const open = error ? [] : found.filter(({ address }) => !blocks(address))
    const [first] = open
    if (first === undefined) callback(error ?? new AddressBlockedError(host), [])
    else if (options.all === true) callback(null, open)
    else callback(null, first.address, first.family)
  })
}

/** One attempt at one place. Exactly one of `secured` and `failed` is called, later; none after {@link abort}. */
export class Dial {
  readonly #options: DialOptions
  readonly #socket: Socket | undefined
  #tls: TLSSocket | undefined
  #settled = false

  constructor(options: DialOptions) {
    this.#options = options
    const { host, port, blocks } = options
    // Node takes an empty host for this one, and leaks a socket when it throws at a port.
    if (host === '' || port < 1 || port > 65_535) {
      queueMicrotask(() => this.#fail(new RangeError(`'${host}' port ${port} is no place to dial`)))
      return
    }
    if (blocks(host)) {
      queueMicrotask(() => this.#fail(new AddressBlockedError(host)))
      return
    }
    const socket = connect({ host, port, noDelay: true, lookup: allowed(blocks) })
    this.#socket = socket
    options.track(socket)
    socket.on('error', error => this.#fail(error))
    socket.once('close', () => this.#fail(new Error('the connection closed')))
    socket.once('connect', () => this.#secure(socket))
  }

  abort(): void {
    this.#settled = true
    this.#tls?.destroy()
    this.#socket?.destroy()
  }

  #secure(socket: Socket): void {
    if (this.#settled) return
    const { identity, expectedPeerId, tlsTimeoutMs: timeoutMs, track, opened, secured } = this.#options
    opened()
    if (this.#settled) return
    const tls = this.#tls = secureOutbound(socket, identity)
    track(tls)
    handshake(tls, { expectedPeerId, timeoutMs }).then(
      result => {
        if (this.#settled) return void tls.destroy()
        this.#settled = true
        secured(tls, result)
      },
      error => {
        this.#fail(error)
      }
    )
  }

  #fail(error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#socket?.destroy()
    this.#options.failed(error)
  }
}
