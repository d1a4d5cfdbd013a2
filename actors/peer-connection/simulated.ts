import { Identity } from '../identity/index.ts'
import type { SimulatedIdentity } from '../identity/simulated.ts'
import { SimulatedSockets } from '../listener/simulated.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import type { DriverContext, DriverFactory } from '../seam/index.ts'
import { SimulatedHost, type SimulatedStream } from '../simulated/host.ts'
import { secureSimulatedOutbound, type SimulatedSecured } from '../tls/simulated.ts'
import type { DialRequest, LinkTransport, SecuredStream } from './frame-stream.ts'
import { LinkDriver } from './link-driver.ts'
import type { LinkOptions } from './link-options.ts'
import { SimulatedFrames } from './simulated-frames.ts'

/** Streams of a simulated machine. */
class SimulatedTransport implements LinkTransport {
  readonly world: SimulatedHost
  readonly #context: DriverContext<LinkOptions>

  constructor(context: DriverContext<LinkOptions>) {
    this.world = context.services.get(SimulatedHost)
    this.#context = context
  }

  dial({ to, expectedPeerId, opened, secured, failed }: DialRequest): () => void {
    const { world } = this
    let stream: SimulatedStream | undefined
    let over = false
    let cancelTls = (): void => {}
    const settle = (how: () => void): void => {
      if (over) return
      over = true
      cancelTls()
      how()
    }
    if (this.#context.services.get(BlockedAddresses).blocks(to.host)) {
      return world.after(0, () => failed('blocked-address', `the policy of this peer blocks ${to.host}`))
    }
    const abort = world.network.dial(to, {
      failed: code => settle(() => failed(code, code === 'dial-refused' ? 'nothing listens there (ECONNREFUSED)' : 'there is no way to there (EHOSTUNREACH)')),
      opened: open => {
        stream = open
        cancelTls = world.after(this.#context.options.tlsTimeoutMs, () => settle(() => {
          open.destroy()
          failed('tls-timeout', 'the handshake took too long')
        }))
        opened()
        if (over) return
        secureSimulatedOutbound(open, expectedPeerId, {
          identity: this.#context.services.get(Identity) as SimulatedIdentity,
          random: world.random,
          failed: (code, reason) => settle(() => failed(code, reason)),
          secured: who => settle(() => secured(this.#secured(open, who)))
        })
      }
    })
    return () => settle(() => {
      abort()
      stream?.destroy()
    })
  }

  adopt(handle: string): SecuredStream | undefined {
    const taken = this.#context.services.get(SimulatedSockets).take(handle)
    return taken === undefined ? undefined : this.#secured(taken.stream, taken.secured)
  }

  // Every stream has a session, which the driver ends, or is being dialled, which the driver gives up.
  stop(): void {}

  #secured(stream: SimulatedStream, { peerId, linkId, sessionBinding }: SimulatedSecured): SecuredStream {
    const { local, remote } = stream
    const named = { linkId, remote: peerId }
    return { peerId, linkId, sessionBinding, local, remote, open: taker => new SimulatedFrames(stream, this.world, this.#context.options, named, taker) }
  }
}

/** Stands for the driver `link` of a peer connection in a simulation. */
export const simulatedLinkDriver: DriverFactory<LinkOptions> = context => new LinkDriver(context, new SimulatedTransport(context))
