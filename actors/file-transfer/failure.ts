import { FileFailed } from '../../proto/index.ts'

/** A transfer that cannot go on, with its code from docs/codes.md. */
export class TransferError extends Error {
  override name = 'TransferError'
  readonly code: string

  constructor(code: string, reason: string) {
    super(reason)
    this.code = code
  }
}

const codes: Record<string, readonly [code: string, reason: string]> = {
  ENOENT: ['no-file', 'there is no such file'],
  EACCES: ['no-access', 'the file or folder may not be opened: check its permissions'],
  EPERM: ['no-access', 'the file or folder may not be opened: check its permissions'],
  ENOSPC: ['disk-full', 'the disk is full'],
  EDQUOT: ['disk-full', 'the disk quota is used up'],
  ELOOP: ['no-file', 'the path is a symbolic link that leads nowhere']
}

/** The message that tells the machine why its driver failed. */
export function failure(error: unknown): FileFailed {
  if (error instanceof TransferError) return new FileFailed({ code: error.code, reason: error.message })
  const known = codes[(error as NodeJS.ErrnoException).code ?? '']
  if (known) return new FileFailed({ code: known[0], reason: known[1] })
  return new FileFailed({ code: 'file-error', reason: error instanceof Error ? error.message : String(error) })
}
