import { blocklistOf, blocksHost, blocksPeer, type Blocklist } from '../../../machines/blocklist.ts'
import { Initiator, type EventOf } from '../../../proto/index.ts'
import type { Invariant } from '../invariant.ts'
import type { SimulatedPeer } from '../peer.ts'

/** Dials of one place within the time: twice what was seen in networks that fail all the time. */
const DIALS_MAX = 10
const DIALS_WITHIN_MS = 10_000

/** No peer hears, finds or links itself. */
export function othersOnly(): Invariant {
  return {
    name: 'others-only',
    output(view, peer, envelope) {
      const { type, body } = envelope as EventOf<'PeerHeard' | 'PeerFound' | 'PeerConnected'>
      if ((type === 'PeerHeard' || type === 'PeerFound' || type === 'PeerConnected') && body.peerId === peer.peerId) view.violated(`${peer.name} takes itself for another peer: ${type}`)
    }
  }
}

/** Whoever does not answer is dialled ever more rarely. */
export function dialRestraint(): Invariant {
  const dials = new Map<string, number[]>()
  return {
    name: 'dial-restraint',
    lifeEnded(_view, peer) {
      for (const key of dials.keys()) if (key.startsWith(`${peer.name} `)) dials.delete(key)
    },
    output(view, peer, envelope) {
      if (envelope.type !== 'DialEndpoint') return
      const { endpoint } = (envelope as EventOf<'DialEndpoint'>).body
      const place = `${endpoint?.host}:${endpoint?.port}`
      const key = `${peer.name} ${place}`
      const recent = (dials.get(key) ?? []).filter(atMs => atMs > view.nowMs - DIALS_WITHIN_MS)
      recent.push(view.nowMs)
      dials.set(key, recent)
      if (recent.length > DIALS_MAX) view.violated(`${peer.name} dialled ${place} ${recent.length} times within ${DIALS_WITHIN_MS} ms`)
    }
  }
}

/** Whom a peer blocks, by PeerId or by address, it is never connected with. */
export function blockedStayOut(): Invariant {
  const lists = new Map<SimulatedPeer, Blocklist>()
  return {
    name: 'blocked-stay-out',
    lifeEnded(_view, peer) {
      lists.delete(peer)
    },
    output(view, peer, envelope) {
      const { type, body } = envelope as EventOf<'PolicyChanged' | 'PeerConnected'>
      if (type === 'PolicyChanged') return void lists.set(peer, blocklistOf(body.policy?.blocked ?? []))
      const list = type === 'PeerConnected' ? lists.get(peer) : undefined
      if (list === undefined || type !== 'PeerConnected') return
      if (blocksPeer(list, body.peerId) || blocksHost(list, body.remote?.host ?? '')) view.violated(`${peer.name} is connected with ${view.peer(body.peerId)?.name ?? body.peerId}, which it blocks`)
    }
  }
}

/** While nothing goes wrong no link is lost that was opened since. */
export function linksStay(): Invariant {
  /** When each link opened, and each pair's link, as each peer sees it. */
  const openedMs = new Map<string, number>()
  const pairOpenedMs = new Map<string, number>()
  const verified = new Map<string, { readonly atMs: number; readonly life: number }>()
  return {
    name: 'links-stay',
    fact(view, peer, fact) {
      if (fact.fact === 'link-opened') openedMs.set(`${peer.name} ${fact.linkId as string}`, view.nowMs)
      else if (fact.fact === 'link-closed') openedMs.delete(`${peer.name} ${fact.linkId as string}`)
    },
    output(view, peer, envelope) {
      const { type, body } = envelope as EventOf<'PeerConnected' | 'PeerVerified' | 'PeerDisconnected'>
      // What a fault did to a link may show long after, where a person is asked while packets are lost.
      if (type === 'PeerConnected') return void pairOpenedMs.set(`${peer.name} ${body.peerId}`, openedMs.get(`${peer.name} ${body.linkId}`) ?? 0)
      if (type !== 'PeerVerified' && type !== 'PeerDisconnected') return
      const other = view.peer(body.peerId)
      const pair = `${peer.name} ${body.peerId}`
      if (other === undefined) return
      if (type === 'PeerVerified') return void verified.set(pair, { atMs: pairOpenedMs.get(pair) ?? 0, life: other.lives })
      const since = verified.get(pair)
      verified.delete(pair)
      if (since === undefined || view.calmSinceMs === undefined || since.atMs < view.calmSinceMs) return
      // Those that were not healed are cut off on purpose.
      if (view.healed.size > 0 && (!view.healed.has(peer) || !view.healed.has(other))) return
      // Somebody may want it to end. Nobody wants a pair to be without any of its links because it had two.
      if ((body.initiator !== Initiator.INITIATOR_NETWORK && body.code !== 'duplicate') || !other.running || other.lives !== since.life) return
      view.violated(`${peer.name} lost ${other.name} while nothing went wrong: ${body.code}`)
    }
  }
}
