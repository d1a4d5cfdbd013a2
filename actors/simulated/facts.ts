import type { Level } from '../../proto/index.ts'

interface LinkFact {
  /** The same at both ends. */
  readonly linkId: string
  /** Who is at the other end. */
  readonly remote: string
}

/** What link drivers tell of their links. */
export type SimulatedLinkFact =
  | LinkFact & { readonly fact: 'link-opened' }
  | LinkFact & { readonly fact: 'link-gate'; readonly level: Level }
  /** A message of the connection itself was sent: Identify, Verified or Disconnect. */
  | LinkFact & { readonly fact: 'link-said'; readonly type: string }
  /** An accepted message passed inwards. */
  | LinkFact & { readonly fact: 'link-passed'; readonly type: string; readonly needs: Level }
  /** Bytes that one link keeps for the other side. */
  | LinkFact & { readonly fact: 'link-queued'; readonly bytes: number; readonly limit: number }
  | LinkFact & { readonly fact: 'link-closed' }

/** Another capability's facts have a name of their own and whatever its invariants need. */
export interface OtherFact {
  readonly fact: `${string}/${string}`
  readonly [detail: string]: unknown
}

/** Something that happened in a driver and that no message tells; see the invariants of a simulation. */
export type SimulatedFact = SimulatedLinkFact | OtherFact
