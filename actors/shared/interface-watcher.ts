import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { serviceKey } from '../seam/index.ts'

type Found = NodeJS.Dict<readonly NetworkInterfaceInfo[]>

/**
 * Reads the machine's interfaces ever and again: Node is not told when they change. Shared by the
 * drivers of a peer; it runs while somebody listens.
 */
export class InterfaceWatcher {
  readonly #read: () => Found
  readonly #listeners = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #found: Found = {}

  constructor(read: () => Found = networkInterfaces) {
    this.#read = read
  }

  /** As last read. */
  get found(): Found {
    return this.#found
  }

  /** As they are now, for who needs them once. */
  read(): Found {
    this.#refresh()
    return this.#found
  }

  /**
   * Calls the listener after every reading, changed or not, so that what failed is tried again.
   * @param everyMs milliseconds between readings; the first who listens decides
   * @returns ends it
   */
  listen(listener: () => void, everyMs: number): () => void {
    this.#listeners.add(listener)
    if (this.#timer === undefined) {
      this.#refresh()
      this.#timer = setInterval(() => {
        this.#refresh()
        for (const each of this.#listeners) each()
      }, everyMs)
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #refresh(): void {
    try {
      this.#found = this.#read()
    } catch {
      // Out of descriptors, or not allowed to ask: what was known is the best guess.
    }
  }
}

export const Interfaces = serviceKey<InterfaceWatcher>('interfaces', () => new InterfaceWatcher())
