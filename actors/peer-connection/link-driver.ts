import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  DeadLetter, DialFailed, DialOpened, Direction, DriverFailed, Endpoint, Initiator, LinkClosed, LinkSecured,
  type Envelope, type EventOf
} from '../../proto/index.ts'
import { Identity } from '../identity/index.ts'
import { SecuredSockets } from '../listener/secured-sockets.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import type { Secured } from '../tls/index.ts'
import { Dial } from './dial.ts'
import { linkDefaults, type LinkOptions } from './link-options.ts'
import { LinkSession } from './link-session.ts'
import { describe, dialCode } from './socket-codes.ts'

type Command = EventOf<'DialEndpoint' | 'AbortDial' | 'AdoptLink' | 'SetGate' | 'SendPing' | 'CloseLink'>

interface Ends {
  readonly local: { readonly host: string; readonly port: number }
  readonly remote: { readonly host: string; readonly port: number }
}

/** Dials or takes over sockets for one connection, one after another, and carries its link. */
class LinkDriver implements Driver {
  readonly #context: DriverContext<Partial<LinkOptions>>
  readonly #options: LinkOptions
  readonly #sockets = new Set<Socket>()
  #dial: { readonly attempt: number; readonly dial: Dial } | undefined
  #session: LinkSession | undefined
  /** Links that are over for the machine and say goodbye yet. */
  readonly #leaving = new Set<LinkSession>()
  #stopped: (() => void) | undefined

  constructor(context: DriverContext<Partial<LinkOptions>>) {
    this.#context = context
    this.#options = { ...linkDefaults, ...context.options }
  }

  receive(envelope: Envelope): void {
    const command = envelope as Command
    switch (command.type) {
      case 'DialEndpoint':
        return this.#dialEndpoint(command.body)
      case 'AbortDial':
        return this.#abortDial(command.body.attempt)
      case 'AdoptLink':
        return this.#adopt(command.body.handle)
      case 'SetGate':
        return this.#session?.setGate(command.body)
      case 'SendPing':
        return this.#session?.ping({ id: command.body.id, from: envelope.from, left: Math.max(0, command.body.count - 1), rttUs: Infinity })
      case 'CloseLink':
        this.#abortDial(this.#dial?.attempt)
        return this.#session?.close(command.body.lingerMs)
      default:
        return this.#sendFor(envelope)
    }
  }

  /** Ends everything as it stands. */
  stop(): Promise<void> | void {
    this.#abortDial(this.#dial?.attempt)
    this.#session?.destroy()
    this.#session = undefined
    for (const session of this.#leaving) session.destroy()
    this.#leaving.clear()
    if (this.#sockets.size === 0) return
    for (const socket of this.#sockets) socket.destroy()
    return new Promise(resolve => {
      this.#stopped = resolve
    })
  }

  #sendFor(envelope: Envelope): void {
    if (this.#session !== undefined) return this.#session.sendFor(envelope)
    const { type, from, to } = envelope
    this.#context.publish(new DeadLetter({ type, from, to, reason: 'not-connected', count: 1 }), '')
  }

  #dialEndpoint({ endpoint, expectedPeerId, attempt }: EventOf<'DialEndpoint'>['body']): void {
    this.#abortDial(this.#dial?.attempt)
    const { host = '', port = 0 } = endpoint ?? {}
    const dial = new Dial({
      host, port, expectedPeerId,
      identity: this.#context.services.get(Identity),
      tlsTimeoutMs: this.#options.tlsTimeoutMs,
      track: socket => this.#track(socket),
      opened: () => this.#context.publish(new DialOpened({ attempt })),
      secured: (socket, secured) => this.#guard(() => {
        this.#dial = undefined
        const local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
        this.#secured(socket, secured, attempt, Direction.DIRECTION_OUT, { local, remote: { host, port } })
      }),
      failed: error => {
        this.#dial = undefined
        this.#context.publish(new DialFailed({ attempt, code: dialCode(error), reason: describe(error) }))
      }
    })
    this.#dial = { attempt, dial }
  }

  #abortDial(attempt: number | undefined): void {
    if (this.#dial === undefined || this.#dial.attempt !== attempt) return
    this.#dial.dial.abort()
    this.#dial = undefined
  }

  #adopt(handle: string): void {
    const taken = this.#context.services.get(SecuredSockets).take(handle)
    if (taken === undefined) {
      const reason = 'the caller left before its connection took it over'
      return this.#context.publish(new LinkClosed({ code: 'lost', reason, initiator: Initiator.INITIATOR_NETWORK }))
    }
    this.#track(taken.socket)
    this.#secured(taken.socket, taken, 0, Direction.DIRECTION_IN, taken)
  }

  #secured(socket: TLSSocket, { peerId, linkId }: Secured, attempt: number, direction: Direction, { local, remote }: Ends): void {
    this.#session?.close(0)
    const session: LinkSession = new LinkSession(socket, {
      context: this.#context,
      options: this.#options,
      peerId,
      ended: () => {
        if (this.#session === session) this.#session = undefined
        if (socket.destroyed) return
        this.#leaving.add(session)
        socket.once('close', () => this.#leaving.delete(session))
      },
      crashed: error => this.#failed(error)
    })
    this.#session = session
    this.#context.publish(new LinkSecured({ attempt, linkId, peerId, local: new Endpoint(local), remote: new Endpoint(remote), direction }))
    session.link.start()
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#stopped?.()
    })
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }

  // What escapes from a socket's callback reaches no one; the actor fails by this message instead.
  #failed(error: unknown): void {
    this.#context.log.error({ err: error }, 'link driver failed')
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.#context.publish(new DriverFailed({ driver: this.#context.address, error: text }), 'system')
  }
}

/** The driver `link` of a peer connection; see connection.proto for what it is told and what it tells. */
export const linkDriver: DriverFactory<Partial<LinkOptions>> = context => new LinkDriver(context)
