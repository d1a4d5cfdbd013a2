import { linkKeeperMachine, makeLinkKeeperMachine } from '../../machines/link-keeper.ts'
import type { LinkScore } from '../../machines/link-trim.ts'
import { linkKeeperDefaults, type LinkKeeperOptions } from '../../machines/link-keeper-context.ts'
import { DiscoveryStarted, Listening, PeerHeard, PolicyChanged, RevokeTrust, RoutineDue, TransferDone, TransferFailed, TransferStarted, VerifyPeer } from '../../proto/index.ts'
import { peerConnectionDefinition } from '../peer-connection/index.ts'
import { defineActor, type ActorDefinition, type ActorSpec } from '../seam/index.ts'
import { outside } from '../shared/range.ts'
import { verifyPingsDefinition } from '../verify-pings/index.ts'

export { LINK_KEEPER } from './address.ts'
export type { LinkKeeperOptions } from '../../machines/link-keeper-context.ts'

export const linkKeeperDefinition = defineActor<LinkKeeperOptions>({
  kind: 'link-keeper',
  machine: linkKeeperMachine,
  options: linkKeeperDefaults,
  // Where there is no high mark, the low one says nothing.
  problem: ({ maxLanLinks, lowLanLinks, maxWanLinks, lowWanLinks }) =>
    outside('lowLanLinks', lowLanLinks, 0, maxLanLinks || undefined) ?? outside('lowWanLinks', lowWanLinks, 0, maxWanLinks || undefined),
  listens: [PeerHeard, RevokeTrust, RoutineDue, TransferStarted, TransferDone, TransferFailed, VerifyPeer],
  recalls: [DiscoveryStarted, Listening, PolicyChanged]
})

/** The link keeper with a score of the host program, which a replay of its logs needs as well. */
export function linkKeeperScoredBy(score: LinkScore): ActorDefinition<LinkKeeperOptions> {
  return { ...linkKeeperDefinition, machine: makeLinkKeeperMachine(score) }
}

/**
 * Keeps the links of a peer. `peerId` is its own and `network` its network's tag in hex; `spawns` are
 * the connection and the verification steps it starts, where they are not the default ones.
 */
export function linkKeeper(
  options: Pick<LinkKeeperOptions, 'peerId' | 'network'> & Partial<LinkKeeperOptions>,
  spawns: readonly ActorDefinition[] = [peerConnectionDefinition, verifyPingsDefinition],
  score?: LinkScore
): ActorSpec<LinkKeeperOptions> {
  return { definition: score === undefined ? linkKeeperDefinition : linkKeeperScoredBy(score), options, spawns }
}
