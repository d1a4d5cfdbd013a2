import { randomInt } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Identity } from '../identity/index.ts'
import { SecuredSockets } from '../listener/secured-sockets.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import type { DriverContext } from '../seam/index.ts'
import type { Secured } from '../tls/index.ts'
import { Dial } from './dial.ts'
import type { DialRequest, LinkTransport, LinkWorld, Place, SecuredStream } from './frame-stream.ts'
import type { LinkOptions } from './link-options.ts'
import { describe, dialCode } from './socket-codes.ts'
import { SocketFrames } from './socket-frames.ts'

const world: LinkWorld = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  random: { below: limit => randomInt(limit) }
}

/** TLS over TCP. */
export class SocketTransport implements LinkTransport {
  readonly world = world
  readonly #context: DriverContext<unknown>
  readonly #options: LinkOptions
  readonly #sockets = new Set<Socket>()
  #stopped: (() => void) | undefined

  constructor(context: DriverContext<unknown>, options: LinkOptions) {
    this.#context = context
    this.#options = options
  }

  dial({ to, expectedPeerId, opened, secured, failed }: DialRequest): () => void {
    const dial = new Dial({
      ...to, expectedPeerId, opened,
      identity: this.#context.services.get(Identity),
      tlsTimeoutMs: this.#options.tlsTimeoutMs,
      blocks: host => this.#context.services.get(BlockedAddresses).blocks(host),
      track: socket => this.#track(socket),
      secured: (socket, who) => secured({
        ...this.#stream(socket, who, { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }, to),
        ...(isIP(to.host) === 0 && { found: socket.remoteAddress })
      }),
      failed: error => failed(dialCode(error), describe(error))
    })
    return () => dial.abort()
  }

  adopt(handle: string): SecuredStream | undefined {
    const taken = this.#context.services.get(SecuredSockets).take(handle)
    if (taken === undefined) return undefined
    this.#track(taken.socket)
    return this.#stream(taken.socket, taken, taken.local, taken.remote)
  }

  stop(): Promise<void> | void {
    if (this.#sockets.size === 0) return
    for (const socket of this.#sockets) socket.destroy()
    return new Promise(resolve => {
      this.#stopped = resolve
    })
  }

  #stream(socket: TLSSocket, { peerId, linkId, sessionBinding }: Secured, local: Place, remote: Place): SecuredStream {
    return { peerId, linkId, sessionBinding, local, remote, open: taker => new SocketFrames(socket, this.#options, taker) }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#stopped?.()
    })
  }
}
