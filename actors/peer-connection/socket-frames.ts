import type { TLSSocket } from 'node:tls'
import { ACK } from './built-in.ts'
import type { FrameView } from './frame-codec.ts'
import { FrameMalformedError } from './frame-errors.ts'
import { wireNumber } from './frame-number.ts'
import { FrameReader } from './frame-reader.ts'
import type { FrameStream, FrameTaker } from './frame-stream.ts'
import type { LinkOptions } from './link-options.ts'
import { SendQueue } from './send-queue.ts'
import { lostReason } from './socket-codes.ts'

/** Frames over one secured socket: numbered, acknowledged, and never more kept than is allowed. */
export class SocketFrames implements FrameStream {
  readonly awaits = true
  readonly #socket: TLSSocket
  readonly #options: LinkOptions
  readonly #taker: FrameTaker
  readonly #reader: FrameReader
  readonly #queue: SendQueue
  #arrived = 0
  #saidAt = 0
  #unsaidBytes = 0
  #ackTimer: NodeJS.Timeout | undefined
  #error: unknown
  #ending = false
  /** Nothing that comes is looked at any more. */
  #deaf = false
  bytesIn = 0
  bytesOut = 0

  constructor(socket: TLSSocket, options: LinkOptions, taker: FrameTaker) {
    this.#socket = socket
    this.#options = options
    this.#taker = taker
    this.#reader = new FrameReader(options.maxFrameBytesBelow, frame => this.#take(frame))
    const sink = {
      write: (bytes: Uint8Array) => {
        this.bytesOut += bytes.length
        return socket.writableEnded || socket.destroyed || socket.write(bytes)
      },
      settled: () => socket.writableLength === 0
    }
    this.#queue = new SendQueue(sink, { maxBytes: options.maxQueuedBytes, highWaterBytes: options.highWaterBytes })
    socket.setNoDelay(true)
    // Who has said goodbye and ends its side still takes what we have sent; we end ours ourselves.
    socket.allowHalfOpen = true
    socket.on('error', error => {
      this.#error ??= error
    })
    socket.on('end', () => this.#ended())
    socket.on('close', () => {
      this.#ended()
      this.#release()
      taker.gone()
    })
    socket.on('drain', () => this.#drained())
  }

  get ready(): boolean {
    return this.#queue.ready
  }

  get acknowledged(): number {
    return this.#queue.arrived
  }

  get unacknowledged(): number {
    return this.#queue.bytes
  }

  get waiting(): number {
    return this.#queue.waiting
  }

  get buffered(): number {
    return this.#reader.buffered
  }

  get gone(): boolean {
    return this.#socket.destroyed
  }

  get limit(): number {
    return this.#reader.limit
  }

  set limit(bytes: number) {
    this.#reader.limit = bytes
  }

  start(): void {
    if (this.#socket.destroyed) this.#ended()
    else this.#socket.on('data', this.#onData)
  }

  send(type: number, body: Uint8Array, bodyLength: number, reserve: number): void {
    this.#queue.push(type, body, bodyLength, reserve)
  }

  resume(): void {
    if (!this.#reader.held) return
    queueMicrotask(() => {
      if (this.#deaf || !this.#reader.held) return
      this.#read(() => this.#reader.resume())
      if (!this.#reader.held) this.#socket.resume()
    })
  }

  end(): void {
    this.#ending = true
    this.#queue.sendAcknowledgement()
    this.#endWhenWritten()
  }

  farewell(): void {
    this.#deaf = true
    clearTimeout(this.#ackTimer)
    // What still comes is read and thrown away: unread, it would turn our goodbye into a reset.
    this.#socket.off('data', this.#onData).resume()
    this.end()
  }

  destroy(): void {
    this.#release()
    this.#socket.destroy()
  }

  trim(): void {
    this.#queue.trim()
    this.#reader.trim()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesIn += chunk.length
    this.#read(() => this.#reader.push(chunk))
    if (this.#reader.held && !this.#deaf) this.#socket.pause()
  }

  #read(read: () => void): void {
    this.#queue.cork()
    try {
      read()
    } catch (error) {
      this.#taker.failed(error)
    }
    if (this.#deaf) return
    this.#sayArrived()
    this.#queue.uncork()
    this.#taker.passing()
  }

  #take(frame: FrameView): boolean {
    this.#queue.acknowledged(frame.ack)
    if (frame.number === 0) {
      if (frame.type !== ACK || frame.end > frame.start) throw new FrameMalformedError('a message has no number')
      return !this.#deaf
    }
    const expected = wireNumber(this.#arrived + 1)
    if (frame.number !== expected) throw new FrameMalformedError(`frame ${frame.number} came where ${expected} is next`)
    if (frame.type === ACK) throw new FrameMalformedError('a numbered frame has no type')
    this.#queue.acknowledge(++this.#arrived)
    this.#unsaidBytes += frame.end - frame.start
    return this.#taker.frame(frame) && !this.#deaf
  }

  #sayArrived(): void {
    if (!this.#queue.acknowledgementDue) {
      this.#saidAt = this.#arrived
      this.#unsaidBytes = 0
    } else if (this.#arrived - this.#saidAt >= this.#options.ackFrames || this.#unsaidBytes >= this.#options.ackBytes) {
      this.#saidAt = this.#arrived
      this.#unsaidBytes = 0
      this.#queue.acknowledgeSoon()
    } else {
      this.#ackTimer ??= setTimeout(() => {
        this.#ackTimer = undefined
        this.#queue.acknowledgeSoon()
      }, this.#options.ackDelayMs)
    }
  }

  #drained(): void {
    this.#queue.drained()
    if (this.#ending) this.#endWhenWritten()
    else if (this.#queue.ready) this.#taker.drained()
  }

  #endWhenWritten(): void {
    if (this.#queue.waiting === 0) this.#socket.end()
  }

  #ended(): void {
    if (this.#deaf) return
    this.#taker.ended(this.#error !== undefined ? lostReason(this.#error)
      : this.#reader.midway ? 'the connection ended within a frame'
        : 'the connection ended without a goodbye')
  }

  #release(): void {
    this.#deaf = true
    clearTimeout(this.#ackTimer)
    this.#queue.close()
  }
}
