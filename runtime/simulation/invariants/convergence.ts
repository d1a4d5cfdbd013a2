import type { Invariant, SimulationView } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'

/** Once a part of the network is well, all of it that can hear each other is linked, on both sides. */
export function convergence(): Invariant {
  return {
    name: 'convergence',
    missing(view) {
      for (const peers of neighbourhoods(view).values()) {
        // A full peer turns others away: who is linked with whom is then a matter of policy.
        if (peers.length - 1 > view.maxLinks) continue
        for (const peer of peers) {
          if (!peer.running) return `${peer.name} does not run`
          for (const other of peers) {
            if (other !== peer && peer.pairs.get(other.peerId) !== 'verified') return `${peer.name} is not linked with ${other.name}`
          }
        }
      }
      return undefined
    },
  }
}

/** The healed peers of each subnet. */
function neighbourhoods(view: SimulationView): Map<number, SimulatedPeer[]> {
  const bySubnet = new Map<number, SimulatedPeer[]>()
  for (const peer of view.healed) {
    for (const { subnet } of peer.machine.nics) {
      const there = bySubnet.get(subnet)
      if (there === undefined) bySubnet.set(subnet, [peer])
      else there.push(peer)
    }
  }
  return bySubnet
}
