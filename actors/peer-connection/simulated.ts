import {
  DeadLetter, DialFailed, DialOpened, Direction, Endpoint, Initiator, LinkClosed, LinkSecured, type Envelope, type EventOf
} from '../../proto/index.ts'
import { Identity } from '../identity/index.ts'
import type { SimulatedIdentity } from '../identity/simulated.ts'
import { SimulatedSockets } from '../listener/simulated.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import { SimulatedHost, type SimulatedStream } from '../simulated/host.ts'
import { secureSimulatedOutbound, type SimulatedSecured } from '../tls/simulated.ts'
import type { LinkOptions } from './link-options.ts'
import { SimulatedSession } from './simulated-session.ts'

type Command = EventOf<'DialEndpoint' | 'AbortDial' | 'AdoptLink' | 'SetGate' | 'SendPing' | 'CloseLink'>

/** Dials or takes over simulated streams for one connection, one after another, and carries its link. */
class SimulatedLinkDriver implements Driver {
  readonly #context: DriverContext<Partial<LinkOptions>>
  readonly #host: SimulatedHost
  readonly #options: LinkOptions
  #dial: { readonly attempt: number; abort(): void } | undefined
  #session: SimulatedSession | undefined

  constructor(context: DriverContext<Partial<LinkOptions>>) {
    this.#context = context
    this.#host = context.services.get(SimulatedHost)
    // The definition's defaults are in them; copying forty options for each of thousands of links shows.
    this.#options = context.options as LinkOptions
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
    }
    if (this.#session !== undefined) return this.#session.sendFor(envelope)
    const { type, from, to } = envelope as Envelope
    this.#context.publish(new DeadLetter({ type, from, to, reason: 'not-connected', count: 1 }), '')
  }

  stop(): void {
    this.#abortDial(this.#dial?.attempt)
    this.#session?.destroy()
    this.#session = undefined
  }

  #dialEndpoint({ endpoint, expectedPeerId, attempt }: EventOf<'DialEndpoint'>['body']): void {
    this.#abortDial(this.#dial?.attempt)
    const remote = { host: endpoint?.host ?? '', port: endpoint?.port ?? 0 }
    let stream: SimulatedStream | undefined
    let over = false
    let cancelTls = (): void => {}
    const failed = (code: string, reason: string): void => {
      if (over) return
      over = true
      cancelTls()
      this.#dial = undefined
      this.#context.publish(new DialFailed({ attempt, code, reason }))
    }
    const abort = this.#host.network.dial(remote, {
      failed: code => failed(code, code === 'dial-refused' ? 'nothing listens there (ECONNREFUSED)' : 'there is no way to there (EHOSTUNREACH)'),
      opened: opened => {
        stream = opened
        cancelTls = this.#host.after(this.#options.tlsTimeoutMs, () => {
          opened.destroy()
          failed('tls-timeout', 'the handshake took too long')
        })
        this.#context.publish(new DialOpened({ attempt }))
        if (over) return
        secureSimulatedOutbound(opened, expectedPeerId, {
          identity: this.#context.services.get(Identity) as SimulatedIdentity,
          random: this.#host.random,
          failed,
          secured: secured => {
            if (over) return
            over = true
            cancelTls()
            this.#dial = undefined
            this.#secured(opened, secured, attempt, Direction.DIRECTION_OUT)
          }
        })
      }
    })
    this.#dial = {
      attempt,
      abort: () => {
        over = true
        cancelTls()
        abort()
        stream?.destroy()
      }
    }
  }

  #abortDial(attempt: number | undefined): void {
    if (this.#dial === undefined || this.#dial.attempt !== attempt) return
    const dial = this.#dial
    this.#dial = undefined
    dial.abort()
  }

  #adopt(handle: string): void {
    const taken = this.#context.services.get(SimulatedSockets).take(handle)
    if (taken === undefined) {
      const reason = 'the caller left before its connection took it over'
      return this.#context.publish(new LinkClosed({ code: 'lost', reason, initiator: Initiator.INITIATOR_NETWORK }))
    }
    this.#secured(taken.stream, taken.secured, 0, Direction.DIRECTION_IN)
  }

  #secured(stream: SimulatedStream, secured: SimulatedSecured, attempt: number, direction: Direction): void {
    this.#session?.close(0)
    const session: SimulatedSession = new SimulatedSession(stream, {
      context: this.#context,
      options: this.#options,
      secured,
      ended: () => {
        if (this.#session === session) this.#session = undefined
      }
    })
    this.#session = session
    this.#context.publish(new LinkSecured({
      attempt, ...secured, direction, local: new Endpoint(stream.local), remote: new Endpoint(stream.remote)
    }))
    session.start()
  }
}

/** Stands for the driver `link` of a peer connection in a simulation. */
export const simulatedLinkDriver: DriverFactory<Partial<LinkOptions>> = context => new SimulatedLinkDriver(context)
