import type * as ours from './generated/v1.js'
import type { Message, MessageClass } from './message.ts'

/**
 * A message on its way, and at the same time the event that a machine is given: `type` is the
 * body's type name. See envelope.proto for the fields.
 */
export interface Envelope<N extends string = string, T extends Message = Message> {
  readonly type: N
  readonly seq: number
  readonly time: number
  readonly from: string
  readonly to: string
  readonly cause: number
  /** The decoded body; decoded when first read, never to be changed. */
  readonly body: T
  /** The encoded body; encoded when first read, or as received. */
  readonly bytes: Uint8Array
}

type Ours = typeof ours
/** Names of our own message types. */
export type MessageName = { [K in keyof Ours]: Ours[K] extends MessageClass ? K : never }[keyof Ours] & string

/** An instance of one of our own message types, by name. */
export type BodyOf<N extends MessageName> = Ours[N] extends MessageClass<infer T> ? T : never

/** The events for our own message types, by name: `EventOf<'PeerHeard' | 'LinksChanged'>`. */
export type EventOf<N extends MessageName> = N extends MessageName ? Envelope<N, BodyOf<N>> : never
