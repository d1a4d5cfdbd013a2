import { Disconnect, Endpoint, InboundSecured, ListenFailed, ListenOpened, type Envelope, type EventOf } from '../../proto/index.ts'
import { Identity } from '../identity/index.ts'
import type { SimulatedIdentity } from '../identity/simulated.ts'
import { LINK_KEEPER } from '../link-keeper/address.ts'
import { DISCONNECT } from '../peer-connection/built-in.ts'
import { goodbyeBody } from '../peer-connection/goodbye.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import { TokenBucket, TokenBuckets } from '../shared/token-buckets.ts'
import { serviceKey, type Driver, type DriverContext, type DriverFactory } from '../seam/index.ts'
import { SimulatedHost, SimulatedSystemError, type SimulatedStream } from '../simulated/host.ts'
import { secureSimulatedInbound, type SimulatedSecured } from '../tls/simulated.ts'
import type { TcpDriverOptions } from './options.ts'
import { PendingCallers } from './pending.ts'
import { LAST_WORDS_MS } from './secured-sockets.ts'

interface HeldStream {
  readonly stream: SimulatedStream
  readonly secured: SimulatedSecured
  left(): void
}

/** Secured inbound streams that wait to be taken over, by handle. */
export class HeldStreams {
  readonly #held = new Map<string, HeldStream>()
  #last = 0

  get size(): number {
    return this.#held.size
  }

  put(held: HeldStream): string {
    const handle = `in-${(this.#last += 1)}`
    this.#held.set(handle, held)
    return handle
  }

  take(handle: string): HeldStream | undefined {
    const held = this.#held.get(handle)
    this.#held.delete(handle)
    held?.left()
    return held
  }

  /** The stream of a refused caller, to say why and close it; undefined where it is gone. */
  reject(handle: string): SimulatedStream | undefined {
    const held = this.#held.get(handle)
    this.#held.delete(handle)
    held?.left()
    return held?.stream
  }

  drop(handle: string): void {
    this.#held.delete(handle)
  }
}

export const SimulatedSockets = serviceKey('simulated-sockets', () => new HeldStreams())

interface Caller {
  readonly stream: SimulatedStream
  handle: string
  cancel(): void
}

/** Accepts simulated streams, secures them, and holds them until a connection takes them over; with the real driver's limits. */
class SimulatedListener implements Driver {
  readonly #context: DriverContext<TcpDriverOptions>
  readonly #host: SimulatedHost
  readonly #rate: TokenBuckets
  readonly #rateOfAll: TokenBucket
  readonly #pending: PendingCallers<Caller>
  #server: { readonly port: number; close(): void } | undefined
  #cancel = (): void => {}

  constructor(context: DriverContext<TcpDriverOptions>) {
    const { options } = context
    this.#context = context
    this.#host = context.services.get(SimulatedHost)
    this.#rate = new TokenBuckets({ burst: options.acceptBurst, perSecond: options.acceptPerSecond }, options.maxSources)
    this.#rateOfAll = new TokenBucket({ burst: options.acceptBurstAll, perSecond: options.acceptPerSecondAll }, this.#host.now())
    this.#pending = new PendingCallers({ total: options.maxPending, perSource: options.maxPendingPerSource }, caller => {
      context.count('pending-evicted')
      this.#drop(caller)
    })
  }

  receive(envelope: Envelope): void {
    if (envelope.type === 'ListenAt') this.#listenAt((envelope as EventOf<'ListenAt'>).body)
    else if (envelope.type === 'StopListening') this.#close()
    else if (envelope.type === 'RejectInbound') this.#reject((envelope as EventOf<'RejectInbound'>).body)
  }

  stop(): void {
    this.#cancel()
    this.#server?.close()
    for (const caller of this.#pending) this.#drop(caller)
  }

  #reject({ handle, code, reason, forMs, silent }: EventOf<'RejectInbound'>['body']): void {
    const stream = this.#context.services.get(SimulatedSockets).reject(handle)
    if (stream === undefined) return
    if (silent) return stream.destroy()
    const body = goodbyeBody(code, reason, forMs)
    stream.send({ type: DISCONNECT, body, what: Disconnect.name }, body.length)
    stream.finish()
    stream.listen({ message: () => {}, ended: () => stream.destroy() })
    this.#host.after(LAST_WORDS_MS, () => stream.destroy())
  }

  #close(): void {
    this.#cancel()
    this.#server?.close()
    this.#server = undefined
  }

  #listenAt({ hosts, port }: EventOf<'ListenAt'>['body']): void {
    this.#close()
    // As from the real one, the answer comes later: servers are bound in their own turn.
    this.#cancel = this.#host.after(0, () => {
      try {
        this.#server = this.#host.network.listen(port, stream => this.#accept(stream))
        const at = this.#server.port
        this.#context.publish(new ListenOpened({ endpoints: hosts.map(host => new Endpoint({ host, port: at })) }))
      } catch (error) {
        if (!(error instanceof SimulatedSystemError)) throw error
        this.#context.publish(new ListenFailed({ code: error.code, reason: error.message }))
      }
    })
  }

  #accept(stream: SimulatedStream): void {
    const source = stream.remote.host
    const { options, services } = this.#context
    if (services.get(BlockedAddresses).blocks(source)) {
      this.#context.count('blocked-address')
      return stream.destroy()
    }
    const now = this.#host.now()
    const excess = !this.#rate.take(source, now) ? 'accept-rate' : !this.#rateOfAll.take(now) ? 'accept-rate-all' : undefined
    if (excess !== undefined) {
      this.#context.count(excess)
      return stream.destroy()
    }
    const leave = (): void => {
      caller.cancel()
      this.#pending.remove(source, caller)
    }
    const caller: Caller = {
      stream,
      handle: '',
      cancel: this.#host.after(options.handshakeTimeoutMs, () => {
        this.#context.count('handshake-tls-timeout')
        leave()
        stream.destroy()
      })
    }
    this.#pending.add(source, caller)
    secureSimulatedInbound(stream, {
      identity: services.get(Identity) as SimulatedIdentity,
      random: this.#host.random,
      failed: code => {
        leave()
        this.#context.count(`handshake-${code}`)
      },
      secured: secured => this.#secured(caller, secured, leave)
    })
  }

  #secured(caller: Caller, secured: SimulatedSecured, leave: () => void): void {
    const { stream } = caller
    const sockets = this.#context.services.get(SimulatedSockets)
    caller.cancel()
    // It is not read before somebody takes it over.
    stream.listen(undefined)
    caller.handle = sockets.put({
      stream,
      secured,
      left: leave
    })
    caller.cancel = this.#host.after(this.#context.options.adoptTimeoutMs, () => {
      this.#context.count('adopt-timeout')
      leave()
      this.#drop(caller)
    })
    const { handle } = caller
    this.#context.publish(new InboundSecured({ handle, ...secured, remote: new Endpoint(stream.remote) }), LINK_KEEPER)
  }

  #drop(caller: Caller): void {
    caller.cancel()
    if (caller.handle !== '') this.#context.services.get(SimulatedSockets).drop(caller.handle)
    caller.stream.destroy()
  }
}

/** Stands for the driver `tcp` of the listener in a simulation. */
export const simulatedTcpDriver: DriverFactory<TcpDriverOptions> = context => new SimulatedListener(context)
