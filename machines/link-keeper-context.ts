import type { Level, Message } from '../proto/index.ts'
import { blocksNobody, type Blocklist } from './blocklist.ts'
import type { LinkScore } from './link-trim.ts'
import type { Place } from './place.ts'
import type { MachineInput } from './publish.ts'
import { emptyTable, type Table } from './table.ts'

export interface LinkKeeperOptions {
  /** This peer. */
  readonly peerId: string
  /** The network's tag in hex, for every connection. */
  readonly network: string
  /** Other options for every connection, over those of its definition. @default {} */
  readonly connection: Readonly<Record<string, unknown>>
  /** Kinds of the verification steps under the policy's defaultTrust; without it somebody is asked. Empty leaves those of `connection`. @default [] */
  readonly defaultSteps: readonly string[]
  /** False where this peer takes no links, so that it must dial. Follows what the listener announces. @default true */
  readonly acceptsInbound: boolean
  /**
   * How long the peer with the higher PeerId waits to be dialled before it dials itself, in
   * milliseconds. @default 1000, some round trips of the slowest path and a handshake
   */
  readonly dialPatienceMs: number
  /** Most peers linked at once. @default 300, as js-libp2p; about 15 MiB of TLS */
  readonly maxLinks: number
  /**
   * Most peers of the local network linked at once. With it the peer does not dial everybody: it keeps its neighbours on
   * the ring of PeerIds and some others, so that the network stays in one piece. 0 for all of them, up to `maxLinks`. @default 0
   */
  readonly maxLanLinks: number
  /** With fewer it dials further ones. 0 for three quarters of `maxLanLinks`, so that as many may come by themselves. @default 0 */
  readonly lowLanLinks: number
  /** As `maxLanLinks`, for all other peers, by a ring of their own. @default 0 */
  readonly maxWanLinks: number
  /** As `lowLanLinks`. @default 0 */
  readonly lowWanLinks: number
  /** For how long a new link is not displaced by one of a higher score, in milliseconds. @default 30000 */
  readonly graceMs: number
  /** For how long a peer whose link was trimmed is not dialled, by both sides, in milliseconds. @default 60000 */
  readonly trimQuietMs: number
  /**
   * The same for a neighbour on the ring, doubled with each time up to `trimQuietMs`: that it was not taken for one shows that
   * one of both had not heard of all peers yet. In milliseconds. @default 4000
   */
  readonly ringQuietMs: number
  /** From a change in what is known to a new plan, in milliseconds: peers that start together are heard by then. @default 200 */
  readonly planMs: number
  /** For how long a peer without a link is remembered that is not heard any more, in milliseconds; 0 for ever. @default 600000, ten of the longest announcing intervals */
  readonly staleMs: number
  /** Most peers linked that dialled us; 0 for as many as there is room. @default 0 */
  readonly maxInbound: number
  /** Most peers linked that we dialled; 0 for as many as there is room. @default 0 */
  readonly maxOutbound: number
  /** Of `maxLinks`, those that only peers get which were verified before or are trusted. @default 0 */
  readonly reservedLinks: number
  /** PeerIds that have their link before others, whatever the caps below are. @default [] */
  readonly trusted: readonly string[]
  /** Most peers that dialled us from one address of the Internet. @default 8, as go-libp2p; some peers behind one router */
  readonly maxPerAddress: number
  /** The same for one network of the Internet, a /24, or a /48 of IPv6. @default 32, a tenth of all links */
  readonly maxPerSubnet: number
  /** The same for a private address: many peers of one machine. @default 256 */
  readonly maxPerPrivateAddress: number
  /** The same for a private network: a whole LAN. @default 1000 */
  readonly maxPerPrivateSubnet: number
  /** Most dials under way at once; as many more may wait to dial again. @default 100, as js-libp2p */
  readonly maxDials: number
  /** Most inbound links that have not identified themselves. Over it, the source with most of them loses its oldest. @default 64 */
  readonly maxPending: number
  /** Most dials of one address in one window, so that nobody is made a weapon. @default 64, so many peers on one machine still meet at once */
  readonly dialsPerTarget: number
  /** The window, in milliseconds. @default 10000 */
  readonly dialWindowMs: number
  /** Most peers remembered; the one heard longest ago without a link is forgotten. @default 1000 */
  readonly maxKnown: number
  /** For how long a dropped peer is neither dialled nor admitted, in milliseconds. @default 60000 */
  readonly dropMs: number
  /** For how long a peer that the policy blocks is asked not to dial, in milliseconds. @default 600000 */
  readonly blockedMs: number
  /** For how long who refused us, or was refused, is not dialled, in milliseconds. @default 60000 */
  readonly refusalMs: number
}

export const linkKeeperDefaults: LinkKeeperOptions = {
  peerId: '',
  network: '',
  connection: {},
  defaultSteps: [],
  acceptsInbound: true,
  dialPatienceMs: 1_000,
  maxLinks: 300,
  maxInbound: 0,
  maxOutbound: 0,
  reservedLinks: 0,
  trusted: [],
  maxPerAddress: 8,
  maxPerSubnet: 32,
  maxPerPrivateAddress: 256,
  maxPerPrivateSubnet: 1_000,
  maxLanLinks: 0,
  lowLanLinks: 0,
  maxWanLinks: 0,
  lowWanLinks: 0,
  graceMs: 30_000,
  trimQuietMs: 60_000,
  ringQuietMs: 4_000,
  planMs: 200,
  staleMs: 600_000,
  maxDials: 100,
  maxPending: 64,
  dialsPerTarget: 64,
  dialWindowMs: 10_000,
  maxKnown: 1_000,
  dropMs: 60_000,
  blockedMs: 600_000,
  refusalMs: 60_000
}

/** One life of a peer; see Instance in common.proto. */
export interface Life {
  readonly startedAt: number
  /** In hex. */
  readonly nonce: string
}

/** A peer that was heard or linked, or a static place whose peer is not known yet (`@HOST PORT`). */
export interface PeerRow {
  readonly key: string
  readonly peerId: string
  readonly name: string
  readonly via: string
  readonly places: readonly Place[]
  /** Places that a person named. */
  readonly fixed: readonly Place[]
  readonly life: Life
  readonly acceptsInbound: boolean
  readonly heardAt: number
  /** PeerFound was announced. */
  readonly found: boolean
  /** When it went away, by its own goodbye or because nothing answered any more; 0 while it has not. */
  readonly goneAt: number
  /** Not dialled before, by its wish or ours. */
  readonly quietUntil: number
  /** Not admitted before. */
  readonly droppedUntil: number
  /** It is on the local network. */
  readonly lan: boolean
  /** What it is protected for from trimming. */
  readonly tags: readonly string[]
  /** When one of both had no room for the other last, and how often in a row; 0 where that is not why it is quiet. */
  readonly turnedAwayAt: number
  readonly turnedAway: number
  /** When it was verified first; 0 where it was not. */
  readonly knownSince: number
  /** A timer is set, on which it may be dialled. */
  readonly due: boolean
  /** Addresses of its connections. */
  readonly links: readonly string[]
  /** The best level of its links, 0 without an identified one. */
  readonly best: Level
  /** The level that was announced for the pair. */
  readonly told: Level
  /** Of a static place: who was found there. Of a peer: the static places where it was found. */
  readonly bound: readonly string[]
}

/**
 * `opening` until it is identified; `held` once admitted; `backoff` while it waits to dial again;
 * `closing` when it was told to; `over` when it ended.
 */
export type LinkPhase = 'opening' | 'held' | 'backoff' | 'closing' | 'over'

/** A connection actor. */
export interface LinkRow {
  readonly address: string
  /** Key of its peer's row. */
  readonly peer: string
  readonly inbound: boolean
  /** It dials until it is told to stop. */
  readonly persistent: boolean
  /** Its options follow a policy that is not in force any more: it does not dial again. */
  readonly stale: boolean
  readonly phase: LinkPhase
  /** When it entered the phase. */
  readonly since: number
  readonly level: Level
  /** Id of the ping whose answer shows that the other side has this link enhanced too; 0 for none. */
  readonly probe: number
  /** The other side said that it needs this link: we are its neighbour on the ring. */
  readonly needed: boolean
  readonly linkId: string
  readonly dial: number
  readonly life: Life
  readonly remote: Place
  /** What the listener calls the socket, and the listener's address, until it is taken over. */
  readonly handle: string
  readonly listener: string
}

export interface LinkKeeperContext {
  readonly address: string
  readonly options: LinkKeeperOptions
  readonly random: number
  /** The time of the latest event. */
  readonly now: number
  readonly acceptsInbound: boolean
  /** What the policy says. */
  readonly inbound: boolean
  readonly blocked: Blocklist
  /** What follows for connections that are started, over their other options. */
  readonly forLinks: Readonly<Record<string, unknown>>
  /** The same for those that take over what others dialled, over that. */
  readonly forInbound: Readonly<Record<string, unknown>>
  /** Discovery has started: peers may be dialled. */
  readonly started: boolean
  readonly closing: boolean
  readonly peers: Table<PeerRow>
  readonly links: Table<LinkRow>
  /** Outbound links opening, inbound links opening, outbound links in backoff. */
  readonly dialing: number
  readonly pending: number
  readonly retrying: number
  /** Peers with an admitted link. */
  readonly held: number
  /** Peers announced as connected, and how many were told by LinksChanged. */
  readonly connected: number
  readonly toldConnected: number
  /** A timer is set, on which LinksChanged is told. */
  readonly telling: boolean
  readonly dials: number
  readonly probes: number
  /** Dials of each address since `windowAt`. */
  readonly targets: Table<number>
  readonly windowAt: number
  /** When the next plan is due, and when further links are dialled for which no peer stands on the ring; 0 for never. */
  readonly planAt: number
  readonly fillAt: number
  /** The behaviour flag {@link DROPS_UNKNOWN} is in force. */
  readonly dropsUnknown: boolean
}

/** Behaviour flag: a peer is dropped too while its link has not said who it is, and while nothing is known of it. */
export const DROPS_UNKNOWN = 3

export function linkKeeperContext({ address, options, random, flags }: MachineInput<Partial<LinkKeeperOptions>>): LinkKeeperContext {
  const all = { ...linkKeeperDefaults, ...options }
  return {
    address,
    options: all,
    random,
    now: 0,
    acceptsInbound: all.acceptsInbound,
    inbound: true,
    blocked: blocksNobody,
    forLinks: {},
    forInbound: {},
    started: false,
    closing: false,
    peers: emptyTable(),
    links: emptyTable(),
    dialing: 0,
    pending: 0,
    retrying: 0,
    held: 0,
    connected: 0,
    toldConnected: 0,
    telling: false,
    dials: 0,
    probes: 0,
    targets: emptyTable(),
    windowAt: 0,
    planAt: 0,
    fillAt: 0,
    dropsUnknown: flags.includes(DROPS_UNKNOWN)
  }
}

/** Something that a decision does besides changing the tables. */
export type Effect =
  | { readonly do: 'say'; readonly to: string; readonly body: Message }
  | { readonly do: 'wake'; readonly key: string; readonly delayMs: number; readonly time: number }
  | { readonly do: 'sleep'; readonly key: string }
  | { readonly do: 'plan'; readonly delayMs: number; readonly time: number }

/** One event being dealt with: a copy of the context that may be changed, and what is to be done. */
export interface Turn {
  readonly book: { -readonly [K in keyof LinkKeeperContext]: LinkKeeperContext[K] }
  readonly effects: Effect[]
  readonly score: LinkScore
}

export function say(turn: Turn, to: string, body: Message): void {
  turn.effects.push({ do: 'say', to, body })
}
