import { Level, PeerDisconnected, RevokeTrust, TrustRevoked, VerifyPeer } from '../proto/index.ts'
import { say, type Turn } from './link-keeper-context.ts'
import { linksOf, setLink, setPeer } from './link-rows.ts'
import { get } from './table.ts'

/** The host program does not trust a peer any more: its links are told. */
export function revoke(turn: Turn, { peerId, reason }: RevokeTrust): void {
  for (const { address, level, stale } of linksTo(turn, peerId)) {
    // One that says nothing before both sides trust each other, by the policy of now or of its time, may be verified all the same.
    if (level >= Level.LEVEL_BASIC || stale || turn.book.forLinks['silent'] === true) say(turn, address, new RevokeTrust({ peerId, reason }))
  }
}

/** The host program wants a peer verified anew: links that have lost trust are told. */
export function verifyAnew(turn: Turn, { peerId }: VerifyPeer): void {
  for (const { address, level } of linksTo(turn, peerId)) {
    if (level === Level.LEVEL_IDENTIFIED) say(turn, address, new VerifyPeer({ peerId }))
  }
}

function linksTo(turn: Turn, peerId: string) {
  const peer = get(turn.book.peers, peerId)
  return peer === undefined ? [] : linksOf(turn, peer).filter(({ phase }) => phase === 'held')
}

/** Trust in the other side of a link was withdrawn, or the other side's in us: told once for the pair. */
export function fell(turn: Turn, { peerId, reason, initiator, level }: TrustRevoked, address: string): void {
  const link = get(turn.book.links, address)
  if (link === undefined || link.phase !== 'held') return
  setLink(turn, link, { level })
  const peer = get(turn.book.peers, link.peer)
  if (peer === undefined || peer.told < Level.LEVEL_BASIC || peer.best >= Level.LEVEL_BASIC) return
  turn.book.connected -= 1
  setPeer(turn, peer.key, { told: Level.LEVEL_UNSPECIFIED })
  say(turn, '', new TrustRevoked({ peerId, reason, initiator, level }))
  say(turn, '', new PeerDisconnected({ peerId, code: 'trust-revoked', reason, initiator }))
}
