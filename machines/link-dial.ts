import { RejectInbound, SpawnActor, Watch } from '../proto/index.ts'
import { blocksHost, blocksPeer } from './blocklist.ts'
import { codeEntry, type Code } from './codes.ts'
import { outboundFull } from './link-caps.ts'
import { say, type LinkRow, type PeerRow, type Turn } from './link-keeper-context.ts'
import { addLink, linksOf, lives, noLife, setPeer } from './link-rows.ts'
import { dialsFirst } from './link-rules.ts'
import { marksFor, type Marks } from './link-trim.ts'
import type { Place } from './place.ts'
import { below } from './random.ts'
import { emptyTable, get, put } from './table.ts'

/** Each connection numbers its own dials below its part of the range, so that later connections have the higher numbers. */
const DIALS_PER_CONNECTION = 65_536
/** Addresses counted in one window; who is heard with more is an attack, or waits ten seconds. */
const MAX_TARGETS = 4_096

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 62^8 ids: two of a million connections share one with a chance of 0.2 %, and then the spawn fails and is tried again. */
const ID_CHARS = 8

function newAddress({ book }: Turn): string {
  let id = ''
  for (let i = 0; i < ID_CHARS; i++) {
    const [at, random] = below(book.random, LETTERS.length)
    book.random = random
    id += LETTERS[at]
  }
  return `peer-connection/${id}`
}

/** Sets the peer's timer, unless it is set. */
export function wake(turn: Turn, peer: PeerRow, delayMs: number): void {
  if (peer.due) return
  setPeer(turn, peer.key, { due: true })
  turn.effects.push({ do: 'wake', key: peer.key, delayMs, time: turn.book.now + delayMs })
}

/** Cancels the peer's timer. */
export function sleep(turn: Turn, peer: PeerRow): void {
  if (!peer.due) return
  setPeer(turn, peer.key, { due: false })
  turn.effects.push({ do: 'sleep', key: peer.key })
}

/** Counts a dial of the address; false where it was dialled often enough. */
export function charge({ book }: Turn, host: string): boolean {
  const { dialsPerTarget, dialWindowMs } = book.options
  if (book.now - book.windowAt >= dialWindowMs) {
    book.windowAt = book.now
    book.targets = emptyTable()
  }
  const dials = get(book.targets, host) ?? 0
  if (dials >= dialsPerTarget || (dials === 0 && book.targets.size >= MAX_TARGETS)) return false
  book.targets = put(book.targets, host, dials + 1)
  return true
}

function windowRest({ book }: Turn): number {
  return Math.max(1, book.windowAt + book.options.dialWindowMs - book.now)
}

/** The peer has a link or will have one by itself; a static place, the peer that was found there. */
export function isServed(turn: Turn, peer: PeerRow): boolean {
  if (linksOf(turn, peer).some(lives)) return true
  return peer.peerId === '' && peer.bound.some(key => {
    const found = get(turn.book.peers, key)
    return found !== undefined && linksOf(turn, found).some(lives)
  })
}

/** How many links to peers of the local network, or to others, are kept; undefined where to all of them. */
export function marksOf({ book: { options } }: Turn, lan: boolean): Marks | undefined {
  return lan ? marksFor(options.maxLanLinks, options.lowLanLinks) : marksFor(options.maxWanLinks, options.lowWanLinks)
}

/** Whether a plan decides on dialling the peer: there are marks for its scope, and no person named it. */
export function isPlanned(turn: Turn, { lan, fixed }: PeerRow): boolean {
  return fixed.length === 0 && marksOf(turn, lan) !== undefined
}

/** A plan is made after that time, or earlier where one is due. */
export function replan(turn: Turn, delayMs = turn.book.options.planMs): void {
  const { book } = turn
  const at = book.now + delayMs
  if (!book.started || book.closing || (book.planAt > 0 && book.planAt <= at)) return
  book.planAt = at
  turn.effects.push({ do: 'plan', delayMs, time: at })
}

/**
 * Dials the peer, now or later, if it is to be dialled. `heard` of it, `lost` its last link, or its
 * timer is `due`; `again` where it is linked, but to a life that is over; `planned` or `needed` where a plan says so.
 */
export function consider(turn: Turn, key: string, why: 'heard' | 'lost' | 'due' | 'again' | 'planned' | 'needed'): void {
  const { book } = turn
  const { options, now } = book
  const peer = get(book.peers, key)
  if (peer === undefined || !book.started || book.closing) return
  if (blocksPeer(book.blocked, peer.peerId)) return
  const always = peer.fixed.length > 0
  if (peer.places.length === 0 || (!always && (!peer.acceptsInbound || peer.goneAt > 0))) return
  if (why !== 'again' && isServed(turn, peer)) return
  const planned = why === 'planned' || why === 'needed'
  if (!planned && why !== 'again' && isPlanned(turn, peer)) return replan(turn)
  if (!planned && peer.quietUntil > now) return wake(turn, peer, peer.quietUntil - now)
  if (why === 'lost') return wake(turn, peer, options.dialPatienceMs)
  const first = always || !book.acceptsInbound || dialsFirst(options.peerId, peer.peerId)
  if (!planned && why !== 'due' && !first) return wake(turn, peer, options.dialPatienceMs)
  if (book.dialing >= options.maxDials) return wake(turn, peer, options.dialPatienceMs)
  if (!always && why !== 'again' && outboundFull(turn)) return
  // A full peer looks again when the other is heard again; static ones are tried all the same.
  if (!always && why !== 'again' && why !== 'needed' && book.held + book.dialing >= options.maxLinks) return
  const open = peer.places.filter(({ host }) => !blocksHost(book.blocked, host))
  if (open.length === 0) return
  const places = open.filter(place => charge(turn, place.host) || always)
  if (places.length === 0) return wake(turn, peer, windowRest(turn))
  sleep(turn, peer)
  dial(turn, peer, places, always, why === 'needed')
}

function dial(turn: Turn, peer: PeerRow, places: readonly Place[], persistent: boolean, needed: boolean): void {
  const { book } = turn
  book.dials += 1
  const blocked = peer.peerId === '' ? Object.keys(book.blocked.peers) : []
  spawn(turn, { peer: peer.key, inbound: false, persistent, remote: places[0]!, handle: '', listener: '' }, {
    direction: 'out',
    peerId: peer.peerId,
    endpoints: places,
    dial: book.dials * DIALS_PER_CONNECTION,
    persistent,
    ...(needed && { needed }),
    ...(blocked.length > 0 && { blocked })
  })
}

/** Starts the connection that takes over an inbound socket. */
export function adopt(turn: Turn, peerId: string, remote: Place, handle: string, listener: string, needed: boolean): void {
  spawn(turn, { peer: peerId, inbound: true, persistent: false, remote, handle, listener }, { direction: 'in', handle, ...(needed && { needed }) })
}

function spawn(turn: Turn, row: Pick<LinkRow, 'peer' | 'inbound' | 'persistent' | 'remote' | 'handle' | 'listener'>, options: object): void {
  const { options: { connection, network, peerId: self }, forLinks, forInbound } = turn.book
  const address = newAddress(turn)
  addLink(turn, { ...row, address, stale: false, phase: 'opening', since: turn.book.now, level: 0, probe: 0, needed: false, linkId: '', dial: 0, life: noLife })
  const [kind = '', id = ''] = address.split('/')
  say(turn, 'system', new SpawnActor({ kind, id, options: JSON.stringify({ ...connection, ...forLinks, ...(row.inbound && forInbound), network, self, ...options }) }))
  say(turn, 'system', new Watch({ address }))
}

export function reject(turn: Turn, { handle, listener }: Pick<LinkRow, 'handle' | 'listener'>, code: Code, forMs = 0): void {
  const silent = turn.book.forLinks['silent'] === true
  say(turn, listener, new RejectInbound({ handle, code, reason: codeEntry(code).means, ...(forMs > 0 && { forMs }), ...(silent && { silent }) }))
}
