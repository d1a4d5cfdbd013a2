import { fileTransfer } from '../../actors/file-transfer/index.ts'
import { localPeer } from '../../actors/identity/index.ts'
import type { ActorDefinition } from '../../actors/seam/index.ts'
import { defaultActors } from '../peer/default-actors.ts'

/** Every kind of actor that `p2pnet up` may run, in the order in which they start, each before those that it spawns. */
export function ownDefinitions(): ActorDefinition[] {
  const nobody = localPeer({ peerId: '' })
  const specs = [...defaultActors({ peers: ['127.0.0.1:1'] }, nobody), fileTransfer()]
  return specs.flatMap(({ definition, spawns = [] }) => [definition, ...spawns])
}
