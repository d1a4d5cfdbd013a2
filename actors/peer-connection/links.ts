import { classOf, Level, typeName, type Message, type MessageClass } from '../../proto/index.ts'
import { serviceKey } from '../seam/index.ts'
import type { ArrivedMessage } from './arrived-message.ts'
import { LinkFullError, NotAcceptedError, NotConnectedError } from './link-errors.ts'
import { WireTypes, type WireEntry } from './wire-types.ts'

/** A message that is encoded already. */
export interface EncodedMessage {
  /** The type's name; see {@link typeName}. */
  readonly type: string
  readonly bytes: Uint8Array
}

/**
 * Takes messages of one type, in order. A message is valid until the handler returns; where it returns
 * a promise, until that settles, and until then nothing more is read from the link. That holds up pings
 * too, so it should not take seconds.
 */
export type MessageHandler<T extends Message = Message> = (peerId: string, message: ArrivedMessage<T>) => unknown

/** The links to other peers, as drivers and host programs use them. */
export interface Links {
  /**
   * Sends a message to a peer. True while more is welcome; false asks to wait for {@link drained}, but
   * the message is taken. On one link messages arrive in order, none twice.
   * @throws NotConnectedError without a link on which we verified the peer
   * @throws NotAcceptedError when the peer does not speak the type, or the link's level is too low for it
   * @throws LinkFullError when too much waits already
   * @throws MessageTooLargeError when it does not fit in a frame
   */
  send(peerId: string, message: Message | EncodedMessage): boolean
  /**
   * Sends to every connected peer that accepts it and has room for it; returns how many did.
   * @param missed told of each of the others, and why
   */
  broadcast(message: Message | EncodedMessage, missed?: (peerId: string, error: Error) => void): number
  /** Resolves once more is welcome. Rejects with NotConnectedError when the link ends before. */
  drained(peerId: string): Promise<void>
  /**
   * Takes the messages of a type declared with `via: 'pump'`. Returns what ends it.
   * @throws TypeError when the type is declared to come by the bus
   */
  subscribe<T extends Message>(type: MessageClass<T>, handler: MessageHandler<T>): () => void
  subscribe(type: string, handler: MessageHandler): () => void
  /** PeerIds of the peers to which messages can be sent. */
  connected(): string[]
}

/** A link that has let messages pass; what a link driver puts here. */
export interface OpenLink {
  readonly peerId: string
  readonly level: Level
  send(entry: WireEntry, message: Message | undefined, bytes: Uint8Array | undefined): boolean
  drained(): Promise<void>
}

export class LinkTable implements Links {
  readonly #types: WireTypes
  /** The last of a peer's links is the one in use. */
  readonly #open = new Map<string, OpenLink[]>()
  readonly #current = new Map<string, OpenLink>()
  readonly #handlers = new Map<string, MessageHandler<any>[]>()

  constructor(types: WireTypes) {
    this.#types = types
  }

  send(peerId: string, message: Message | EncodedMessage): boolean {
    const link = this.#current.get(peerId)
    if (link === undefined) throw new NotConnectedError(peerId)
    const entry = this.#types.of(classOf(message))
    if (entry !== undefined) return link.send(entry, message, undefined)
    const { type, bytes } = message as EncodedMessage
    return link.send(this.#named(type, message), undefined, bytes)
  }

  broadcast(message: Message | EncodedMessage, missed?: (peerId: string, error: Error) => void): number {
    let taken = 0
    for (const peerId of this.#current.keys()) {
      try {
        this.send(peerId, message)
        taken++
      } catch (error) {
        if (!(error instanceof NotAcceptedError || error instanceof LinkFullError)) throw error
        missed?.(peerId, error)
      }
    }
    return taken
  }

  async drained(peerId: string): Promise<void> {
    const link = this.#current.get(peerId)
    if (link === undefined) throw new NotConnectedError(peerId)
    return link.drained()
  }

  subscribe(type: MessageClass<any> | string, handler: MessageHandler<any>): () => void {
    const name = typeof type === 'string' ? type : typeName(type)
    if (this.#types.named(name)?.via === 'bus') throw new TypeError(`${name} comes by the bus: use bus.of(), or declare it with via: 'pump'`)
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler])
    return () => {
      const left = (this.#handlers.get(name) ?? []).filter(other => other !== handler)
      if (left.length > 0) this.#handlers.set(name, left)
      else this.#handlers.delete(name)
    }
  }

  connected(): string[] {
    return [...this.#current.keys()]
  }

  /** A link driver's: puts a link here, or up to date after its level has changed. */
  attach(link: OpenLink): void {
    const others = (this.#open.get(link.peerId) ?? []).filter(other => other !== link)
    // While a second link climbs, the first one still takes more.
    const at = others.findIndex(other => other.level > link.level)
    others.splice(at < 0 ? others.length : at, 0, link)
    this.#put(link.peerId, others)
  }

  /** A link driver's: takes a link away. */
  detach(link: OpenLink): void {
    const links = this.#open.get(link.peerId)
    if (links !== undefined) this.#put(link.peerId, links.filter(other => other !== link))
  }

  /** A link driver's: who takes the messages of a type. */
  handlersOf(name: string): readonly MessageHandler<any>[] | undefined {
    return this.#handlers.get(name)
  }

  #put(peerId: string, links: OpenLink[]): void {
    const current = links.at(-1)
    if (current === undefined) {
      this.#open.delete(peerId)
      this.#current.delete(peerId)
    } else {
      this.#open.set(peerId, links)
      this.#current.set(peerId, current)
    }
  }

  #named(name: unknown, message: object): WireEntry {
    const entry = typeof name === 'string' ? this.#types.named(name) : undefined
    if (entry !== undefined) return entry
    const what = typeof name === 'string' && name !== '' ? name : message.constructor.name
    throw new NotAcceptedError(`${what} is not declared for the wire: name it in an actor's wire list or in createPeer({ messages })`)
  }
}

export const Links = serviceKey<LinkTable>('links', services => new LinkTable(services.get(WireTypes)))
