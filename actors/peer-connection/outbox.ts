import { Level, messageWriter, type Message } from '../../proto/index.ts'
import { FRAME_OVERHEAD_MAX } from './frame-codec.ts'
import type { Gate } from './gate.ts'
import { LinkFullError, MessageTooLargeError, NotAcceptedError, NotConnectedError } from './link-errors.ts'
import type { Link } from './link.ts'
import type { WireEntry } from './wire-types.ts'

/** Bytes of messages that wait for the other side to verify us; it takes a round trip. */
const EARLY_BYTES_MAX = 64 * 1024
/** What a writer may keep of a large message. */
const WRITER_BYTES_MAX = 512 * 1024

let writer = messageWriter()

/** Messages from this peer to another, on one link. */
export class Outbox {
  readonly #link: Link
  readonly #gate: Gate
  readonly #peerId: string
  #early: { readonly number: number; readonly bytes: Uint8Array }[] = []
  #earlyBytes = 0
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  #closed = false
  sent = 0

  constructor(link: Link, gate: Gate, peerId: string) {
    this.#link = link
    this.#gate = gate
    this.#peerId = peerId
  }

  /**
   * Sends a message, or its bytes where it is encoded already; true while more is welcome.
   * @throws NotAcceptedError, LinkFullError, MessageTooLargeError
   */
  send(entry: WireEntry, message: Message | undefined, bytes: Uint8Array | undefined): boolean {
    const { level } = this.#gate
    if (entry.level > level) throw new NotAcceptedError(`${entry.name} may pass from ${Level[entry.level]} on, the link is at ${Level[level]}: wait for PeerVerified`)
    const number = this.#gate.numberOf(entry)
    if (number === 0) throw new NotAcceptedError(`${this.#peerId} does not speak ${entry.name}`)
    let length: number
    if (message === undefined) {
      length = bytes!.length
    } else {
      bytes = this.#encode(entry, message)
      length = writer.pos
    }
    if (length + FRAME_OVERHEAD_MAX > this.#gate.gives) throw new MessageTooLargeError(entry.name, length + FRAME_OVERHEAD_MAX, this.#gate.gives)
    if (!this.#gate.verifiedUs && entry.level > Level.LEVEL_IDENTIFIED) return this.#hold(number, bytes!, length)
    this.#link.send(number, bytes!, length)
    this.sent++
    return this.#link.ready
  }

  /** The other side has verified us: it takes what has waited. */
  verified(): void {
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    for (const { number, bytes } of early) {
      this.#link.send(number, bytes)
      this.sent++
    }
  }

  /** The link has fallen to a level at which what has waited does not pass. */
  fell(): void {
    this.#early = []
    this.#earlyBytes = 0
  }

  async drained(): Promise<void> {
    if (this.#closed) throw new NotConnectedError(this.#peerId)
    if (this.#link.ready) return
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  /** The link may have room again. */
  settle(): void {
    if (this.#waiting.length === 0 || !this.#link.ready) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve } of waiting) resolve()
  }

  close(): void {
    this.#closed = true
    const waiting = this.#waiting
    this.#waiting = this.#early = []
    for (const { reject } of waiting) reject(new NotConnectedError(this.#peerId))
  }

  // One writer for all messages: its memory is used again, and copied from at once.
  #encode(entry: WireEntry, message: Message): Uint8Array {
    if (writer.buf.length > WRITER_BYTES_MAX) writer = messageWriter()
    writer.pos = 0
    try {
      entry.type.encode(message, writer)
    } catch (error) {
      writer = messageWriter()
      throw error
    }
    return writer.buf
  }

  // Verified of the other side is under way; before it, it would refuse what we send.
  #hold(number: number, bytes: Uint8Array, length: number): boolean {
    if (this.#earlyBytes + length > EARLY_BYTES_MAX) throw new LinkFullError(this.#earlyBytes)
    this.#earlyBytes += length + FRAME_OVERHEAD_MAX
    this.#early.push({ number, bytes: Uint8Array.prototype.slice.call(bytes, 0, length) })
    return true
  }
}
