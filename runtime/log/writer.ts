import type { Envelope, LogHeader } from '../../proto/index.ts'
import { LogRecord, LogStopped } from '../../proto/index.ts'
import type { Tap } from '../kernel/index.ts'
import { BlockFile } from './blocks.ts'
import { encodedBytes, INPUT, makeSlab, OUTPUT, putEncoded, RecordEncoder, sealBlock, type Slab } from './encode.ts'
import { createLogFile } from './file.ts'
import { BLOCK_BYTES, BLOCK_BYTES_MAX, BLOCK_HEAD_BYTES_MAX, FORMAT_VERSION, MAGIC } from './format.ts'

/** Days of a quiet peer or an hour of a busy one, and still a file that one can send to somebody. In bytes. */
export const LOG_BYTES_MAX = 256 * 1024 * 1024

/** How long a record may wait in memory, and so what a SIGKILL can lose, in milliseconds. */
export const BLOCK_OPEN_MS_MAX = 100

/** Kept back for the record that ends the log, in bytes. */
const LAST_BYTES = 64

/** Slabs kept for use again; more are in use only while the disk is behind. */
const SPARE_SLABS_MAX = 8

export interface LogWarning {
  readonly code: 'size-limit' | 'record-too-large' | 'not-encodable' | 'write-failed'
  /** What happened and what to do, in one sentence. */
  readonly message: string
}

export interface LogWriterOptions {
  /** Size at which recording ends, from 65536, in bytes. @default 268435456 (256 MiB) */
  readonly maxBytes?: number
  /** Longest time that a record waits in memory, from 1, in milliseconds. @default 100 */
  readonly maxOpenMs?: number
  /** Told once when recording ends before the run; never called from within the core. */
  readonly onWarning?: (warning: LogWarning) => void
}

/**
 * Records a run: the tap that a kernel is given. A full disk, an overlong record or the size limit ends
 * the recording with a warning, and the peer goes on.
 */
export class LogWriter implements Tap {
  readonly path: string
  readonly #file: BlockFile
  readonly #maxBytes: number
  readonly #onWarning: (warning: LogWarning) => void
  readonly #encoder = new RecordEncoder()
  readonly #timer: NodeJS.Timeout
  readonly #spare: Slab[] = []
  readonly #inUse = new Map<ArrayBufferLike, Slab>()
  #slab: Slab = makeSlab(BLOCK_BYTES)
  #armed = false
  #recording = true
  #warned = false
  #bytes = 0
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
    this.#maxBytes = options.maxBytes ?? LOG_BYTES_MAX
    if (!(this.#maxBytes >= BLOCK_BYTES)) throw new RangeError(`maxBytes is ${this.#maxBytes}: give at least ${BLOCK_BYTES}`)
    if (!(maxOpenMs >= 1)) throw new RangeError(`maxOpenMs is ${maxOpenMs}: give at least 1`)
    this.path = path
    this.#onWarning = options.onWarning ?? (() => {})
    this.#file = new BlockFile(createLogFile(path), block => this.#recycle(block), error => {
      this.#closed ??= this.#file.close()
      this.#end('write-failed', `recording to ${path} ended: ${error.message}`)
    })
    // A process that is otherwise done does not wait for it.
    this.#timer = setTimeout(() => this.#seal(), maxOpenMs).unref()
    this.#file.append(Buffer.of(...MAGIC, FORMAT_VERSION))
    this.#bytes = MAGIC.length + 1
    this.#put(LogRecord.encode(new LogRecord({ header })).finish())
    this.#seal()
  }

  /** False once recording has ended. */
  get recording(): boolean {
    return this.#recording
  }

  /** Size of the log so far, in bytes, with what still waits in memory. */
  get bytes(): number {
    return this.#bytes + this.#slab.end - BLOCK_HEAD_BYTES_MAX
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
  #seal(): void {
    this.#armed = false
    const slab = this.#slab
    if (slab.end === BLOCK_HEAD_BYTES_MAX) return
    const block = sealBlock(slab)
    this.#bytes += block.length
    this.#inUse.set(block.buffer, slab)
    this.#slab = this.#spare.pop() ?? makeSlab(BLOCK_BYTES)
    this.#file.append(block)
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
    if (this.#warned) return
    this.#warned = true
    queueMicrotask(() => this.#onWarning({ code, message }))
  }
}
