import { frameLength, writeFrameHead } from './frame-codec.ts'
import { FrameMalformedError } from './frame-errors.ts'
import { framesAhead, wireNumber } from './frame-number.ts'
import { LinkFullError } from './link-errors.ts'
import { Slabs, type Slab } from './slabs.ts'
import { varintLength } from './varint.ts'

/** Where the bytes go: a socket. */
export interface ByteSink {
  /** False asks to wait for `drained`. The bytes are only lent. */
  write(bytes: Uint8Array): boolean
  /** Whether nothing written waits in it any more. */
  settled(): boolean
}

export interface SendQueueOptions {
  /** Most bytes waiting or not acknowledged. */
  readonly maxBytes: number
  /** Bytes waiting above which {@link SendQueue.ready} is false. */
  readonly highWaterBytes: number
}

/** Waiting bytes that are written before the tick ends, so that the socket works while more is made. */
const FLUSH_BYTES = 256 * 1024
/** Small writes that await acknowledgement are kept as one, so that keeping them costs little besides their bytes. */
const MERGE_BYTES = 4096
/** Loops beat a native copy for bodies up to about this. */
const LOOP_BYTES = 96

/** A run of whole frames that is written at once. */
interface Range {
  readonly slab: Slab
  readonly from: number
  to: number
  /** Count of the last numbered frame up to its end. */
  last: number
  /** Whether it holds a numbered frame, so that an acknowledgement shows that it has arrived. */
  numbered: boolean
}

/**
 * Frames on their way out of one link: gathered into slabs, written once a tick (at once when the link
 * was idle), and kept until the other side acknowledges them.
 */
export class SendQueue {
  readonly #sink: ByteSink
  readonly #options: SendQueueOptions
  readonly #slabs = new Slabs()
  #slab: Slab | undefined
  /** Start of what is not in a range yet, and end of what is written, in the slab. */
  #from = 0
  #at = 0
  #ranges: Range[] = []
  #head = 0
  #next = 0
  #numbered = 0
  #rangedNumber = 0
  #written = 0
  #acknowledged = 0
  #toAcknowledge = 0
  #saidAcknowledged = 0
  #bytes = 0
  #waiting = 0
  #blocked = false
  #corked = false
  #ackWanted = false
  #closed = false
  #window: NodeJS.Immediate | undefined

  constructor(sink: ByteSink, options: SendQueueOptions) {
    this.#sink = sink
    this.#options = options
  }

  /** Frames that have arrived, by the other side's word. */
  get arrived(): number {
    return this.#acknowledged
  }

  /** Bytes waiting to be written, or written and not acknowledged. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes waiting to be written. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether more is welcome. */
  get ready(): boolean {
    return this.#waiting <= this.#options.highWaterBytes && this.#bytes <= this.#options.maxBytes / 2
  }

  /** Whether the last acknowledgement told to {@link acknowledge} has gone out. */
  get acknowledgementDue(): boolean {
    return this.#toAcknowledge !== this.#saidAcknowledged
  }

  /**
   * Takes a numbered frame; the body is copied.
   * @param reserve bytes above the bound that it may use
   * @throws LinkFullError when there is no room
   */
  push(type: number, body: Uint8Array, bodyLength: number, reserve = 0): void {
    const number = wireNumber(this.#numbered + 1)
    const size = frameLength(number, this.#ackToSay(), type, bodyLength)
    if (this.#bytes + size > this.#options.maxBytes + reserve) throw new LinkFullError(this.#bytes)
    this.#append(size, number, type, body, bodyLength)
  }

  /** Says with the next frame that so many frames of the other direction have arrived. */
  acknowledge(count: number): void {
    this.#toAcknowledge = count
  }

  /** Sends the acknowledgement by itself before the tick ends, if no frame has taken it along by then. */
  acknowledgeSoon(): void {
    this.#ackWanted = true
    this.#window ??= setImmediate(this.#onWindow)
  }

  /** Writes all that waits and an acknowledgement, if one is due. */
  sendAcknowledgement(): void {
    this.#appendAcknowledgement()
    this.flush()
  }

  /**
   * The other side says up to where our frames have arrived.
   * @throws FrameMalformedError for a number that we have not sent, or that goes back
   */
  acknowledged(number: number): void {
    if (number === 0) return
    const ahead = framesAhead(number, this.#acknowledged)
    if (ahead === 0) return
    if (ahead > this.#written - this.#acknowledged) throw new FrameMalformedError(`frame ${number} is acknowledged, which is not under way`)
    this.#acknowledged += ahead
    this.#release()
  }

  /** Gathers frames until {@link uncork}. */
  cork(): void {
    this.#corked = true
  }

  uncork(): void {
    this.#corked = false
    if (this.#waiting > 0) this.#gather()
  }

  /** The socket takes more again. */
  drained(): void {
    this.#blocked = false
    this.flush()
  }

  /** Writes what waits, as far as the socket takes it. */
  flush(): void {
    if (this.#blocked || this.#closed) return
    this.#closeRange()
    while (this.#next < this.#ranges.length && !this.#blocked) {
      const range = this.#ranges[this.#next]!
      this.#written = range.last
      this.#waiting -= range.to - range.from
      this.#blocked = !this.#sink.write(range.slab.bytes.subarray(range.from, range.to))
      if (!this.#merge(range)) this.#next++
    }
    this.#release()
  }

  /** Gives back memory that a burst has left behind. */
  trim(): void {
    this.#slabs.trim()
    if (this.#bytes === 0) this.#slab = undefined
  }

  /** Forgets everything; nothing is written any more. */
  close(): void {
    this.#closed = true
    clearImmediate(this.#window)
    this.#window = this.#slab = undefined
    this.#ranges = []
    this.#head = this.#next = this.#bytes = this.#waiting = 0
    this.#slabs.trim()
  }

  #ackToSay(): number {
    return this.#toAcknowledge === this.#saidAcknowledged ? 0 : wireNumber(this.#toAcknowledge)
  }

  #append(size: number, number: number, type: number, body: Uint8Array, bodyLength: number): void {
    const total = varintLength(size) + size
    let slab = this.#slab
    if (slab === undefined || slab.bytes.length - this.#at < total) slab = this.#nextSlab(total)
    if (number !== 0) this.#numbered++
    const { bytes } = slab
    let at = writeFrameHead(bytes, this.#at, number, this.#ackToSay(), type, bodyLength)
    this.#saidAcknowledged = this.#toAcknowledge
    if (bodyLength <= LOOP_BYTES) for (let i = 0; i < bodyLength; i++) bytes[at++] = body[i]!
    else bytes.set(body.length === bodyLength ? body : body.subarray(0, bodyLength), at)
    this.#at += total
    this.#bytes += total
    this.#waiting += total
    if (!this.#corked) this.#gather()
  }

  #gather(): void {
    if (this.#window === undefined) {
      this.flush()
      this.#window = setImmediate(this.#onWindow)
    } else if (this.#waiting >= FLUSH_BYTES) {
      this.flush()
    }
  }

  // While frames keep coming they are written once a tick; after a tick without any, the next goes at once.
  readonly #onWindow = (): void => {
    this.#window = undefined
    if (this.#ackWanted) this.#appendAcknowledgement()
    if (this.#waiting === 0 || this.#blocked) return
    this.flush()
    this.#window = setImmediate(this.#onWindow)
  }

  #appendAcknowledgement(): void {
    this.#ackWanted = false
    const ack = this.#ackToSay()
    if (ack !== 0) this.#append(frameLength(0, ack, 0, 0), 0, 0, noBody, 0)
  }

  #nextSlab(bytes: number): Slab {
    this.#closeRange()
    const full = this.#slab
    this.#slab = this.#slabs.take(bytes)
    this.#from = this.#at = 0
    if (full !== undefined && full.ranges === 0) this.#slabs.give(full)
    return this.#slab
  }

  #closeRange(): void {
    const slab = this.#slab
    if (slab === undefined || this.#at === this.#from) return
    slab.ranges++
    this.#ranges.push({ slab, from: this.#from, to: this.#at, last: this.#numbered, numbered: this.#numbered > this.#rangedNumber })
    this.#rangedNumber = this.#numbered
    this.#from = this.#at
  }

  /** Joins the range just written to the one before, where both are small and lie side by side. */
  #merge(range: Range): boolean {
    const before = this.#next > this.#head ? this.#ranges[this.#next - 1] : undefined
    if (before?.slab !== range.slab || this.#next !== this.#ranges.length - 1 || before.to - before.from >= MERGE_BYTES) return false
    before.to = range.to
    before.last = range.last
    before.numbered = range.numbered
    this.#ranges.pop()
    range.slab.ranges--
    return true
  }

  #release(): void {
    while (this.#head < this.#next) {
      const range = this.#ranges[this.#head]!
      if (range.last > this.#acknowledged) break
      this.#head++
      this.#bytes -= range.to - range.from
      const { slab } = range
      slab.ranges--
      // What was acknowledged has left the socket; a bare acknowledgement may still be in it.
      if (!range.numbered && !this.#sink.settled()) slab.reusable = false
      if (slab !== this.#slab && slab.ranges === 0) this.#slabs.give(slab)
    }
    if (this.#head === this.#ranges.length) {
      this.#ranges.length = this.#head = this.#next = 0
      const slab = this.#slab
      if (slab === undefined || this.#at !== this.#from) return
      slab.reusable ||= this.#sink.settled()
      if (slab.reusable) this.#from = this.#at = 0
    } else if (this.#head > 256 && this.#head * 2 > this.#ranges.length) {
      this.#ranges.splice(0, this.#head)
      this.#next -= this.#head
      this.#head = 0
    }
  }
}

const noBody = new Uint8Array(0)
