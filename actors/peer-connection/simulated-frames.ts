import { Identify } from '../../proto/index.ts'
import type { SimulatedHost, SimulatedStream, StreamEnd } from '../simulated/host.ts'
import { builtIn, FIRST_ACCEPTED, IDENTIFY } from './built-in.ts'
import { FrameView } from './frame-codec.ts'
import { FrameTooLargeError } from './frame-errors.ts'
import type { FrameStream, FrameTaker } from './frame-stream.ts'
import { LinkFullError } from './link-errors.ts'
import type { LinkOptions } from './link-options.ts'
import { RESERVE_BYTES } from './link.ts'
import { lostReason } from './socket-codes.ts'

/** Of a frame's head and its TLS record, in bytes. */
const OVERHEAD_BYTES = 32

/** A frame as it crosses a simulated stream, whole; it counts as acknowledged once it is taken. */
class SimulatedFrame {
  readonly type: number
  readonly body: Uint8Array
  readonly #sender: SimulatedFrames

  constructor(type: number, body: Uint8Array, sender: SimulatedFrames) {
    this.type = type
    this.body = body
    this.#sender = sender
  }

  /** Its name, for whoever looks at a run. */
  get what(): string {
    return this.#sender.nameOf(this.type)
  }
}

/** Frames over a simulated stream. */
export class SimulatedFrames implements FrameStream {
  readonly awaits = false
  readonly waiting = 0
  readonly buffered = 0
  readonly #stream: SimulatedStream
  readonly #host: SimulatedHost
  readonly #options: LinkOptions
  readonly #named: { readonly linkId: string; readonly remote: string }
  readonly #taker: FrameTaker
  readonly #view = new FrameView()
  readonly #listener = { message: (message: unknown): void => this.#take(message as SimulatedFrame), ended: (how: StreamEnd): void => this.#ended(how) }
  /** Which says what the other side's numbers mean. */
  #theirIdentify: Uint8Array | undefined
  #held = false
  #deaf = false
  #endedByOther = false
  limit: number
  bytesIn = 0
  bytesOut = 0
  acknowledged = 0
  gone = false

  constructor(stream: SimulatedStream, host: SimulatedHost, options: LinkOptions, named: { readonly linkId: string; readonly remote: string }, taker: FrameTaker) {
    this.#stream = stream
    this.#host = host
    this.#options = options
    this.#named = named
    this.#taker = taker
    this.limit = options.maxFrameBytesBelow
    stream.acknowledged = () => {
      this.acknowledged++
      if (this.ready) taker.drained()
    }
  }

  get ready(): boolean {
    return this.unacknowledged < this.#options.highWaterBytes
  }

  get unacknowledged(): number {
    return this.#stream.inFlight
  }

  start(): void {
    this.#stream.listen(this.#listener)
  }

  send(type: number, body: Uint8Array, bodyLength: number, reserve: number): void {
    const { maxQueuedBytes, highWaterBytes } = this.#options
    const bytes = bodyLength + OVERHEAD_BYTES
    if (this.unacknowledged + bytes > maxQueuedBytes + reserve) throw new LinkFullError(this.unacknowledged)
    this.bytesOut += bodyLength
    this.#stream.send(new SimulatedFrame(type, Uint8Array.prototype.slice.call(body, 0, bodyLength), this), bytes)
    if (this.unacknowledged <= highWaterBytes) return
    this.#host.tell({ fact: 'link-queued', ...this.#named, bytes: this.unacknowledged, limit: maxQueuedBytes + RESERVE_BYTES })
  }

  resume(): void {
    if (!this.#held) return
    this.#host.after(0, () => {
      if (!this.#held || this.#deaf) return
      this.#held = false
      this.#stream.listen(this.#listener)
    })
  }

  end(): void {
    this.#stream.finish()
  }

  farewell(): void {
    this.#deaf = true
    this.end()
    this.#stream.listen({ message: () => {}, ended: () => this.destroy() })
    if (this.#endedByOther) this.#host.after(0, () => this.destroy())
  }

  destroy(): void {
    if (this.gone) return
    this.gone = this.#deaf = true
    this.#stream.destroy()
    this.#taker.gone()
  }

  trim(): void {}

  nameOf(type: number): string {
    const own = builtIn[type]?.name
    if (own !== undefined || this.#theirIdentify === undefined) return own ?? `#${type}`
    return Identify.decode(this.#theirIdentify).accepts[type - FIRST_ACCEPTED] ?? `#${type}`
  }

  #take({ type, body }: SimulatedFrame): void {
    if (type === IDENTIFY) this.#theirIdentify = body
    const view = this.#view
    view.type = type
    view.buffer = body
    view.end = body.length
    this.bytesIn += body.length
    try {
      if (body.length > this.limit) throw new FrameTooLargeError(`a frame of ${body.length} bytes came, ${this.limit} are allowed`)
      this.#held = !this.#taker.frame(view) && !this.#deaf
    } catch (error) {
      this.#taker.failed(error)
    }
    if (this.#deaf) return
    // What follows waits in the stream, and counts for its sender.
    if (this.#held) this.#stream.listen(undefined)
    this.#taker.passing()
  }

  #ended(how: StreamEnd): void {
    this.#endedByOther = true
    this.#taker.ended(how === 'closed' ? 'the connection ended without a goodbye' : lostReason({ code: 'ECONNRESET' }))
  }
}
