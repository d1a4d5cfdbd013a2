import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { serviceKey } from '../seam/index.ts'
import { TransferError } from './failure.ts'
import { isPart } from './leftovers.ts'

/** Room in the inboxes of a peer: what lies there, and what was promised to transfers that run. */
export class InboxQuota {
  readonly #promised = new Map<string, number>()
  // One question after the other, so that two do not take the same room.
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * Promises room for a file of so many bytes. Folders in the inbox, which no transfer makes, do not count.
   * @returns what gives the room back, once the file has landed or failed
   * @throws TransferError `inbox-full` where it would be more than `maxBytes` in all
   */
  take(inbox: string, bytes: number, maxBytes: number): Promise<() => void> {
    const taken = this.#turn.then(async () => {
      const promised = this.#promised.get(inbox) ?? 0
      if (await landed(inbox) + promised + bytes > maxBytes) throw new TransferError('inbox-full', `the receiver's inbox holds up to ${maxBytes} bytes in all`)
      this.#add(inbox, bytes)
      let open = true
      return () => {
        if (open) this.#add(inbox, -bytes)
        open = false
      }
    })
    this.#turn = taken.catch(() => undefined)
    return taken
  }

  #add(inbox: string, bytes: number): void {
    const promised = (this.#promised.get(inbox) ?? 0) + bytes
    if (promised > 0) this.#promised.set(inbox, promised)
    else this.#promised.delete(inbox)
  }
}

async function landed(inbox: string): Promise<number> {
  let bytes = 0
  for await (const entry of await opendir(inbox)) {
    // Those on their way are promised for.
    if (!entry.isFile() || isPart(entry.name)) continue
    bytes += await stat(join(inbox, entry.name)).then(({ size }) => size, () => 0)
  }
  return bytes
}

export const InboxQuotas = serviceKey('inbox-quotas', () => new InboxQuota())
