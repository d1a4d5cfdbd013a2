import { open } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
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
 * The items of a log while it is written: the header, then the entries that are there, then each as it comes. Ends with
 * the log's last record, when the signal is given, and when the file is removed or replaced and read to its end.
 * @throws LogFileError when the file cannot be opened
 * @throws NotALogError, LogVersionError, LogCorruptError after the items that stand before the fault
 */
export async function* followLog(path: string, { signal, pollMs = 200 }: FollowOptions = {}): AsyncGenerator<LogItem, void, void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new LogFileError(path, error.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${error.message}`, { cause: error })
  })
  try {
    const decoder = new LogDecoder()
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    for (;;) {
      if (signal?.aborted) return
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES)
      if (bytesRead === 0) {
        if ((await file.stat()).nlink === 0) return
        await wait(pollMs, undefined, { signal }).catch(() => {})
        continue
      }
      for (const item of decoder.push(chunk.subarray(0, bytesRead))) {
        yield item
        if (item.kind === 'stopped' || signal?.aborted) return
      }
    }
  } finally {
    await file.close()
  }
}
