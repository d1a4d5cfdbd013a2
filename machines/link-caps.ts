import { isPrivate, subnetOf } from './address-range.ts'
import type { Code } from './codes.ts'
import type { LinkRow, PeerRow, Turn } from './link-keeper-context.ts'
import { rows } from './table.ts'

/** A person named the peer, by its place or by its PeerId, or something protects it. */
export function isTrusted({ book: { options } }: Turn, peer: PeerRow): boolean {
  return peer.tags.length > 0 || peer.fixed.length > 0 || peer.bound.length > 0 || options.trusted.includes(peer.peerId)
}

/** Why a further peer may not have its inbound link, whatever room there is; trusted ones may. */
export function capOf(turn: Turn, peer: PeerRow, { address, remote }: LinkRow): Code | undefined {
  const { options, links } = turn.book
  if (isTrusted(turn, peer)) return undefined
  const [perAddress, perSubnet] = isPrivate(remote.host)
    ? [options.maxPerPrivateAddress, options.maxPerPrivateSubnet]
    : [options.maxPerAddress, options.maxPerSubnet]
  const subnet = subnetOf(remote.host)
  let [inbound, alike, near] = [0, 0, 0]
  for (const other of rows(links)) {
    if (!other.inbound || other.phase !== 'held' || other.address === address) continue
    inbound++
    if (other.remote.host === remote.host) alike++
    else if (subnetOf(other.remote.host) !== subnet) continue
    near++
  }
  if (options.maxInbound > 0 && inbound >= options.maxInbound) return 'too-many-links'
  return alike >= perAddress ? 'address-full' : near >= perSubnet ? 'subnet-full' : undefined
}

/** Whether no further peer may be dialled: as many links as are allowed were, or are being, dialled from here. */
export function outboundFull({ book: { options, links, dialing } }: Turn): boolean {
  if (options.maxOutbound === 0) return false
  let outbound = dialing
  for (const link of rows(links)) if (!link.inbound && link.phase === 'held') outbound++
  return outbound >= options.maxOutbound
}
