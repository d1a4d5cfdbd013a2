import { Initiator, PeerRefused, type Endpoint, type PolicyChanged } from '../proto/index.ts'
import { blocklistOf, blocksHost, blocksPeer, type Blocklist } from './blocklist.ts'
import { codeEntry, type Code } from './codes.ts'
import { consider, reject, replan } from './link-dial.ts'
import { tellFound } from './link-hear.ts'
import { say, type LinkRow, type PeerRow, type Turn } from './link-keeper-context.ts'
import { peerConnectionDefaults } from './peer-connection-context.ts'
import { close, linksOf, lives, setLink, setPeer } from './link-rows.ts'
import { fromPolicyValue } from './policy.ts'
import { get, rows } from './table.ts'

/** Kind of the step in which the host program or a person approves. */
const ASK = 'verify-ask'
/** Kind of the step in which a peer waits to be taken. */
const QUEUE = 'verify-queue'

/** Why there is to be no link with this peer, or with this address; undefined where there may be one. */
export function blockOf({ book: { blocked } }: Turn, peerId: string, host: string): Code | undefined {
  return blocksPeer(blocked, peerId) ? 'blocked' : blocksHost(blocked, host) ? 'blocked-address' : undefined
}

/** Another policy is in force: links that it does not allow end, and peers that it allows again are dialled. */
export function follow(turn: Turn, { policy }: PolicyChanged): void {
  const { book } = turn
  const { blocked: before, forLinks: linksBefore } = book
  const { inbound, inboundPlacement, blocked, communication, enhancedBeforeTrust, defaultTrust } = fromPolicyValue(policy)
  const { defaultSteps } = book.options
  Object.assign(book, { inbound, blocked: blocklistOf(blocked) })
  book.forLinks = {
    ...(!communication && { silent: true }),
    ...(enhancedBeforeTrust && { enhancedBeforeTrust }),
    ...(defaultSteps.length > 0 && { steps: defaultTrust ? defaultSteps : [ASK] })
  }
  if (JSON.stringify(book.forLinks) !== JSON.stringify(linksBefore)) for (const link of rows(book.links)) outdate(turn, link)
  const { steps = peerConnectionDefaults.steps } = { ...book.options.connection, ...book.forLinks } as { steps?: readonly string[] }
  book.forInbound = inboundPlacement === 'event' ? {} : { steps: [QUEUE, ...steps] }
  for (const link of rows(book.links)) endBlocked(turn, link)
  for (const peer of rows(book.peers)) if (isFreed(peer, before, book.blocked)) welcome(turn, peer)
  replan(turn)
}

function endBlocked(turn: Turn, link: LinkRow): void {
  const code = blockOf(turn, get(turn.book.peers, link.peer)?.peerId ?? '', link.remote.host)
  if (code !== undefined) close(turn, link, code, turn.book.options.blockedMs)
}

// The policy holds for links that open from now on, those too that a connection of before would open.
function outdate(turn: Turn, link: LinkRow): void {
  if (!lives(link)) return
  setLink(turn, link, { stale: true })
  if (link.phase === 'backoff') close(turn, link, 'aborted')
}

/** It was blocked, by itself or at one of its places, and is not any more. */
function isFreed({ peerId, places }: PeerRow, before: Blocklist, now: Blocklist): boolean {
  return !blocksPeer(now, peerId) && (blocksPeer(before, peerId) || places.some(({ host }) => blocksHost(before, host) && !blocksHost(now, host)))
}

// What was heard of it while it was blocked is known, and was not told.
function welcome(turn: Turn, { key }: PeerRow): void {
  const peer = setPeer(turn, key, { quietUntil: 0 })!
  if (!peer.found && peer.peerId !== '' && peer.places.length > 0 && peer.goneAt === 0) {
    setPeer(turn, key, { found: true })
    tellFound(turn, peer)
  }
  if (linksOf(turn, peer).length === 0) consider(turn, key, 'heard')
}

/** Nobody takes the caller's socket over; the caller is told why, and so are those here who want to know. */
export function turnDown(turn: Turn, socket: Pick<LinkRow, 'handle' | 'listener'>, peerId: string, remote: Endpoint | null | undefined, code: Code): void {
  reject(turn, socket, code, code === 'no-inbound' ? 0 : turn.book.options.blockedMs)
  say(turn, '', new PeerRefused({ peerId, remote: remote as Endpoint, code, reason: codeEntry(code).means, initiator: Initiator.INITIATOR_SELF }))
}
