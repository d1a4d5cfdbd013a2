import { close, fsync, ftruncate, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

/**
 * Blocks that wait for the disk, in bytes, before they are written at once. Until then the disk
 * works beside the peer; from there on the peer goes at the speed of the disk, so that memory stays
 * bounded and the log stays whole.
 */
export const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** Appends blocks to a file in order. After the first error it writes nothing more. */
export class BlockFile {
  readonly #fd: number
  readonly #onWritten: (block: Buffer) => void
  readonly #onError: (error: Error) => void
  #queue: Buffer[] = []
  #waiting = 0
  /** Where the next queued block goes. */
  #offset = 0
  /** Start of the first block that could not be written. */
  #failedAt = Infinity
  #failed = false
  #writing = false
  #idle: (() => void)[] = []

  constructor(fd: number, onWritten: (block: Buffer) => void, onError: (error: Error) => void) {
    this.#fd = fd
    this.#onWritten = onWritten
    this.#onError = onError
  }

  append(block: Buffer): void {
    if (this.#failed) return
    this.#queue.push(block)
    this.#waiting += block.length
    if (this.#waiting > WAITING_BYTES_MAX) this.#writeNow()
    else this.#pump()
  }

  /** Resolves when all that was appended is with the operating system, or writing has failed. */
  flushed(): Promise<void> {
    if (!this.#writing) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  /** Flushes, brings the file to the disk and closes it. Errors end in onError. */
  async close(): Promise<void> {
    await this.flushed()
    try {
      // A block that was written in part would make the log look damaged.
      if (this.#failedAt < Infinity) await promisify(ftruncate)(this.#fd, this.#failedAt)
      await promisify(fsync)(this.#fd)
    } catch (error) {
      this.#fail(error as Error)
    }
    await promisify(close)(this.#fd).catch(error => this.#fail(error))
  }

  #pump(): void {
    if (this.#writing) return
    const block = this.#queue.shift()
    if (block === undefined) return
    this.#writing = true
    const start = this.#offset
    this.#offset += block.length
    this.#write(block, 0, start)
  }

  #write(block: Buffer, from: number, start: number): void {
    write(this.#fd, block, from, block.length - from, start + from, (error, written) => {
      if (error === null && from + written < block.length) return this.#write(block, from + written, start)
      this.#writing = false
      if (error !== null) this.#fail(error, start)
      else this.#written(block)
      this.#pump()
      if (!this.#writing) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** The block whose write is under way has its place already, so the later ones can be put behind it. */
  #writeNow(): void {
    const blocks = this.#queue
    this.#queue = []
    for (const block of blocks) {
      const start = this.#offset
      this.#offset += block.length
      try {
        for (let from = 0; from < block.length;) {
          from += writeSync(this.#fd, block, from, block.length - from, start + from)
        }
      } catch (error) {
        return this.#fail(error as Error, start)
      }
      this.#written(block)
    }
  }

  #written(block: Buffer): void {
    this.#waiting -= block.length
    this.#onWritten(block)
  }

  #fail(error: Error, start = Infinity): void {
    this.#queue = []
    this.#failedAt = Math.min(this.#failedAt, start)
    if (this.#failed) return
    this.#failed = true
    this.#onError(error)
  }
}
