import { randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, lstatSync, openSync, readSync, renameSync, rmSync, type Stats } from 'node:fs'
import { LogFileError } from './errors.ts'
import { MAGIC } from './format.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0

/**
 * Makes an empty file for a log that only its owner can read (0600), and returns its descriptor. An
 * older log at the path is replaced whole: whoever has it open keeps it.
 * @throws LogFileError when the path leads to a symbolic link, to anything but a regular file, or to a
 *   file that is not a log
 */
export function createLogFile(path: string): number {
  const old = statOf(path)
  try {
    if (old === undefined) return openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    refuse(path, old)
    const fresh = `${path}.${randomBytes(6).toString('hex')}`
    const fd = openSync(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    fchmodSync(fd, 0o600)
    renameSync(fresh, path)
    return fd
  } catch (error) {
    if (error instanceof LogFileError) throw error
    throw new LogFileError(path, `cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Moves a log out of the way of a new one, in place of another that was moved there before; nothing happens where there is none.
 * @throws LogFileError when at either place is something else than a log
 */
export function moveLog(path: string, to: string): void {
  const [log, older] = [statOf(path), statOf(to)]
  if (log === undefined) return
  refuse(path, log)
  if (older !== undefined) refuse(to, older)
  try {
    renameSync(path, to)
  } catch (error) {
    throw new LogFileError(path, `cannot be moved to ${to}: ${(error as Error).message}`, { cause: error })
  }
}

/** Makes an empty file (0600) that is to take the place of another; what an earlier attempt left there is removed. */
export function createFresh(path: string): number {
  rmSync(path, { force: true })
  const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  fchmodSync(fd, 0o600)
  return fd
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LogFileError(path, `cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

function refuse(path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) throw new LogFileError(path, 'is a symbolic link: name the file itself')
  if (!stats.isFile()) throw new LogFileError(path, 'is not a regular file: name another one')
  if (stats.size > 0 && !isLog(path)) {
    throw new LogFileError(path, 'exists and is not a log: name another file, or remove this one')
  }
}

function isLog(path: string): boolean {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW)
  try {
    const head = Buffer.alloc(MAGIC.length)
    return readSync(fd, head, 0, head.length, 0) === head.length && head.equals(MAGIC)
  } finally {
    closeSync(fd)
  }
}
