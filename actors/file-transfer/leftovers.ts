import { randomBytes } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** This process; in a container another one may have had its number before. */
const RUN = randomBytes(4).toString('hex')

const PART = /^\.p2pnet-.*-(\d{1,10})-([0-9a-f]{8})-[0-9a-f]{8}\.part$/

/** Name of a file on its way; it says whose it is. @param id of the transfer; letters, digits and hyphens */
export function partName(id: string): string {
  // The sender chose the id: two transfers, or one that was killed before, may have the same.
  return `.p2pnet-${id}-${process.pid}-${RUN}-${randomBytes(4).toString('hex')}.part`
}

/** Whether the name is of a file on its way. */
export function isPart(name: string): boolean {
  return PART.test(name)
}

/** Removes what processes that were killed have left on its way. An inbox that is shared by several machines is not for this. */
export async function sweep(inbox: string): Promise<void> {
  const names = await readdir(inbox).catch(() => [])
  for (const name of names) if (isAbandoned(name)) await unlink(join(inbox, name)).catch(() => undefined)
}

function isAbandoned(name: string): boolean {
  const [, pid, run] = PART.exec(name) ?? []
  if (pid === undefined || run === RUN) return false
  if (Number(pid) === process.pid) return true
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
