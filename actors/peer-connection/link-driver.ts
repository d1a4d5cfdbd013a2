import {
  DeadLetter, DialFailed, DialOpened, Direction, DriverFailed, Endpoint, Initiator, LinkClosed, LinkSecured,
  type Envelope, type EventOf
} from '../../proto/index.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import type { LinkTransport, SecuredStream } from './frame-stream.ts'
import type { LinkOptions } from './link-options.ts'
import { LinkSession } from './link-session.ts'
import { SocketTransport } from './socket-transport.ts'

type Command = EventOf<'DialEndpoint' | 'AbortDial' | 'AdoptLink' | 'SetGate' | 'SendPing' | 'CloseLink'>

/** Dials or takes over streams for one connection, one after another, and carries its link. */
export class LinkDriver implements Driver {
  readonly #context: DriverContext<LinkOptions>
  readonly #transport: LinkTransport
  #dial: { readonly attempt: number; readonly abort: () => void } | undefined
  #session: LinkSession | undefined
  /** With those that are over for the machine and say goodbye yet. */
  readonly #sessions = new Set<LinkSession>()

  constructor(context: DriverContext<LinkOptions>, transport: LinkTransport) {
    this.#context = context
    this.#transport = transport
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
        return this.#session?.ping(command.body.id, envelope.from, command.body.count)
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
    for (const session of this.#sessions) session.destroy()
    return this.#transport.stop()
  }

  #sendFor(envelope: Envelope): void {
    if (this.#session !== undefined) return this.#session.sendFor(envelope)
    const { type, from, to } = envelope
    this.#context.publish(new DeadLetter({ type, from, to, reason: 'not-connected', count: 1 }), '')
  }

  #dialEndpoint({ endpoint, expectedPeerId, attempt }: EventOf<'DialEndpoint'>['body']): void {
    this.#abortDial(this.#dial?.attempt)
    const { host = '', port = 0 } = endpoint ?? {}
    const abort = this.#transport.dial({
      to: { host, port }, expectedPeerId,
      opened: () => this.#context.publish(new DialOpened({ attempt })),
      secured: stream => this.#guard(() => {
        this.#dial = undefined
        this.#secured(stream, attempt, Direction.DIRECTION_OUT)
      }),
      failed: (code, reason) => {
        this.#dial = undefined
        this.#context.publish(new DialFailed({ attempt, code, reason }))
      }
    })
    this.#dial = { attempt, abort }
  }

  #abortDial(attempt: number | undefined): void {
    if (this.#dial === undefined || this.#dial.attempt !== attempt) return
    const { abort } = this.#dial
    this.#dial = undefined
    abort()
  }

  #adopt(handle: string): void {
    const taken = this.#transport.adopt(handle)
    if (taken !== undefined) return this.#secured(taken, 0, Direction.DIRECTION_IN)
    const reason = 'the caller left before its connection took it over'
    this.#context.publish(new LinkClosed({ code: 'lost', reason, initiator: Initiator.INITIATOR_NETWORK }))
  }

  #secured(stream: SecuredStream, attempt: number, direction: Direction): void {
    this.#session?.close(0)
    let unfollow = (): void => {}
    const session: LinkSession = new LinkSession(stream, {
      context: this.#context,
      options: this.#context.options,
      world: this.#transport.world,
      ended: () => {
        if (this.#session === session) this.#session = undefined
      },
      gone: () => {
        unfollow()
        this.#sessions.delete(session)
      },
      crashed: error => this.#failed(error)
    })
    this.#session = session
    this.#sessions.add(session)
    const { linkId, peerId, local, remote, found } = stream
    if (found !== undefined) unfollow = this.#endWhenBlocked(session, found)
    this.#context.publish(new LinkSecured({ attempt, linkId, peerId, local: new Endpoint(local), remote: new Endpoint(remote), direction }))
    session.link.start()
  }

  // The link keeper knows the name alone, and cannot tell that its address is blocked.
  #endWhenBlocked({ link }: LinkSession, address: string): () => void {
    const blocked = this.#context.services.get(BlockedAddresses)
    return blocked.listen(() => {
      if (blocked.blocks(address)) link.breakOff('blocked-address', `the policy of this peer blocks ${address}`)
    })
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }

  // What escapes from a stream's callback reaches no one; the actor fails by this message instead.
  #failed(error: unknown): void {
    this.#context.log.error({ err: error }, 'link driver failed')
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.#context.publish(new DriverFailed({ driver: this.#context.address, error: text }), 'system')
  }
}

/** The driver `link` of a peer connection; see connection.proto for what it is told and what it tells. */
export const linkDriver: DriverFactory<LinkOptions> = context => new LinkDriver(context, new SocketTransport(context, context.options))
