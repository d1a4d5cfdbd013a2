import type { Checkpoint, Envelope, LogHeader } from '../../proto/index.ts'
import { LogRecord, LogStopped, messageWriter } from '../../proto/index.ts'
import type { Tap } from '../kernel/index.ts'
import { BlockFile, WAITING_BYTES_MAX } from './blocks.ts'
import { encodedBytes, INPUT, makeSlab, OUTPUT, putEncoded, RecordEncoder, sealBlock, type Slab } from './encode.ts'
import { LogFileError } from './errors.ts'
import { createLogFile } from './file.ts'
import { BLOCK_BYTES, BLOCK_BYTES_MAX, BLOCK_HEAD_BYTES_MAX, FORMAT_VERSION, MAGIC } from './format.ts'
import { Segments, type Keep } from './segments.ts'

/** Days of a quiet peer or an hour of a busy one, and still a file that one can send to somebody. In bytes. */
export const LOG_BYTES_MAX = 256 * 1024 * 1024

/** How long a record may wait in memory, and so what a SIGKILL can lose, in milliseconds. */
export const BLOCK_OPEN_MS_MAX = 100

/** Kept back for the record that ends the log, in bytes. */
const LAST_BYTES = 64

/** Slabs kept for use again; more are in use only while the disk is behind. */
const SPARE_SLABS_MAX = 8

export interface LogWarning {
  readonly code: 'size-limit' | 'record-too-large' | 'not-encodable' | 'write-failed' | 'no-checkpoint' | 'not-shortened'
  /** What happened and what to do, in one sentence. */
  readonly message: string
}

export interface LogWriterOptions {
  /** Size at which recording ends, from 65536, in bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number
  /**
   * Keeps the last part of the run alone: the log begins at a checkpoint then. `maxBytes` is the size that is kept at most
   * where this gives none. @default everything, until maxBytes
   */
  readonly keep?: Keep & { readonly checkpoint: () => Checkpoint }
  /** Longest time that a record waits in memory, from 1, in milliseconds. @default 100 */
  readonly maxOpenMs?: number
  /** Told once when recording ends before the run, or cannot drop what is old; never called from within the core. */
  readonly onWarning?: (warning: LogWarning) => void
}

/**
 * Records a run: the tap that a kernel is given. A full disk, an overlong record or the size limit ends
 * the recording with a warning, and the peer goes on. With `keep` it has no end: the file is a whole log at any moment,
 * of the last part of the run.
 */
export class LogWriter implements Tap {
  readonly path: string
  readonly #file: BlockFile
  #maxBytes: number
  readonly #onWarning: (warning: LogWarning) => void
  readonly #encoder = new RecordEncoder()
  readonly #timer: NodeJS.Timeout
  readonly #spare: Slab[] = []
  readonly #inUse = new Map<ArrayBufferLike, Slab>()
  readonly #keep: LogWriterOptions['keep']
  readonly #segments: Segments | undefined
  /** What every file of this log begins with. */
  readonly #head: Buffer
  #slab: Slab = makeSlab(BLOCK_BYTES)
  #armed = false
  #recording = true
  readonly #warned = new Set<LogWarning['code'] | 'ended'>()
  /** Handed to the file in all; those in front of the present file are dropped. */
  #bytes = 0
  #dropped = 0
  /** Where the log is to begin. */
  #from = 0
  #records = 0
  #time = 0
  #closed: Promise<void> | undefined

  /**
   * Creates the file (0600, replacing an older log) and writes the header.
   * @throws LogFileError when the file may not be written
   * @throws RangeError when an option is out of its range
   */
  constructor(path: string, header: LogHeader, options: LogWriterOptions = {}) {
    const maxOpenMs = options.maxOpenMs ?? BLOCK_OPEN_MS_MAX
    const maxBytes = options.keep?.bytes ?? options.maxBytes ?? LOG_BYTES_MAX
    if (!(maxBytes >= BLOCK_BYTES)) throw new RangeError(`maxBytes is ${maxBytes}: give at least ${BLOCK_BYTES}`)
    if (!(maxOpenMs >= 1)) throw new RangeError(`maxOpenMs is ${maxOpenMs}: give at least 1`)
    this.path = path
    this.#keep = options.keep
    this.#segments = options.keep && new Segments(options.keep, maxBytes)
    this.#maxBytes = this.#segments === undefined ? maxBytes : limitOf(this.#segments)
    this.#onWarning = options.onWarning ?? (() => {})
    this.#file = new BlockFile(createLogFile(path), block => this.#recycle(block), error => {
      this.#closed ??= this.#file.close()
      this.#end('write-failed', `recording to ${path} ended: ${error.message}`)
    })
    // A process that is otherwise done does not wait for it.
    this.#timer = setTimeout(() => this.#seal(), maxOpenMs).unref()
    this.#file.append(Buffer.of(...MAGIC, FORMAT_VERSION))
    this.#bytes = MAGIC.length + 1
    this.#put(LogRecord.encode(new LogRecord({ header }), messageWriter()).finish())
    this.#head = Buffer.concat([Buffer.of(...MAGIC, FORMAT_VERSION), this.#seal()!])
  }

  /** False once recording has ended. */
  get recording(): boolean {
    return this.#recording
  }

  /** Size of the log so far, in bytes, with what still waits in memory. */
  get bytes(): number {
    return this.#bytes - this.#dropped + this.#slab.end - BLOCK_HEAD_BYTES_MAX
  }

  /** Inputs and outputs recorded so far. */
  get records(): number {
    return this.#records
  }

  input(envelope: Envelope, nested: boolean): void {
    if (this.#recording) this.#envelope(INPUT, envelope, nested)
  }

  output(envelope: Envelope): void {
    if (this.#recording) this.#envelope(OUTPUT, envelope, false)
  }

  /** The run has ended: the log ends with it. */
  stopped(time: number): void {
    if (!this.#recording) return
    this.#time = time
    this.#last('stopped')
  }

  /** The core is idle: a segment may begin. */
  idle(): void {
    if (this.#recording && this.#segments?.due(this.bytes + this.#dropped, this.#time) === true) this.#beginSegment(this.#segments)
  }

  /**
   * Copies the log as it is now.
   * @param path a file that is not there yet
   * @throws LogFileError when it cannot be written
   */
  async copyTo(path: string): Promise<void> {
    await this.flush()
    await this.#file.copyTo(path).catch((error: Error) => {
      throw new LogFileError(path, `cannot be written: ${error.message}`, { cause: error })
    })
  }

  /** Hands everything recorded so far to the operating system before it returns: the process is about to end. */
  flushNow(): void {
    if (this.#closed !== undefined) return
    this.#seal()
    this.#file.flushNow()
  }

  /** Resolves when everything recorded so far is with the operating system. */
  flush(): Promise<void> {
    this.#seal()
    return this.#file.flushed()
  }

  /** Ends the log, brings it to the disk and closes the file. Never rejects: errors come as warnings. */
  close(): Promise<void> {
    if (this.#recording) this.#last('closed')
    return this.#closed ??= this.#file.close()
  }

  #envelope(field: number, envelope: Envelope, nested: boolean): void {
    let size
    try {
      size = this.#encoder.measure(envelope, nested)
    } catch (error) {
      return this.#cut('not-encodable', `${envelope.type} from ${envelope.from} cannot be encoded: ${(error as Error).message}`)
    }
    if (size > BLOCK_BYTES_MAX - BLOCK_HEAD_BYTES_MAX) {
      return this.#cut('record-too-large', `${envelope.type} from ${envelope.from} has ${size} bytes, and a log takes ${BLOCK_BYTES_MAX}`)
    }
    if (this.bytes + size > this.#maxBytes - BLOCK_HEAD_BYTES_MAX - LAST_BYTES) {
      return this.#cut('size-limit', `it has reached its limit of ${this.#maxBytes} bytes`)
    }
    this.#reserve(size)
    this.#encoder.put(this.#slab, field, envelope, nested)
    this.#time = envelope.time
    this.#records++
    if (!this.#armed) this.#arm()
  }

  #beginSegment(segments: Segments): void {
    let record
    let time
    try {
      const checkpoint = this.#keep!.checkpoint()
      time = checkpoint.time
      record = LogRecord.encode(new LogRecord({ checkpoint }), messageWriter()).finish()
      if (record.length > BLOCK_BYTES_MAX - 2 * BLOCK_HEAD_BYTES_MAX) throw new RangeError(`the checkpoint has ${record.length} bytes, and a log takes ${BLOCK_BYTES_MAX}`)
    } catch (error) {
      segments.skip(this.#bytes, this.#time)
      return this.#warn('no-checkpoint', `what is old in ${this.path} cannot be dropped while this is so, up to its limit of ${this.#maxBytes} bytes: ${(error as Error).message}`)
    }
    this.#seal()
    const at = this.#bytes
    this.#put(record)
    this.#seal()
    this.#time = time
    this.#from = segments.begin(at, time, record.length)
    this.#maxBytes = Math.max(this.#maxBytes, limitOf(segments))
    if (this.#from === 0) return
    this.#file.keepFrom(this.path, this.#head, () => this.#from - this.#dropped, gone => { this.#dropped += gone }).catch((error: Error) => {
      if (this.#recording) this.#warn('not-shortened', `what is old in ${this.path} cannot be dropped now, and is tried again: ${error.message}`)
    })
  }

  #put(record: Uint8Array): void {
    this.#reserve(encodedBytes(record))
    putEncoded(this.#slab, record)
  }

  #reserve(size: number): void {
    if (this.#slab.end + size <= this.#slab.bytes.length) return
    this.#seal()
    if (size > BLOCK_BYTES) this.#slab = makeSlab(size)
  }

  #arm(): void {
    this.#armed = true
    this.#timer.refresh()
  }

  /** Closes the open block and hands it to the file. */
  #seal(): Buffer | undefined {
    this.#armed = false
    const slab = this.#slab
    if (slab.end === BLOCK_HEAD_BYTES_MAX) return undefined
    const block = sealBlock(slab)
    this.#bytes += block.length
    this.#inUse.set(block.buffer, slab)
    this.#slab = this.#spare.pop() ?? makeSlab(BLOCK_BYTES)
    this.#file.append(block)
    return block
  }

  #recycle(block: Buffer): void {
    const slab = this.#inUse.get(block.buffer)
    if (slab === undefined) return
    this.#inUse.delete(block.buffer)
    slab.end = BLOCK_HEAD_BYTES_MAX
    if (slab.bytes.length === BLOCK_HEAD_BYTES_MAX + BLOCK_BYTES && this.#spare.length < SPARE_SLABS_MAX) this.#spare.push(slab)
  }

  /** Ends the log in order, before the run has ended. */
  #cut(code: LogWarning['code'], problem: string): void {
    this.#last('size-limit')
    this.#closed ??= this.#file.close()
    this.#end(code, `recording to ${this.path} ended: ${problem}`)
  }

  #last(reason: string): void {
    this.#put(LogRecord.encode(new LogRecord({ stopped: new LogStopped({ time: this.#time, reason }) })).finish())
    this.#seal()
    this.#recording = false
    clearTimeout(this.#timer)
  }

  #end(code: LogWarning['code'], message: string): void {
    this.#recording = false
    clearTimeout(this.#timer)
    this.#inUse.clear()
    this.#warn(code, message, 'ended')
  }

  #warn(code: LogWarning['code'], message: string, once: LogWarning['code'] | 'ended' = code): void {
    if (this.#warned.has(once)) return
    this.#warned.add(once)
    queueMicrotask(() => this.#onWarning({ code, message }))
  }
}

/** A log holds three segments, a fourth while the first is being dropped, and what the disk is behind. */
function limitOf(segments: Segments): number {
  return 4 * segments.bytes + WAITING_BYTES_MAX
}
