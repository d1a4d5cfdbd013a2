import type { Place } from '../../machines/place.ts'
import type { Kept, Rung } from './note.ts'

/** A connection that is under way, or stands. */
export interface Attempt {
  readonly connection: string
  readonly key: string
  readonly place: Place
  readonly inbound: boolean
  readonly rung: Rung
  /** When it came to this rung, in milliseconds since the epoch. */
  readonly since: number
  /** When it dials again, in backoff. */
  readonly until: number
  /** The place could not be reached: told only where the next one is tried. */
  readonly failed?: { readonly code: string; readonly reason: string } | undefined
}

/** What is known of one peer, or of a place where nobody has answered. */
export interface Case {
  /** PeerId, or `HOST:PORT`. */
  readonly key: string
  name: string
  readonly notes: Kept[]
  readonly attempts: Map<string, Attempt>
  /** When its present life began by its own clock, and when we learnt that by ours, in milliseconds since the epoch; 0 where it never said. */
  startedAt: number
  toldAt: number
}
