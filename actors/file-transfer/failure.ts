import { FILE_CODES, type FileCode } from '../../machines/file-codes.ts'
import { FileFailed } from '../../proto/index.ts'
import { LinkError } from '../peer-connection/link-errors.ts'

/** A transfer that cannot go on, with its code from machines/file-codes.ts. */
export class TransferError extends Error {
  override name = 'TransferError'
  readonly code: FileCode

  constructor(code: FileCode, reason: string) {
    super(reason)
    this.code = code
  }
}

/** By the system's code. */
const CODES: Readonly<Record<string, FileCode>> = {
  ENOENT: 'no-file',
  ENOTDIR: 'no-file',
  ELOOP: 'no-file',
  ENXIO: 'no-file',
  EACCES: 'no-access',
  EPERM: 'no-access',
  EROFS: 'no-access',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EEXIST: 'name-taken'
}

/**
 * The message that tells the machine why its driver failed. The reason reaches the other peer, so it
 * holds no path of this machine.
 */
export function failure(error: unknown): FileFailed {
  if (error instanceof TransferError) return new FileFailed({ code: error.code, reason: error.message })
  const { code: system, name } = error as NodeJS.ErrnoException
  // A chunk that does not fit is no file that is too large.
  const code = error instanceof LinkError && error.code !== 'too-large' ? error.code : CODES[system ?? ''] ?? 'file-error'
  return new FileFailed({ code, reason: code === 'file-error' ? `the system answered ${system ?? name}` : FILE_CODES[code] })
}
