import { blocksHost, blocksPeer } from './blocklist.ts'
import type { Code } from './codes.ts'
import { outboundFull } from './link-caps.ts'
import { isPlanned, isServed, marksOf } from './link-dial.ts'
import type { LinkKeeperContext, PeerRow, Turn } from './link-keeper-context.ts'
import { isNeighbour, quietUntil } from './link-plan.ts'
import { linksOf } from './link-rows.ts'
import { scoreByAcquaintance } from './link-trim.ts'
import { get, rows } from './table.ts'

/** Why a peer that is known is not dialled. */
export interface Undialled {
  readonly code: Code
  /** Logical time at which that is over, in milliseconds; 0 where no time is set. */
  readonly until: number
}

/**
 * What of the keeper's rules keeps it from dialling a peer now; undefined where it has a link, is being dialled, or will be. It asks
 * in the order in which {@link consider} does; of the policy's list of the blocked it says nothing.
 * @param now logical time, in milliseconds
 */
export function undialled(context: LinkKeeperContext, key: string, now: number): Undialled | undefined {
  // Only looked at: no effect of it is carried out.
  const turn: Turn = { book: { ...context, now }, effects: [], score: scoreByAcquaintance }
  const peer = get(turn.book.peers, key)
  if (peer === undefined) return undefined
  // It is dialled too where a person named a place at which it was found.
  const places = peer.peerId === '' ? [] : peer.bound.flatMap(place => get(turn.book.peers, place) ?? [])
  const why = [...places, peer].map(row => undialledRow(turn, row))
  return why.includes(undefined) ? undefined : why[0]
}

function undialledRow(turn: Turn, peer: PeerRow): Undialled | undefined {
  const { book } = turn
  const { now, options } = book
  if (!book.started || book.closing || blocksPeer(book.blocked, peer.peerId) || isServed(turn, peer)) return undefined
  const always = peer.fixed.length > 0
  // Who takes no links is heard without an address; of who was never heard it is not known.
  if (!always && !peer.acceptsInbound && (peer.found || peer.places.length > 0)) return { code: 'no-inbound', until: 0 }
  if (peer.places.length === 0) return { code: 'no-address', until: 0 }
  if (!always && peer.goneAt > 0) return undefined
  const planned = isPlanned(turn, peer)
  const neighbour = planned && isNeighbour(turn, peer)
  const quiet = quietUntil(turn, peer, neighbour)
  if (quiet > now) return { code: 'dial-wait', until: quiet }
  if (planned && !neighbour && linksIn(turn, peer) >= marksOf(turn, peer.lan)!.low) return { code: peer.lan ? 'lan-full' : 'wan-full', until: 0 }
  if (book.dialing >= options.maxDials) return { code: 'dials-full', until: 0 }
  if (!always && outboundFull(turn)) return { code: 'outbound-full', until: 0 }
  if (!always && !neighbour && book.held + book.dialing >= options.maxLinks) return { code: 'links-full', until: 0 }
  const open = peer.places.filter(({ host }) => !blocksHost(book.blocked, host))
  const windowEnd = book.windowAt + options.dialWindowMs
  const spent = windowEnd > now && open.length > 0 && open.every(({ host }) => (get(book.targets, host) ?? 0) >= options.dialsPerTarget)
  return spent && !always ? { code: 'dial-budget', until: windowEnd } : undefined
}

/** Links to others of its scope that are there, or are being opened. */
function linksIn(turn: Turn, { key, lan }: PeerRow): number {
  let links = 0
  for (const peer of rows(turn.book.peers)) {
    if (peer.peerId === '' || peer.key === key || peer.lan !== lan) continue
    if (peer.best > 0 || linksOf(turn, peer).some(({ phase }) => phase === 'opening')) links++
  }
  return links
}
