import type { TLSSocket } from 'node:tls'
import { Disconnect, Initiator } from '../../proto/index.ts'
import { ACK, DISCONNECT } from './built-in.ts'
import type { FrameView } from './frame-codec.ts'
import { FrameMalformedError } from './frame-errors.ts'
import { wireNumber } from './frame-number.ts'
import { FrameReader } from './frame-reader.ts'
import type { LinkOptions } from './link-options.ts'
import { SendQueue } from './send-queue.ts'
import { lostReason } from './socket-codes.ts'

/** How long a link that we broke off may take to tell the other side why, in milliseconds. */
const FAREWELL_MS = 500
/** Room above the bound for the few messages of the link itself. */
const RESERVE_BYTES = 128 * 1024

export interface LinkEnd {
  readonly code: string
  readonly reason: string
  readonly initiator: Initiator
}

const closedByUs: LinkEnd = { code: 'closed', reason: 'closed by this side', initiator: Initiator.INITIATOR_SELF }
const closedByOther: LinkEnd = { code: 'closed', reason: 'closed by the other side', initiator: Initiator.INITIATOR_REMOTE }

/** Whoever uses a link. */
export interface LinkUser {
  /** A numbered frame, in order. False holds the stream until {@link Link.resume}. */
  arrived(frame: FrameView): boolean
  /** More is welcome again. */
  ready(): void
  /** Once a chunk was read or a burst acknowledged: something passes. */
  passing(): void
  /** The link is over; called once. */
  ended(end: LinkEnd): void
  /** An exception that is nobody's fault but ours. */
  crashed(error: unknown): void
}

/** Frames over one secured socket: numbered, acknowledged, and never more kept than is allowed. */
export class Link {
  readonly #socket: TLSSocket
  readonly #options: LinkOptions
  readonly #user: LinkUser
  readonly #reader: FrameReader
  readonly #queue: SendQueue
  #arrived = 0
  #saidAt = 0
  #unsaidBytes = 0
  #ackTimer: NodeJS.Timeout | undefined
  #endTimer: NodeJS.Timeout | undefined
  #error: unknown
  #closing = false
  #over = false
  /** The other side has said goodbye. */
  goodbye = false
  bytesIn = 0
  bytesOut = 0

  constructor(socket: TLSSocket, options: LinkOptions, user: LinkUser) {
    this.#socket = socket
    this.#options = options
    this.#user = user
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
    socket.on('close', () => this.#closed())
    socket.on('end', () => this.#closed())
    socket.on('drain', () => this.#drained())
  }

  /** Begins to read; what arrived before has waited in the socket. */
  start(): void {
    if (this.#socket.destroyed) this.#closed()
    else this.#socket.on('data', this.#onData)
  }

  /** Whether nothing passes any more. */
  get over(): boolean {
    return this.#over
  }

  /** Whether it is being closed by us. */
  get closing(): boolean {
    return this.#closing
  }

  get ready(): boolean {
    return this.#queue.ready
  }

  /** Frames that the other side has acknowledged. */
  get acknowledged(): number {
    return this.#queue.arrived
  }

  /** Bytes sent, or waiting, that the other side has not acknowledged. */
  get unacknowledged(): number {
    return this.#queue.bytes
  }

  /** Bytes kept of what arrives: a frame under way, or what is held. */
  get buffered(): number {
    return this.#reader.buffered
  }

  /** Largest frame taken, in bytes. */
  set limit(bytes: number) {
    this.#reader.limit = bytes
  }

  /** Queues a numbered frame. @throws LinkFullError */
  send(type: number, body: Uint8Array, bodyLength = body.length): void {
    if (!this.#over) this.#queue.push(type, body, bodyLength, type <= DISCONNECT ? RESERVE_BYTES : 0)
  }

  /** Goes on reading after the user held the stream; not from within a command, so that its effects come first. */
  resume(): void {
    if (!this.#reader.held) return
    queueMicrotask(() => {
      if (this.#over || !this.#reader.held) return
      this.#read(() => this.#reader.resume())
      if (!this.#reader.held) this.#socket.resume()
    })
  }

  /** Lets go of memory that a burst has left. */
  trim(): void {
    this.#queue.trim()
    this.#reader.trim()
  }

  /** Writes what is queued, says that nothing more comes, and waits for the other side to do the same. */
  close(lingerMs: number): void {
    if (this.#over || this.#closing) return
    this.#closing = true
    // Who said goodbye still reads what we have sent; torn down at once, the connection would lose it.
    if (this.goodbye) return this.#finish(closedByOther, FAREWELL_MS)
    const end = closedByUs
    if (!(lingerMs > 0)) return this.#finish(end)
    this.#endTimer = setTimeout(() => {
      this.#finish(this.#queue.waiting > 0 ? { ...end, reason: `closed by this side with ${this.#queue.waiting} bytes not written in ${lingerMs} ms` } : end)
    }, lingerMs)
    this.#queue.sendAcknowledgement()
    this.#endWhenWritten()
  }

  /** Breaks off with a peer that breaks the rules: it is told why if it listens, and not heard any more. */
  breakOff(code: string, reason: string): void {
    if (this.#over) return
    try {
      this.send(DISCONNECT, Disconnect.encode(new Disconnect({ code, reason })).finish())
    } catch {
      // Its queue is full; it does not listen.
    }
    this.#finish({ code, reason, initiator: Initiator.INITIATOR_SELF }, FAREWELL_MS)
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#over = true
    this.#release()
    this.#socket.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesIn += chunk.length
    this.#read(() => this.#reader.push(chunk))
    if (this.#reader.held && !this.#over) this.#socket.pause()
  }

  #read(read: () => void): void {
    this.#queue.cork()
    try {
      read()
    } catch (error) {
      if (error instanceof FrameMalformedError) this.breakOff('malformed', error.message)
      else this.#user.crashed(error)
    }
    if (this.#over) return
    this.#sayArrived()
    this.#queue.uncork()
    this.#user.passing()
  }

  #take(frame: FrameView): boolean {
    this.#queue.acknowledged(frame.ack)
    if (frame.number === 0) {
      if (frame.type !== ACK || frame.end > frame.start) throw new FrameMalformedError('a message has no number')
      return !this.#over
    }
    const expected = wireNumber(this.#arrived + 1)
    if (frame.number !== expected) throw new FrameMalformedError(`frame ${frame.number} came where ${expected} is next`)
    if (frame.type === ACK) throw new FrameMalformedError('a numbered frame has no type')
    this.#queue.acknowledge(++this.#arrived)
    this.#unsaidBytes += frame.end - frame.start
    return this.#user.arrived(frame) && !this.#over
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
    if (this.#closing || this.#over) this.#endWhenWritten()
    else if (this.#queue.ready) this.#user.ready()
  }

  #endWhenWritten(): void {
    if (this.#queue.waiting === 0) this.#socket.end()
  }

  /** The stream has ended, or the socket is gone. */
  #closed(): void {
    if (this.#over) return
    if (this.#closing) return this.#finish(closedByUs)
    if (this.goodbye) return this.#finish(closedByOther, FAREWELL_MS)
    const reason = this.#error !== undefined ? lostReason(this.#error)
      : this.#reader.midway ? 'the connection ended within a frame'
        : 'the connection ended without a goodbye'
    this.#finish({ code: 'lost', reason, initiator: Initiator.INITIATOR_NETWORK })
  }

  #finish(end: LinkEnd, farewellMs = 0): void {
    if (this.#over) return
    this.#over = true
    const socket = this.#socket
    if (farewellMs > 0 && !socket.destroyed) {
      clearTimeout(this.#ackTimer)
      clearTimeout(this.#endTimer)
      // What still comes is read and thrown away: unread, it would turn our goodbye into a reset.
      socket.off('data', this.#onData).resume()
      this.#endTimer = setTimeout(() => socket.destroy(), farewellMs)
      socket.once('close', () => this.#release())
      this.#queue.flush()
      this.#endWhenWritten()
    } else {
      this.#release()
      socket.destroy()
    }
    this.#user.ended(end)
  }

  #release(): void {
    clearTimeout(this.#ackTimer)
    clearTimeout(this.#endTimer)
    this.#queue.close()
  }
}
