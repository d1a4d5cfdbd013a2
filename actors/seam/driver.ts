import type { Logger } from 'pino'
import type { Envelope, Message, Registry } from '../../proto/index.ts'
import type { Services } from './services.ts'

/** What a driver is given; all that it may know of the peer. */
export interface DriverContext<Options = Record<string, unknown>> {
  /** The driver's own address, `kind/id#name`. */
  readonly address: string
  /** Address of the actor it serves. */
  readonly actor: string
  /** The actor's options, defaults filled in. */
  readonly options: Options
  /** A pino logger bound to the address. */
  readonly log: Logger
  /** Aborted when the actor stops: close everything, answer nothing more. */
  readonly signal: AbortSignal
  /** What drivers of one peer share: identity, links, sockets. */
  readonly services: Services
  readonly registry: Registry
  /**
   * Hands a message to the core as an input. To the driver's own actor unless `to` says otherwise;
   * `to: ''` announces it. After the signal is aborted it does nothing.
   */
  publish(body: Message, to?: string, from?: string): void
  /** Counts something dropped by a fixed rule; summed up into one DriverCounts a second at most. */
  count(name: string, by?: number): void
}

/**
 * The side of an actor that touches the world. It turns what the world does into messages and does
 * what messages ask; it decides nothing that depends on the peer's state. An exception that
 * escapes from it fails its actor.
 */
export interface Driver {
  /** A message to the driver's address. */
  receive(envelope: Envelope): void
  /** Called once when the actor stops; resolves when nothing is left open. */
  stop?(): void | Promise<void>
}

export type DriverFactory<Options = any> = (context: DriverContext<Options>) => Driver
