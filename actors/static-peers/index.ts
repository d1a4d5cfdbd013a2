import { staticPeersMachine, type StaticPeer, type StaticPeersOptions } from '../../machines/static-peers.ts'
import { DiscoveryStarted } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'

export type { StaticPeer, StaticPeersOptions } from '../../machines/static-peers.ts'

export const staticPeersDefinition = defineActor<StaticPeersOptions>({
  kind: 'static-peers',
  machine: staticPeersMachine,
  options: { peers: [] },
  recalls: [DiscoveryStarted]
})

/** Peers at places that a person names, for networks where nothing can be heard. */
export function staticPeers(peers: readonly StaticPeer[]): ActorSpec<StaticPeersOptions> {
  return { definition: staticPeersDefinition, options: { peers } }
}
