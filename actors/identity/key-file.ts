import { randomBytes } from 'node:crypto'
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, linkSync, lstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../shared/make-folder.ts'
import { generateIdentity, identityFromPem, NotAnIdentityError, type Identity } from './identity.ts'

/** Thrown when others could read or replace the key file; the message says what to run. */
export class IdentityPermissionError extends Error {
  override name = 'IdentityPermissionError'
}

/** Thrown when the key file holds no identity. It is never overwritten. */
export class IdentityDamagedError extends Error {
  override name = 'IdentityDamagedError'
}

/** Thrown when the key file can be neither read nor made; `code` is the system's. */
export class IdentityFileError extends Error {
  override name = 'IdentityFileError'
  readonly code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

// Ours have 180 bytes.
const MAX_BYTES = 4096
// Windows has no such bits; there the folder's access list, which the profile sets, guards the file.
const posix = process.platform !== 'win32'

/** The file that holds the identity of a data folder. */
export function identityFile(folder: string): string {
  return join(folder, 'identity.key')
}

/**
 * The identity of a data folder: PKCS#8 PEM below a line with the PeerId, in `identity.key`, mode 0600, made when it is not there. Processes
 * that start together all get the same one, and a crash leaves a whole key or none.
 * @throws IdentityPermissionError when others may read the file, another user owns it, or it is no plain file
 * @throws IdentityDamagedError when it holds no Ed25519 key
 * @throws IdentityFileError when it can be neither read nor made
 */
export function loadOrCreateIdentity(folder: string): Identity {
  return loadIdentity(folder) ?? createIdentity(folder)
}

/** As {@link loadOrCreateIdentity}, but undefined where there is none. */
export function loadIdentity(folder: string): Identity | undefined {
  const file = identityFile(folder)
  let handle: number
  try {
    // Not blocking, so that a named pipe in its place does not hang us.
    handle = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
    if (!posix) refuseLink(file, lstatSync(file).isSymbolicLink())
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return undefined
    // FreeBSD answers EMLINK.
    refuseLink(file, code === 'ELOOP' || code === 'EMLINK')
    if (error instanceof IdentityPermissionError) throw error
    throw new IdentityFileError(`cannot read ${file} (${code}): give its owner access, or choose another folder with --data`, code)
  }
  try {
    checkFile(file, handle)
    return read(file, readFileSync(handle, 'utf8'))
  } catch (error) {
    if (error instanceof NotAnIdentityError) throw damaged(file, error.message)
    throw error
  } finally {
    closeSync(handle)
  }
}

// PKCS#8 has no checksum, so that a damaged key could pass as another one; the line above it tells
// (RFC 7468, 5.2 allows such text). A key without the line, made by another tool, is taken as it is.
function written(identity: Identity): string {
  return `PeerId: ${identity.peerId}\n${identity.privateKeyPem()}`
}

function read(file: string, text: string): Identity {
  const identity = identityFromPem(text)
  const told = /^PeerId: (.*)$/m.exec(text)?.[1]
  if (told !== undefined && told !== identity.peerId) throw damaged(file, `its key is not that of ${told}`)
  return identity
}

function refuseLink(file: string, isLink: boolean): void {
  if (isLink) throw new IdentityPermissionError(`${file} is a symbolic link: put the key file itself there`)
}

function checkFile(file: string, handle: number): void {
  const stat = fstatSync(handle)
  if (!stat.isFile()) throw new IdentityPermissionError(`${file} is not a plain file: move it away`)
  if (posix) {
    const user = process.geteuid?.()
    if (stat.uid !== user) {
      throw new IdentityPermissionError(`${file} belongs to user ${stat.uid}, not to user ${user} who runs this: run \`chown ${user} '${file}'\`, or run as its owner`)
    }
    if ((stat.mode & 0o077) !== 0) {
      throw new IdentityPermissionError(`${file} has mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')}, so that others may use this identity: run \`chmod 600 '${file}'\``)
    }
  }
  if (stat.size > MAX_BYTES) throw damaged(file, `${stat.size} bytes, too long for a key`)
}

function damaged(file: string, why: string): IdentityDamagedError {
  return new IdentityDamagedError(`${file} does not hold an identity (${why}): restore it from a backup, or move it away for a new one, under which this peer gets a new PeerId`)
}

function createIdentity(folder: string): Identity {
  const file = identityFile(folder)
  const made = generateIdentity()
  const temporary = join(folder, `.identity.${randomBytes(8).toString('hex')}.tmp`)
  try {
    makeFolder(folder)
    try {
      writeWhole(temporary, written(made))
      // A link, unlike a rename, does not replace what another process has just put there.
      linkSync(temporary, file)
    } finally {
      tryUnlink(temporary)
    }
    syncFolder(folder)
    return made
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') {
      const other = loadIdentity(folder)
      if (other !== undefined) return other
    }
    throw new IdentityFileError(`cannot make ${file} (${code}): choose a folder that you may write to, on a disk with file permissions, with --data`, code)
  }
}

function writeWhole(file: string, text: string): void {
  const handle = openSync(file, 'wx', 0o600)
  try {
    if (posix) fchmodSync(handle, 0o600)
    writeFileSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function tryUnlink(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function syncFolder(folder: string): void {
  if (!posix) return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
