import { listenerMachine } from '../../machines/listener.ts'
import { PolicyChanged } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import type { ListenerOptions } from './options.ts'
import { TcpDriver } from './tcp-driver.ts'

export { SecuredSockets, type Departure, type HeldSockets, type PutOptions, type SecuredSocket } from './secured-sockets.ts'
export type { ListenerOptions, TcpDriverOptions } from './options.ts'

/** Accepts links; `listener/main`. */
export const listenerDefinition = defineActor<ListenerOptions>({
  kind: 'listener',
  machine: listenerMachine,
  drivers: { tcp: context => new TcpDriver(context) },
  recalls: [PolicyChanged],
  options: {
    hosts: ['::'],
    port: 0,
    interfaces: [],
    inbound: true,
    retryMs: 1000,
    retryMaxMs: 60_000,
    maxAttempts: 0,
    maxPending: 256,
    maxPendingPerSource: 64,
    acceptPerSecond: 20,
    acceptBurst: 128,
    acceptPerSecondAll: 200,
    acceptBurstAll: 512,
    maxSources: 4096,
    handshakeTimeoutMs: 10_000,
    adoptTimeoutMs: 10_000,
    interfacePollMs: 2000
  }
})

/** The actor that accepts links, on all interfaces and a free port unless told otherwise. */
export function listener(options: Partial<ListenerOptions> = {}): ActorSpec<ListenerOptions> {
  return { definition: listenerDefinition, options }
}
