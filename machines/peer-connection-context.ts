import { Direction, Level, type BodyOf, type Envelope, type EventOf } from '../proto/index.ts'
import type { BackoffOptions } from './backoff.ts'
import { mergePlaces, type EndpointLike, type Place } from './place.ts'
import type { MachineInput } from './publish.ts'

/** Versions of the wire protocol that this library speaks, best first. */
export const WIRE_VERSIONS: readonly number[] = [1]

export interface PeerConnectionOptions extends BackoffOptions {
  /** `out` dials `endpoints`; `in` takes over the socket of `handle`. @default 'out' */
  readonly direction: 'in' | 'out'
  /** This peer's own PeerId, to know when it reached itself. @default '' */
  readonly self: string
  /** The peer expected at the other end; empty takes whoever answers. @default '' */
  readonly peerId: string
  /** PeerIds with which there is to be no link, where `peerId` is empty. @default [] */
  readonly blocked: readonly string[]
  /** Where to dial, best first. @default [] */
  readonly endpoints: readonly EndpointLike[]
  /** What the listener calls the inbound socket. @default '' */
  readonly handle: string
  /** Dials of this connection are numbered from here on; see Identify.dial. @default 0 */
  readonly dial: number
  /** Tells the other side that this link should not be trimmed: it is a neighbour on the ring. @default false */
  readonly needed: boolean
  /** The network's tag in hex; links to peers of another are refused. @default '' */
  readonly network: string
  /** Kinds of the verification steps, in order. @default ['verify-pings'] */
  readonly steps: readonly string[]
  /** Kinds of the steps that need both sides and in which this one can take part; those of `steps` among them are told to the other side. @default [] */
  readonly answers: readonly string[]
  /** Neither messages of the level basic nor goodbyes pass before both sides have verified each other; see Policy. @default false */
  readonly silent: boolean
  /** Everything passes before the other side is verified; see Policy. @default false */
  readonly enhancedBeforeTrust: boolean
  /** Dials until told to stop, whatever happens; for static peers. @default false */
  readonly persistent: boolean
  /**
   * Rounds of dialling without a verified link after which it gives up until the peer is heard
   * again; the default is about four minutes. @default 10
   */
  readonly maxRetries: number
  /** For one address to connect and finish TLS, in milliseconds. @default 10000, as js-libp2p and Syncthing have it */
  readonly dialTimeoutMs: number
  /** For the other side to identify itself, in milliseconds. @default 10000 */
  readonly identifyTimeoutMs: number
  /** For all verification steps together, in milliseconds. @default 20000, room for three pings over a bad path */
  readonly verifyTimeoutMs: number
  /**
   * For a decision that a step, here or at the other side, waits for, in milliseconds. @default 300000: a person may be at the
   * other end of the room, and an undecided link costs some 50 KiB
   */
  readonly pendingTimeoutMs: number
  /** For the other side to verify us once we verified it, in milliseconds; 0 for no limit. @default 60000 */
  readonly enhanceTimeoutMs: number
  /** Frames refused by the gate with which a link ends. @default 3: one may be a race, three are a habit */
  readonly refusalsMax: number
  /** Quiet time after which a ping is sent, in milliseconds. @default 5000 */
  readonly keepAliveIntervalMs: number
  /** For the answer, in milliseconds; a cut cable is noticed within both together. @default 5000 */
  readonly keepAliveTimeoutMs: number
  /** Closes the link after so long without an application message, in milliseconds; 0 for never. @default 0 */
  readonly idleMs: number
  /** For what is queued to be written before closing, in milliseconds. @default 500, a quarter of the time an actor has to stop */
  readonly lingerMs: number
}

export const peerConnectionDefaults: PeerConnectionOptions = {
  direction: 'out',
  self: '',
  peerId: '',
  blocked: [],
  endpoints: [],
  handle: '',
  dial: 0,
  needed: false,
  network: '',
  steps: ['verify-pings'],
  answers: [],
  silent: false,
  enhancedBeforeTrust: false,
  persistent: false,
  maxRetries: 10,
  dialTimeoutMs: 10_000,
  identifyTimeoutMs: 10_000,
  verifyTimeoutMs: 20_000,
  pendingTimeoutMs: 300_000,
  enhanceTimeoutMs: 60_000,
  refusalsMax: 3,
  keepAliveIntervalMs: 5_000,
  keepAliveTimeoutMs: 5_000,
  idleMs: 0,
  lingerMs: 500,
  backoffBaseMs: 500,
  backoffMaxMs: 60_000
}

/** How a link, or a round of dialling, ended. */
export interface Ending {
  readonly code: string
  readonly reason: string
  readonly initiator: number
  /** The verification step that refused. */
  readonly step: string
  /** For how long not to dial: asked of the other side where we end it, else asked of us. */
  readonly forMs: number
  /** The connection will dial again. */
  readonly again: boolean
}

export interface PeerConnectionContext {
  readonly address: string
  readonly keeper: string
  readonly link: string
  readonly options: PeerConnectionOptions
  readonly random: number
  readonly places: readonly Place[]
  /** Where the next round of dialling goes. */
  readonly heard: readonly Place[]
  /** Which of the places is being dialled. */
  readonly place: number
  /** Numbers the dials, from 1; 0 for inbound links. */
  readonly attempt: number
  /** Rounds of dialling and links that failed since the last enhanced link. */
  readonly failures: number
  readonly peerId: string
  readonly linkId: string
  readonly remote: Place
  readonly level: Level
  /** Kinds of the steps that run on this link, in order: our own, and those in which we take part for the other side. */
  readonly plan: readonly string[]
  /** Steps of the plan that are passed, by name. */
  readonly passed: readonly string[]
  /** Address of the step that is running. */
  readonly step: string
  /** The other side's Verified has come. */
  readonly verifiedUs: boolean
  /** We let everything pass, and have said so, before our steps are through. */
  readonly early: boolean
  /** The other side waits for a decision: for so long we wait along, in milliseconds; 0 where it does not. */
  readonly heldMs: number
  readonly refusedFrames: number
  /** `waiting` before admission, where each rung has its deadline, `resting` until the next ping, `probing` while one is out. */
  readonly keepAlive: 'waiting' | 'resting' | 'probing'
  readonly pingId: number
  readonly rttUs: number
  /** The round-trip time that was announced last. */
  readonly toldRttUs: number
  readonly ending: Ending
  readonly waitMs: number
}

type LinkEvent = EventOf<
  'DialOpened' | 'DialFailed' | 'LinkSecured' | 'LinkClosed' | 'LinkTraffic' | 'PongReceived' | 'FrameRefused'
  | 'Identify' | 'Verified' | 'Disconnect' | 'VerificationHeld' | 'TrustWithdrawn' | 'VerifyAgain'
>
type KeeperEvent = EventOf<'LinkAdmitted' | 'CloseRequested' | 'EndpointsFound' | 'RevokeTrust' | 'VerifyPeer' | 'Stop'>
type StepEvent = EventOf<'StepPassed' | 'StepRefused' | 'StepPending' | 'SpawnFailed' | 'Terminated'>

/** Raised by the connection itself: nothing passed for `idleMs`, it is time for a ping, or its answer is late. */
export interface OfItself {
  readonly type: 'IdleOver' | 'QuietOver' | 'PongOverdue'
}

export type PeerConnectionEvent = LinkEvent | KeeperEvent | StepEvent | OfItself

const nowhere: Place = { host: '', port: 0 }
export const notEnded: Ending = { code: '', reason: '', initiator: 0, step: '', forMs: 0, again: false }

/** What of the context belongs to one link, before there is one. */
export const noLink = {
  linkId: '',
  remote: nowhere,
  level: Level.LEVEL_UNSPECIFIED,
  plan: [],
  passed: [],
  step: '',
  verifiedUs: false,
  early: false,
  heldMs: 0,
  refusedFrames: 0,
  keepAlive: 'waiting'
} satisfies Partial<PeerConnectionContext>

export function peerConnectionContext({ address, parent, options, random }: MachineInput<Partial<PeerConnectionOptions>>): PeerConnectionContext {
  const all = { ...peerConnectionDefaults, ...options }
  const places = mergePlaces([], all.endpoints)
  return {
    address,
    keeper: parent,
    link: `${address}#link`,
    options: all,
    random,
    places,
    heard: places,
    place: 0,
    attempt: 0,
    failures: 0,
    peerId: all.peerId,
    ...noLink,
    pingId: 0,
    rttUs: 0,
    toldRttUs: 0,
    ending: notEnded,
    waitMs: 0
  }
}

export function directionOf(context: PeerConnectionContext): Direction {
  return context.options.direction === 'in' ? Direction.DIRECTION_IN : Direction.DIRECTION_OUT
}

/** The event's body where it is of the type, for actions that several events share. */
export function bodyOf<N extends Exclude<PeerConnectionEvent, OfItself>['type']>(event: PeerConnectionEvent, type: N): BodyOf<N> | undefined {
  return event.type === type ? (event as Envelope<N, BodyOf<N>>).body : undefined
}
