import type { EventOf } from '../../../proto/index.ts'
import type { Invariant } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'
import { subnetsOf } from './subnets.ts'

/** Without a change for so long, the links are at rest; a minute, as trimmed peers are dialled again after that at the earliest. */
const QUIET_MS = 65_000

/** Once a part of the network is well, all of it that can hear each other is linked, on both sides. */
export function convergence(): Invariant {
  return {
    name: 'convergence',
    missing(view) {
      for (const peers of subnetsOf(view.healed).values()) {
        // A full peer turns others away: who is linked with whom is then a matter of policy.
        if (peers.length - 1 > view.maxLinks || view.maxLanLinks !== undefined) continue
        for (const peer of peers) {
          if (!peer.running) return `${peer.name} does not run`
          for (const other of peers) {
            if (other !== peer && peer.pairs.get(other.peerId) !== 'verified') return `${peer.name} is not linked with ${other.name}`
          }
        }
      }
      return undefined
    }
  }
}

/** Where the peers keep only some links, the healed part of each subnet is one network all the same. */
export function oneComponent(): Invariant {
  return {
    name: 'one-component',
    missing(view) {
      if (view.maxLanLinks === undefined) return undefined
      for (const peers of subnetsOf(view.healed).values()) {
        const reached = new Set<SimulatedPeer>()
        const next = peers.slice(0, 1)
        for (let peer = next.pop(); peer !== undefined; peer = next.pop()) {
          reached.add(peer)
          for (const [id, level] of peer.pairs) {
            const other = view.peer(id)
            if (level === 'verified' && other?.pairs.get(peer.peerId) === 'verified' && view.healed.has(other) && !reached.has(other)) next.push(other)
          }
        }
        const apart = peers.find(peer => !reached.has(peer))
        if (apart !== undefined) return `no way leads from ${peers[0]!.name} to ${apart.name}`
      }
      return undefined
    }
  }
}

/** Where the peers keep only some links, they come to rest. */
export function quiet(): Invariant {
  const changes = new Map<string, number>()
  return {
    name: 'quiet',
    output(view, peer, envelope) {
      if (envelope.type !== 'PeerVerified' && envelope.type !== 'PeerDisconnected') return
      const other = view.peer((envelope as EventOf<'PeerVerified'>).body.peerId)
      if (other === undefined || (view.healed.size > 0 && (!view.healed.has(peer) || !view.healed.has(other)))) return
      changes.set(`${peer.name} and ${other.name}`, view.nowMs)
    },
    missing(view) {
      if (view.maxLanLinks === undefined) return undefined
      for (const [pair, atMs] of changes) if (view.nowMs - atMs < QUIET_MS) return `the link of ${pair} changed ${view.nowMs - atMs} ms ago`
      return undefined
    }
  }
}
