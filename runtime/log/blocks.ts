import { close, closeSync, fsync, ftruncate, read, renameSync, rmSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { createFresh } from './file.ts'

/**
 * Blocks that wait for the disk, in bytes, before they are written at once. Until then the disk
 * works beside the peer; from there on the peer goes at the speed of the disk, so that memory stays
 * bounded and the log stays whole.
 */
export const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** Copied at a time, in bytes: memory stays small, and the disk has others' writes in between. */
const COPY_BYTES = 256 * 1024

/** Appends blocks to a file in order. After the first error it writes nothing more. */
export class BlockFile {
  #fd: number
  readonly #onWritten: (block: Buffer) => void
  readonly #onError: (error: Error) => void
  #queue: Buffer[] = []
  #waiting = 0
  /** Where the next queued block goes. */
  #offset = 0
  /** Start of the first block that could not be written. */
  #failedAt = Infinity
  #failed = false
  /** The block whose write is under way. */
  #flight: { readonly block: Buffer; readonly start: number } | undefined
  /** Blocks wait until the file is exchanged. */
  #held = false
  /** The copy that goes on. */
  #copying: Promise<void> = Promise.resolve()
  #idle: (() => void)[] = []
  #landed: (() => void)[] = []

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
    if (this.#flight === undefined && this.#queue.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  /** Writes what waits at once, and what is under way once more: the process is about to end. */
  flushNow(): void {
    if (this.#failed) return
    if (this.#flight !== undefined) this.#put(this.#flight.block, this.#flight.start)
    this.#writeNow()
  }

  /** Flushes, brings the file to the disk and closes it. Errors end in onError. */
  async close(): Promise<void> {
    await this.#copying.catch(() => {})
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

  /**
   * Exchanges the file for one that holds `head` and what stands from `from` on, while blocks go on coming: whoever opens
   * the path finds a whole log at any moment. One copy follows another.
   * @param from asked when its turn has come; nothing happens where that is where the file begins
   * @param exchanged called the moment that it is done, with the number of bytes that are gone
   * @throws Error when the disk is full or fails; the file is then as before
   */
  keepFrom(path: string, head: Uint8Array, from: () => number, exchanged: (gone: number) => void): Promise<void> {
    return this.#afterOthers(async () => {
      const start = from()
      const gone = start - head.length
      if (gone > 0) await this.#copy(`${path}.next`, head, start, fd => {
        renameSync(`${path}.next`, path)
        // Freeing a large file takes its time.
        close(this.#fd, () => {})
        this.#fd = fd
        this.#offset -= gone
        exchanged(gone)
      })
    })
  }

  /** Copies what was appended until now, and perhaps more, to another file. @throws Error when the disk is full or fails */
  copyTo(path: string): Promise<void> {
    return this.#afterOthers(() => this.#copy(path, new Uint8Array(), 0, closeSync))
  }

  #afterOthers(work: () => Promise<void>): Promise<void> {
    return this.#copying = this.#copying.catch(() => {}).then(work)
  }

  /** Once it has caught up, the next blocks wait for the moment in which the copy is whole. */
  async #copy(path: string, head: Uint8Array, from: number, whole: (fd: number) => void): Promise<void> {
    const fd = createFresh(path)
    const chunk = Buffer.allocUnsafe(COPY_BYTES)
    try {
      let to = await writeAll(fd, head, 0)
      for (let at = from; ;) {
        if (this.#failed) throw new Error('writing the log has failed')
        const end = this.#flight?.start ?? this.#offset
        if (at < end) {
          const { bytesRead } = await promisify(read)(this.#fd, chunk, 0, Math.min(chunk.length, end - at), at)
          if (bytesRead === 0) throw new Error('the log is shorter than it was')
          at += bytesRead
          to = await writeAll(fd, chunk.subarray(0, bytesRead), to)
        } else if (at > end) {
          // What is to be copied waits for the disk itself.
          await this.#landing()
        } else if (!this.#held) {
          await promisify(fsync)(fd)
          this.#held = true
        } else if (this.#flight !== undefined) {
          await this.#landing()
        } else {
          break
        }
      }
      whole(fd)
    } catch (error) {
      closeSync(fd)
      rmSync(path, { force: true })
      throw error
    } finally {
      this.#held = false
      this.#pump()
      this.#settle()
    }
  }

  /** Resolves when the write that is under way is done. */
  #landing(): Promise<void> {
    return new Promise(resolve => this.#landed.push(resolve))
  }

  #pump(): void {
    if (this.#flight !== undefined || this.#held) return
    const block = this.#queue.shift()
    if (block === undefined) return
    const start = this.#offset
    this.#flight = { block, start }
    this.#offset += block.length
    this.#write(block, 0, start)
  }

  #write(block: Buffer, from: number, start: number): void {
    write(this.#fd, block, from, block.length - from, start + from, (error, written) => {
      if (error === null && from + written < block.length) return this.#write(block, from + written, start)
      this.#flight = undefined
      if (error !== null) this.#fail(error, start)
      else this.#written(block)
      for (const resolve of this.#landed.splice(0)) resolve()
      this.#pump()
      this.#settle()
    })
  }

  #settle(): void {
    if (this.#flight === undefined && this.#queue.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** The block whose write is under way has its place already, so the later ones can be put behind it. */
  #writeNow(): void {
    const blocks = this.#queue
    this.#queue = []
    for (const block of blocks) {
      const start = this.#offset
      this.#offset += block.length
      if (!this.#put(block, start)) return
      this.#written(block)
    }
  }

  #put(block: Buffer, start: number): boolean {
    try {
      for (let from = 0; from < block.length;) from += writeSync(this.#fd, block, from, block.length - from, start + from)
      return true
    } catch (error) {
      this.#fail(error as Error, start)
      return false
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

async function writeAll(fd: number, bytes: Uint8Array, at: number): Promise<number> {
  for (let from = 0; from < bytes.length;) from += (await promisify(write)(fd, bytes, from, bytes.length - from, at + from)).bytesWritten
  return at + bytes.length
}
