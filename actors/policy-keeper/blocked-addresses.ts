import { blocklistOf, blocksHost, blocksNobody, type Blocklist } from '../../machines/blocklist.ts'
import { serviceKey } from '../seam/index.ts'

/** The addresses that the policy blocks, as drivers ask for them: before anything is read of whoever is there. */
export class AddressGuard {
  #list: Blocklist = blocksNobody
  #entries: readonly string[] = []
  readonly #listeners = new Set<() => void>()

  follow(entries: readonly string[]): void {
    this.#entries = entries
    this.#list = blocklistOf(entries)
    for (const listener of this.#listeners) listener()
  }

  /** Calls the listener after every change of the list. @returns ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  blocks(host: string): boolean {
    return blocksHost(this.#list, host)
  }

  /** The entry of the policy that blocks it, as a person wrote it; reads them one after the other. */
  entryFor(host: string): string | undefined {
    return this.#entries.find(entry => blocksHost(blocklistOf([entry]), host))
  }
}

export const BlockedAddresses = serviceKey('blocked-addresses', () => new AddressGuard())
