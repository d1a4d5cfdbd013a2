import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * When this life of a data folder's peer began, in milliseconds since the epoch: later than every
 * earlier one, also where the clock was set back meanwhile, so that others never take the newer life
 * for the older. Kept in `life` in the folder; where that cannot be written, the clock alone tells.
 */
export function beginLife(folder: string, now = Date.now()): number {
  const file = join(folder, 'life')
  const startedAt = Math.max(now, lastLife(file) + 1)
  const temporary = `${file}.${randomBytes(8).toString('hex')}.tmp`
  try {
    const descriptor = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(descriptor, `${startedAt}\n`)
      // Renamed before it is on the disk, it may be empty after a loss of power, and the next life pass for an older one.
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, file)
  } catch {
    // A folder that is read-only still holds an identity to run with.
  }
  return startedAt
}

function lastLife(file: string): number {
  try {
    const last = Number(readFileSync(file, 'utf8'))
    return Number.isSafeInteger(last) && last > 0 ? last : 0
  } catch {
    return 0
  }
}
