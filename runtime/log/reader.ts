import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Checkpoint, LogHeader } from '../../proto/index.ts'
import { LogDecoder } from './decode.ts'
import { LogFileError, UnreadableLogError, type LogPlace, type LogTruncatedError } from './errors.ts'
import type { LogEnding, LogEntry, LogItem } from './format.ts'

/** A path or file URL of a log, or its bytes in one piece or several. */
export type LogSource = string | URL | Uint8Array | Iterable<Uint8Array>

/** Read from a file at a time, in bytes: a few blocks. */
const CHUNK_BYTES = 256 * 1024
const CHUNK_BYTES_MIN = 4 * 1024

/**
 * Reads a log from its start, once: `for (const entry of log)`. Memory holds one block, however long
 * the log. A torn end ends the iteration and shows in `torn`.
 */
export class LogReader implements Iterable<LogEntry> {
  readonly header: LogHeader
  readonly #decoder = new LogDecoder()
  readonly #items: Generator<LogItem, void, void>
  readonly #entries: Generator<LogEntry, void, void>
  #opening: (() => LogItem | undefined) | undefined
  #checkpoint: Checkpoint | undefined
  #ending: LogEnding | undefined
  #torn: LogTruncatedError | undefined

  /**
   * Reads up to the header.
   * @throws LogFileError when the file cannot be opened
   * @throws NotALogError, LogVersionError, LogTruncatedError, LogCorruptError when there is no header to read
   */
  constructor(source: LogSource) {
    this.#items = this.#itemsOf(chunksOf(source), pathOf(source))
    const first = this.#items.next().value
    if (first?.kind !== 'header') throw this.#torn ?? new Error('the decoder gave no header')
    this.header = first.header
    this.#entries = this.#entriesOf()
  }

  /**
   * Where the run stood when the log begins; undefined where it begins with the run. Checkpoints further on say nothing
   * that the log does not, and are passed over.
   */
  get checkpoint(): Checkpoint | undefined {
    this.#open()
    return this.#checkpoint
  }

  /** How the log ends; known when it has been read to its end. */
  get ending(): LogEnding | undefined {
    return this.#ending
  }

  /** Where the log is torn, if it is; known when it has been read to its end. */
  get torn(): LogTruncatedError | undefined {
    return this.#torn
  }

  /** The block that is being read, or the one at which reading failed. */
  get place(): LogPlace {
    return this.#decoder.place
  }

  /** @throws LogCorruptError, LogVersionError after the entries that stand before the fault */
  [Symbol.iterator](): Iterator<LogEntry, void, void> {
    return this.#entries
  }

  /** Closes the file; not needed once the log is read to its end. */
  close(): void {
    this.#entries.return()
    this.#items.return()
  }

  /** Reads what follows the header, once; what is wrong there is thrown to whoever takes it. */
  #open(): () => LogItem | undefined {
    if (this.#opening !== undefined) return this.#opening
    try {
      const item = this.#items.next().value ?? undefined
      if (item?.kind === 'checkpoint') this.#checkpoint = item.checkpoint
      return this.#opening = () => item
    } catch (error) {
      return this.#opening = () => { throw error }
    }
  }

  *#entriesOf(): Generator<LogEntry, void, void> {
    try {
      for (let item = this.#open()(); item !== undefined; item = this.#items.next().value ?? undefined) {
        if (item.kind !== 'checkpoint' && item.kind !== 'header') yield item
      }
    } finally {
      this.#items.return()
    }
  }

  *#itemsOf(chunks: Iterable<Uint8Array>, path: string | undefined) {
    try {
      for (const chunk of chunks) yield* this.#decoder.push(chunk)
      const { ending, torn } = this.#decoder.end()
      this.#ending = ending
      this.#torn = torn
      if (torn !== undefined) torn.path = path
    } catch (error) {
      if (error instanceof UnreadableLogError) error.path = path
      throw error
    }
  }
}

/**
 * Opens a log.
 * @throws LogFileError when the file cannot be opened
 * @throws NotALogError, LogVersionError, LogTruncatedError, LogCorruptError when its header cannot be read
 */
export function readLog(source: LogSource): LogReader {
  return new LogReader(source)
}

function pathOf(source: LogSource): string | undefined {
  return typeof source === 'string' ? source : source instanceof URL ? fileURLToPath(source) : undefined
}

function chunksOf(source: LogSource): Iterable<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL) return fileChunks(pathOf(source)!)
  return source instanceof Uint8Array ? [source] : source
}

function* fileChunks(path: string): Generator<Uint8Array, void, void> {
  let fd
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
  try {
    // A short log needs little: memory that it does not use would be collected all the same.
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(CHUNK_BYTES_MIN, fstatSync(fd).size)))
    for (;;) {
      let read
      try {
        read = readSync(fd, chunk)
      } catch (error) {
        throw unreadable(path, error)
      }
      if (read === 0) return
      yield chunk.subarray(0, read)
    }
  } finally {
    closeSync(fd)
  }
}

function unreadable(path: string, error: unknown): LogFileError {
  const { code, message } = error as NodeJS.ErrnoException
  const problem = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a directory' : `cannot be read: ${message}`
  return new LogFileError(path, problem, { cause: error })
}
