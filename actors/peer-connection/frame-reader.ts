import { FrameView } from './frame-codec.ts'
import { FrameMalformedError, FrameTooLargeError } from './frame-errors.ts'

/** What a frame under way takes at most at first; it grows fourfold as it really arrives. */
const PARTIAL_BYTES = 64 * 1024
/** Memory of a frame that is used again for the next one: fresh memory costs more than the copy into it. */
const SPARE_BYTES_MIN = 16 * 1024
const SPARE_BYTES_MAX = 1024 * 1024

/**
 * Takes a byte stream in chunks of any size and hands out its frames. A frame that lies in one chunk is
 * not copied; one that is spread over several is copied once, into memory that grows only with what has
 * arrived. What the sink is given is valid until it returns, or, where it holds the stream, until it resumes.
 */
export class FrameReader {
  /** Largest frame taken, without its length prefix, in bytes. */
  limit: number
  readonly #view = new FrameView()
  readonly #sink: (frame: FrameView) => boolean
  /** Length of the frame under way; 0 while it is not known. */
  #need = 0
  #partial: Uint8Array | undefined
  #spare: Uint8Array | undefined
  #have = 0
  #length = 0
  #shift = 0
  /** What came while the sink held the stream. */
  #rest: Uint8Array[] = []
  #held = false

  /** The sink returns false to hold the stream: nothing more is handed out until {@link resume}. */
  constructor(limit: number, sink: (frame: FrameView) => boolean) {
    this.limit = limit
    this.#sink = sink
  }

  get held(): boolean {
    return this.#held
  }

  /** Whether the stream stands within a frame. */
  get midway(): boolean {
    return this.#need > 0 || this.#shift > 0 || this.#rest.length > 0
  }

  /** Bytes kept of a frame under way, and of what came while held. */
  get buffered(): number {
    return this.#rest.reduce((sum, chunk) => sum + chunk.length, this.#have)
  }

  /** Lets go of memory that large frames have left. */
  trim(): void {
    this.#spare = undefined
  }

  /**
   * @throws FrameMalformedError when the bytes are no frame
   * @throws FrameTooLargeError when a length is above the limit
   */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    if (this.#held) this.#rest.push(chunk)
    else this.#read(chunk)
  }

  /** Goes on after the sink held the stream. @throws as {@link push} */
  resume(): void {
    this.#held = false
    const rest = this.#rest
    this.#rest = []
    for (let at = 0; at < rest.length; at++) {
      this.#read(rest[at]!)
      if (this.#held) {
        this.#rest.push(...rest.slice(at + 1))
        return
      }
    }
  }

  #read(chunk: Uint8Array): void {
    const end = chunk.length
    let at = 0
    while (at < end) {
      if (this.#need === 0) {
        at = this.#readLength(chunk, at, end)
        if (this.#need === 0) return
      }
      const need = this.#need
      let more: boolean
      if (this.#have === 0 && end - at >= need) {
        this.#need = 0
        more = this.#frame(chunk, at, at + need)
        at += need
      } else {
        const taken = Math.min(need - this.#have, end - at)
        const partial = this.#keep(chunk, at, taken)
        at += taken
        if (this.#have < need) return
        this.#partial = undefined
        if (partial.length >= SPARE_BYTES_MIN && partial.length <= SPARE_BYTES_MAX) this.#spare = partial
        this.#have = this.#need = 0
        more = this.#frame(partial, 0, need)
      }
      if (!more) {
        this.#held = true
        if (at < end) this.#rest.push(chunk.subarray(at))
        return
      }
    }
  }

  #frame(buffer: Uint8Array, start: number, end: number): boolean {
    this.#view.read(buffer, start, end)
    return this.#sink(this.#view)
  }

  /** Takes bytes of a length prefix; it is checked before anything of its frame is kept. */
  #readLength(chunk: Uint8Array, at: number, end: number): number {
    for (; at < end; this.#shift += 7) {
      const byte = chunk[at++]!
      if (this.#shift === 28 && byte > 0x0f) throw new FrameMalformedError('a frame\'s length has more than 32 bits')
      this.#length = (this.#length | ((byte & 0x7f) << this.#shift)) >>> 0
      if (byte >= 0x80) continue
      if (byte === 0) throw new FrameMalformedError(this.#shift === 0 ? 'a frame is empty' : 'a frame\'s length is written longer than needed')
      if (this.#length > this.limit) throw new FrameTooLargeError(`a frame of ${this.#length} bytes is announced, ${this.limit} are allowed`)
      this.#need = this.#length
      this.#length = this.#shift = 0
      return at
    }
    return at
  }

  #keep(chunk: Uint8Array, at: number, taken: number): Uint8Array {
    const have = this.#have
    let partial = this.#partial
    if (partial === undefined || partial.length < have + taken) {
      const size = Math.min(this.#need, Math.max(PARTIAL_BYTES, 4 * (have + taken)))
      const spare = this.#spare
      const grown = spare !== undefined && spare !== partial && spare.length >= size && size >= SPARE_BYTES_MIN ? spare : Buffer.allocUnsafe(size)
      this.#spare = undefined
      if (partial !== undefined) grown.set(partial.subarray(0, have))
      this.#partial = partial = grown
    }
    partial.set(chunk.subarray(at, at + taken), have)
    this.#have = have + taken
    return partial
  }
}
