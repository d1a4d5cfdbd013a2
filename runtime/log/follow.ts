import type { Stats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { LogHeader } from '../../proto/index.ts'
import { LogDecoder } from './decode.ts'
import { LogFileError } from './errors.ts'
import type { LogItem } from './format.ts'

/** Read at a time, in bytes. */
const CHUNK_BYTES = 256 * 1024

export interface FollowOptions {
  /** Ends it, without an error. */
  readonly signal?: AbortSignal
  /** How often the file is looked at once it has been read to its end, in milliseconds. @default 200 */
  readonly pollMs?: number
}

/**
 * The items of a log while it is written: the header, then the entries that are there, then each as it comes. Where the
 * file's place is taken by a later part of the same log, as `--keep` does, it goes on there: each entry comes once. A
 * checkpoint is given where the log begins with one, and where what came before it was dropped unread.
 *
 * Ends with the log's last record, when the signal is given, and when the file is removed, or replaced by another log,
 * and read to its end.
 * @throws LogFileError when the file cannot be opened
 * @throws NotALogError, LogVersionError, LogCorruptError after the items that stand before the fault
 */
export async function* followLog(path: string, { signal, pollMs = 200 }: FollowOptions = {}): AsyncGenerator<LogItem, void, void> {
  let file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new LogFileError(path, error.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${error.message}`, { cause: error })
  })
  try {
    const sieve = new Sieve()
    let decoder = new LogDecoder()
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    for (;;) {
      if (signal?.aborted) return
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES)
      if (bytesRead === 0) {
        // Whatever was written here before it was replaced stands in its successor.
        const own = await file.stat()
        const next = await successor(path, own)
        if (next !== undefined) {
          await file.close()
          file = next
          decoder = new LogDecoder()
          sieve.again()
          continue
        }
        if (own.nlink === 0) return
        await wait(pollMs, undefined, { signal }).catch(() => {})
        continue
      }
      for (const item of decoder.push(chunk.subarray(0, bytesRead))) {
        if (sieve.isOther(item)) return
        if (!sieve.passes(item)) continue
        yield item
        if (item.kind === 'stopped' || signal?.aborted) return
      }
    }
  } finally {
    await file.close()
  }
}

/** What has taken the place of the file, opened. */
async function successor(path: string, own: Stats): Promise<FileHandle | undefined> {
  const there = await stat(path).catch(() => undefined)
  if (there === undefined || (there.ino === own.ino && there.dev === own.dev)) return undefined
  return open(path, 'r').catch(() => undefined)
}

/** Lets each item through once, of however many files that are parts of one log. */
class Sieve {
  #header: Uint8Array | undefined
  #seq = 0
  /** The next item is where the file begins. */
  #opening = false
  /** It took the place of another. */
  #later = false

  again(): void {
    this.#opening = false
    this.#later = true
  }

  /** The file is no part of the same log. */
  isOther(item: LogItem): boolean {
    if (!this.#later || item.kind !== 'header') return false
    return Buffer.compare(LogHeader.encode(item.header).finish(), this.#header ?? new Uint8Array()) !== 0
  }

  passes(item: LogItem): boolean {
    if (item.kind === 'header') {
      this.#opening = true
      if (this.#later) return false
      this.#header = LogHeader.encode(item.header).finish()
      return true
    }
    const opening = this.#opening
    this.#opening = false
    if (item.kind === 'stopped') return true
    const { seq } = item.kind === 'checkpoint' ? item.checkpoint : item.envelope
    // A log may begin at a checkpoint of message 0.
    const fresh = seq > this.#seq || (opening && !this.#later)
    this.#seq = Math.max(this.#seq, seq)
    return fresh && (item.kind !== 'checkpoint' || opening)
  }
}
