/** How much of a run a log keeps; at least one of the two. */
export interface Keep {
  /** At least so much of the run, and half as much again at most, in milliseconds of its logical time. */
  readonly ms?: number
  /** At most so many bytes. */
  readonly bytes?: number
}

/** Smallest sizes that can be kept: below, a log would be all checkpoints. */
export const KEEP_BYTES_MIN = 1024 * 1024
export const KEEP_MS_MIN = 1_000

/** A segment is at least so many times as long as the checkpoint that opens it, so that a log is never mostly checkpoints. */
const CHECKPOINTS_MIN = 4

/**
 * The segments of a log that keeps the last part of a run: two whole ones and the one that grows. Each opens with a
 * checkpoint, so that the log may begin at any; what stands before the last two is dropped when another begins. A segment
 * is half of the time that is kept, or a quarter of the size, whichever is over first: the fourth quarter is for what is written
 * while the first segment is being dropped.
 */
export class Segments {
  readonly #ms: number
  readonly #bytesMin: number
  #bytes: number
  #starts = [0]
  #begun = 0
  /** Where the next is due, in bytes. */
  #next: number

  /** @param bytes kept at most where `keep` gives no size */
  constructor(keep: Keep, bytes: number) {
    this.#ms = (keep.ms ?? Infinity) / 2
    this.#bytes = this.#bytesMin = Math.floor((keep.bytes ?? bytes) / 4)
    this.#next = this.#bytes
  }

  /** Length of the segment that grows, where its time is not over before. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param at bytes of the log so far @param time logical milliseconds */
  due(at: number, time: number): boolean {
    return at >= this.#next || time - this.#begun >= this.#ms
  }

  /**
   * A segment begins.
   * @param checkpoint its size in bytes
   * @returns where the log is to begin now; 0 for where it does
   */
  begin(at: number, time: number, checkpoint: number): number {
    this.#starts = [...this.#starts.slice(-2), at]
    this.#wait(at, time, checkpoint)
    return this.#starts[0] as number
  }

  /** No segment can begin here. */
  skip(at: number, time: number): void {
    this.#wait(at, time, 0)
  }

  #wait(at: number, time: number, checkpoint: number): void {
    this.#begun = time
    this.#bytes = Math.max(this.#bytesMin, CHECKPOINTS_MIN * checkpoint)
    this.#next = at + this.#bytes
  }
}
