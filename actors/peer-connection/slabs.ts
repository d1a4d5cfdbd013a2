/** First size of a slab: an idle link holds no more than this. */
const SLAB_BYTES_MIN = 2048
/** Large enough that a write of one costs as much per byte as any larger write. */
const SLAB_BYTES_MAX = 256 * 1024
/** As much as is under way on a fast path; given back when the burst is over. */
const SPARE_MAX = 32

/** A piece of memory in which frames lie one after another until they are acknowledged. */
export interface Slab {
  readonly bytes: Buffer
  /** Ranges of it that are not released. */
  ranges: number
  /** False once something in it may still wait in the socket when its ranges are released. */
  reusable: boolean
}

/** One link's slabs: they grow while they fill and are used again once they are free. */
export class Slabs {
  #size = SLAB_BYTES_MIN
  #spare: Slab[] = []

  /** A slab with room for at least so many bytes. */
  take(bytes: number): Slab {
    const spare = bytes <= SLAB_BYTES_MAX ? this.#spare.pop() : undefined
    if (spare !== undefined) return spare
    const slab = { bytes: Buffer.allocUnsafeSlow(Math.max(bytes, this.#size)), ranges: 0, reusable: true }
    this.#size = Math.min(SLAB_BYTES_MAX, this.#size * 8)
    return slab
  }

  give(slab: Slab): void {
    if (slab.reusable && slab.bytes.length === SLAB_BYTES_MAX && this.#spare.length < SPARE_MAX) this.#spare.push(slab)
  }

  /** Lets go of what is spare; the next slab is small again. */
  trim(): void {
    this.#spare = []
    this.#size = SLAB_BYTES_MIN
  }
}
