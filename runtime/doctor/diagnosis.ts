import type { DeciderKind } from '../../machines/code-causes.ts'
import type { By, Rung } from './note.ts'

/** One step in what happened with a peer. */
export interface HistoryEntry {
  /** Milliseconds since the epoch; the latest, where it happened several times. */
  readonly time: number
  /** How it stood with the peer afterwards: `ignored`, `found`, `identified`, `pending`, `basic`, `enhanced`, `retrying`, `refused` or `disconnected`. */
  readonly state: string
  /** Name of the message that says so. */
  readonly event: string
  readonly detail: string
}

/** Why there is no link, or what the present one waits for. */
export interface Cause {
  /** Of docs/codes.md, or one that only the other side knows. */
  readonly code: string
  readonly reason: string
  /** Who ended it. */
  readonly by: By
  /** What decided: a guard, a timeout, a policy…, and its name; a name KIND.OPTION is an option that `tune` takes. */
  readonly decider: { readonly kind: DeciderKind; readonly name: string; readonly at: By }
  /** State of the connection's machine in which it ended; `backoff` where nothing was tried. */
  readonly rung: Rung
  /** `HOST:PORT` */
  readonly place: string
  readonly inbound: boolean
  /** When it happened first and last, in milliseconds since the epoch, and how often in a row. */
  readonly since: number
  readonly time: number
  readonly times: number
  /** Verification step that refused; empty where none did. */
  readonly step: string
  /** When the other side may be dialled again, by its own wish, in milliseconds since the epoch; 0 without one. */
  readonly notBefore: number
  /** Dials that failed since, one after another, where a link broke and no other came about. */
  readonly dialsSince: number
  /** It was a block by this side, which is over. */
  readonly lifted: boolean
}

/** How it stands with a peer, and why. */
export interface Diagnosis {
  /** When it was asked for, by the clock of that peer, or the end of its log; in milliseconds since the epoch. */
  readonly at: number
  /** Empty for a place where nobody has answered. */
  readonly peerId: string
  /** What it calls itself; not proved. */
  readonly name: string
  /**
   * `linked`, `opening` a link, `waiting` to dial again, `ended`, `ignored` by discovery, `found` but not linked yet, or `unknown`.
   */
  readonly standing: 'linked' | 'opening' | 'waiting' | 'ended' | 'ignored' | 'found' | 'unknown'
  /** State of the connection's machine, where there is one. */
  readonly rung: Rung | undefined
  /** Since when, in milliseconds since the epoch. */
  readonly since: number
  /** What went wrong last, while there is no link. */
  readonly cause: Cause | undefined
  /** What keeps this side from dialling it now, where nothing is under way; it is the cause too where nothing went wrong before. */
  readonly undialled: Cause | undefined
  /** What to do; empty where there is nothing to do. */
  readonly advice: string
  /** When it is dialled again, in milliseconds since the epoch; 0 where no time is set. */
  readonly againAt: number
  /** By how much its clock is ahead of ours at least, in milliseconds; 0 where it is not, as far as is known. */
  readonly clockAheadMs: number
  /** One sentence for a person. */
  readonly summary: string
  readonly history: readonly HistoryEntry[]
}
