import type { Writer } from 'protobufjs/minimal.js'
import { messageWriter, type Envelope, type Message, type MessageClass } from '../../proto/index.ts'

/** The fields of an envelope but its body. */
export interface EnvelopeHead {
  readonly type: string
  readonly seq: number
  readonly time: number
  readonly from: string
  readonly to: string
  readonly cause: number
}

// One for all bodies: encoding is synchronous, and a writer of its own costs each a sixth more.
const writer = messageWriter()

function encoded(type: MessageClass, body: Message | undefined): Uint8Array {
  try {
    return type.encode(body, writer).finish()
  } finally {
    writer.reset()
  }
}

/**
 * The kernel's Envelope. It has the body, its bytes, or both; the other is made when first read and kept.
 * Bytes received are passed on as they are, unknown fields and all.
 */
export class BusEnvelope implements Envelope {
  readonly type: string
  readonly seq: number
  readonly time: number
  readonly from: string
  readonly to: string
  readonly cause: number
  readonly #class: MessageClass
  readonly #deep: boolean
  #body: Message | undefined
  #bytes: Uint8Array | undefined

  /**
   * @param deep freezes the decoded body throughout, and each {@link BusEnvelope.hop} decodes anew
   * @internal use {@link BusEnvelope.of} or {@link BusEnvelope.received}
   */
  constructor(head: EnvelopeHead, type: MessageClass, body: Message | undefined, bytes: Uint8Array | undefined, deep: boolean) {
    this.type = head.type
    this.seq = head.seq
    this.time = head.time
    this.from = head.from
    this.to = head.to
    this.cause = head.cause
    this.#class = type
    this.#body = body
    this.#bytes = bytes
    this.#deep = deep
  }

  /** Of a body, which is frozen from here on. */
  static of(head: EnvelopeHead, type: MessageClass, body: Message): BusEnvelope {
    return new BusEnvelope(head, type, Object.freeze(body), undefined, false)
  }

  /** Of encoded bytes. The body may alias them: hand over bytes that nobody changes. */
  static received(head: EnvelopeHead, type: MessageClass, bytes: Uint8Array, deep = false): BusEnvelope {
    return new BusEnvelope(head, type, undefined, bytes, deep)
  }

  /** @throws whatever the decoder throws for malformed bytes */
  get body(): Message {
    if (this.#body === undefined) {
      const body = this.#class.decode(this.#bytes as Uint8Array)
      this.#body = this.#deep ? freezeThroughout(body) : Object.freeze(body)
    }
    return this.#body
  }

  /** @throws whatever the encoder throws for fields of a wrong type */
  get bytes(): Uint8Array {
    this.#bytes ??= encoded(this.#class, this.#body)
    return this.#bytes
  }

  /** What the next receiver is given: itself, or in codec `always` an envelope that decodes a body of its own. */
  hop(): BusEnvelope {
    return this.#deep ? new BusEnvelope(this, this.#class, undefined, this.bytes, true) : this
  }

  /** The same message as the other side of an encoder and decoder sees it. */
  decoded(deep: boolean): BusEnvelope {
    return new BusEnvelope(this, this.#class, undefined, this.bytes, deep)
  }

  toJSON(): object {
    const { type, seq, time, from, to, cause } = this
    return { seq, time, from, to, type, cause, body: this.#class.toObject(this.body, { bytes: String }) }
  }
}

/**
 * Writes an envelope as the proto `Envelope`, without a length before it; the bytes are those that the
 * generated encoder would write, without its intermediate object.
 */
export function writeEnvelope(writer: Writer, envelope: Envelope): Writer {
  if (envelope.seq !== 0) writer.uint32(9).double(envelope.seq)
  if (envelope.time !== 0) writer.uint32(17).double(envelope.time)
  if (envelope.from !== '') writer.uint32(26).string(envelope.from)
  if (envelope.to !== '') writer.uint32(34).string(envelope.to)
  if (envelope.type !== '') writer.uint32(42).string(envelope.type)
  const bytes = envelope.bytes
  if (bytes.length > 0) writer.uint32(50).bytes(bytes)
  if (envelope.cause !== 0) writer.uint32(57).double(envelope.cause)
  return writer
}

/** An envelope as the bytes of the proto `Envelope`. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return writeEnvelope(messageWriter(), envelope).finish()
}

function freezeThroughout<T extends object>(value: T): T {
  const left: object[] = [value]
  for (let object = left.pop(); object !== undefined; object = left.pop()) {
    // A typed array with elements cannot be frozen.
    if (ArrayBuffer.isView(object) || Object.isFrozen(object)) continue
    Object.freeze(object)
    for (const child of Object.values(object)) if (typeof child === 'object' && child !== null) left.push(child)
  }
  return value
}
