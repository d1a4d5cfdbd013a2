import type { Cause, Diagnosis } from '../../doctor/diagnosis.ts'
import type { Policy } from '../../../machines/policy.ts'
import type { LevelName } from '../../peer/roster.ts'
import type { RoutineInfo } from '../../peer/routines.ts'
import type { PeerStatus } from '../../peer/status.ts'

/** A place, as `HOST:PORT`. */
type Address = string

/** What all events about a file transfer say. */
export interface TransferFields {
  readonly transferId: string
  readonly peerId: string
  readonly name: string
  readonly size: number
  readonly direction: 'in' | 'out'
  readonly bytes: number
  /** Since the transfer started. */
  readonly bytesPerSecond: number
}

/** A connected peer, in the event `peers`. */
export interface PeerRow {
  readonly peerId: string
  readonly name: string
  readonly level: LevelName
  readonly path: string
  readonly address: Address
  /** The last round trip, in milliseconds; null until one was measured. */
  readonly rttMs: number | null
  /** When it connected, in milliseconds since the epoch. */
  readonly sinceMs: number
}

export type Initiator = 'self' | 'remote' | 'network'

/** What `p2pnet up --json` prints, one object a line; docs/command-line.md is the contract. */
export type UpEvent =
  | { event: 'ready'; peerId: string; name: string; network: string; listen: { address: string; port: number }[]; open: boolean }
  | { event: 'peer.found'; peerId: string; name: string; via: string; addresses: Address[] }
  | { event: 'peer.connected'; peerId: string; name: string; address: Address; direction: 'in' | 'out'; path: string; level: LevelName }
  | { event: 'peer.verified'; peerId: string; steps: string[]; level: LevelName }
  | { event: 'peer.pending'; peerId: string; name: string; step: string; reason: string; initiator: Initiator }
  | { event: 'peer.queued'; peerId: string; name: string; waiting: number }
  | { event: 'peer.revoked'; peerId: string; reason: string; initiator: Initiator; level: LevelName }
  | { event: 'peer.refused'; peerId?: string; address: Address; step?: string; code: string; reason: string }
  | { event: 'peer.disconnected'; peerId: string; code: string; reason: string; initiator: Initiator }
  | { event: 'peers'; peers: PeerRow[] }
  | { event: 'message'; peerId: string; text: string }
  | ({ event: 'transfer.offered' | 'transfer.started' | 'transfer.progress' } & TransferFields)
  | ({ event: 'transfer.done'; contentId: string; path?: string } & TransferFields)
  | ({ event: 'transfer.failed'; code: string; reason: string } & TransferFields)
  | ({ event: 'why' } & WhyFields)
  | ({ event: 'status' } & StatusFields)
  | { event: 'routines'; routines: readonly RoutineInfo[] }
  | ({ event: 'policy' } & Policy)
  | { event: 'error'; code: string; message: string }

/** What is known of why there is no link, or what the present one waits for; see {@link Diagnosis}. */
export interface WhyFields extends Pick<Diagnosis, 'peerId' | 'summary' | 'history' | 'standing' | 'advice'> {
  /** Why there is no link; missing where there is one, and where nothing went wrong. */
  readonly code?: string
  readonly reason?: string
  readonly initiator?: Initiator
  /** State of the connection's machine in which it ended. */
  readonly endedIn?: string
  /** What decided, and where: `{ kind: 'timeout', name: 'peer-connection.dialTimeoutMs', at: 'self' }`. */
  readonly decider?: Cause['decider']
  readonly address?: Address
  /** How often in a row. */
  readonly times?: number
  /** For people: what was tried, what decided, what happens next by itself. */
  readonly tried?: string
  readonly decided?: string
  readonly next?: string
}

export interface StatusFields extends PeerStatus {
  /** What is known of the NAT in front of this peer. */
  readonly nat: 'unknown'
}

export type Emit = (event: UpEvent) => void
