import { enqueueActions, setup } from 'xstate'
import { PeerHeard, type EventOf } from '../proto/index.ts'
import { toEndpoint } from './place.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

/** A peer that a person named. */
export interface StaticPeer {
  /** An IP address, or a host name, which is looked up at each dial. */
  readonly host: string
  readonly port: number
  /** Refuse any other that answers there; empty takes whoever does. @default '' */
  readonly peerId?: string
}

export interface StaticPeersOptions {
  /** @default [] */
  readonly peers: readonly StaticPeer[]
}

interface Context {
  readonly peers: readonly StaticPeer[]
}

/** Says once, when discovery starts, where the peers are that a person named; the link keeper never gives them up. */
export const staticPeersMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<StaticPeersOptions>>,
    events: {} as EventOf<'DiscoveryStarted'>,
    emitted: {} as Outgoing
  },
  actions: {
    tell: enqueueActions(({ context, enqueue }) => {
      for (const { host, port, peerId = '' } of context.peers) {
        enqueue(publish(() => ['', new PeerHeard({ peerId, via: 'static', endpoints: [toEndpoint({ host, port })], acceptsInbound: true })]))
      }
    })
  }
}).createMachine({
  id: 'static-peers',
  description: 'Peers that a person named, by address.',
  context: ({ input }) => ({ peers: input.options.peers ?? [] }),
  initial: 'waiting',
  states: {
    waiting: {
      description: 'Until discovery starts.',
      on: { DiscoveryStarted: { target: 'told', actions: 'tell' } }
    },
    told: { description: 'The link keeper knows them.' }
  }
})
