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

/** One step in what happened with a peer. */
export interface HistoryEntry {
  /** Milliseconds since the epoch. */
  readonly time: number
  /** How it stood with the peer afterwards: `found`, `identified`, `basic`, `enhanced`, `retrying`, `refused` or `disconnected`. */
  readonly state: string
  /** Name of the message that says so. */
  readonly event: string
  readonly detail: string
}

export type Initiator = 'self' | 'remote' | 'network'

/** What `p2pnet up --json` prints, one object a line; docs/command-line.md is the contract. */
export type UpEvent =
  | { event: 'ready'; peerId: string; name: string; network: string; listen: { address: string; port: number }[]; open: boolean }
  | { event: 'peer.found'; peerId: string; name: string; via: string; addresses: Address[] }
  | { event: 'peer.connected'; peerId: string; name: string; address: Address; direction: 'in' | 'out'; path: string; level: LevelName }
  | { event: 'peer.verified'; peerId: string; steps: string[]; level: LevelName }
  | { event: 'peer.pending'; peerId: string; step: string; reason: string; initiator: Initiator }
  | { event: 'peer.revoked'; peerId: string; reason: string; initiator: Initiator; level: LevelName }
  | { event: 'peer.refused'; peerId?: string; address: Address; step?: string; code: string; reason: string }
  | { event: 'peer.disconnected'; peerId: string; code: string; reason: string; initiator: Initiator }
  | { event: 'peers'; peers: PeerRow[] }
  | { event: 'message'; peerId: string; text: string }
  | ({ event: 'transfer.offered' | 'transfer.started' | 'transfer.progress' } & TransferFields)
  | ({ event: 'transfer.done'; contentId: string; path?: string } & TransferFields)
  | ({ event: 'transfer.failed'; code: string; reason: string } & TransferFields)
  | { event: 'why'; peerId: string; summary: string; history: readonly HistoryEntry[] }
  | ({ event: 'status' } & StatusFields)
  | { event: 'routines'; routines: readonly RoutineInfo[] }
  | { event: 'error'; code: string; message: string }

export interface StatusFields extends PeerStatus {
  /** What is known of the NAT in front of this peer. */
  readonly nat: 'unknown'
}

export type Emit = (event: UpEvent) => void
