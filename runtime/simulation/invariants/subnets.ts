import type { SimulatedPeer } from '../peer.ts'

/** The peers of each subnet: one with several interfaces is in several. */
export function subnetsOf(peers: Iterable<SimulatedPeer>): Map<number, SimulatedPeer[]> {
  const bySubnet = new Map<number, SimulatedPeer[]>()
  for (const peer of peers) {
    for (const { subnet } of peer.machine.nics) {
      const there = bySubnet.get(subnet)
      if (there === undefined) bySubnet.set(subnet, [peer])
      else there.push(peer)
    }
  }
  return bySubnet
}
