import { constants } from 'node:fs'
import { link, open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { partName } from './leftovers.ts'

/** Copies of one name that are told apart by a number; more are somebody's mischief. */
const COPIES_MAX = 999

/** A file on its way into the inbox, invisible under its final name until it is whole. */
export interface Part {
  readonly path: string
  readonly file: FileHandle
}

/** @param id of the transfer; letters, digits and hyphens */
export async function createPart(inbox: string, id: string): Promise<Part> {
  const path = join(inbox, partName(id))
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)
  return { path, file: await open(path, flags, 0o600) }
}

/** Gives the finished part its name, or `name (1).ext` and so on where that is taken; never overwrites. */
export async function land(part: Part, inbox: string, name: string): Promise<string> {
  await part.file.sync()
  const extension = extname(name)
  const stem = name.slice(0, name.length - extension.length)
  for (let copy = 0; ; copy++) {
    const path = join(inbox, copy === 0 ? name : `${stem} (${copy})${extension}`)
    try {
      await take(part.path, path)
      return path
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || copy >= COPIES_MAX) throw error
    }
  }
}

const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Moves a file to a name that is free. @throws EEXIST where it is not */
async function take(from: string, to: string): Promise<void> {
  try {
    // A link, unlike a rename, does not replace what another process has just put there.
    await link(from, to)
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    // FAT and some network disks have no links: reserve the name, then replace the reservation.
    await (await open(to, 'wx', 0o600)).close()
    await rename(from, to)
    return
  }
  await unlink(from)
}
