import { constants } from 'node:fs'
import { link, open, unlink, type FileHandle } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** Longest file name taken, in bytes: what ext4, APFS and NTFS allow, less room for ` (999)` and `.part`. */
const nameBytes = 200

/**
 * The name under which an offered file lands: no path, no control characters, no leading dot and
 * nothing that another system reserves.
 */
export function safeName(offered: string): string {
  // oxlint-disable-next-line no-control-regex
  let name = offered.replace(/^.*[\\/]/s, '').replace(/[\u0000-\u001f\u007f<>:"|?*]/g, '_').replace(/^\.+/, '').replace(/[. ]+$/, '')
  if (/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)) name = `_${name}`
  while (Buffer.byteLength(name) > nameBytes) name = [...name].slice(0, -1).join('')
  return name === '' ? 'file' : name
}

/** A file on its way into the inbox, invisible under its final name until it is whole. */
export interface Part {
  readonly path: string
  readonly file: FileHandle
}

export async function createPart(inbox: string, transferId: string): Promise<Part> {
  const path = join(inbox, `.p2pnet-${transferId}.part`)
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
      await link(part.path, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && copy < 999) continue
      throw error
    }
    await unlink(part.path)
    return path
  }
}
