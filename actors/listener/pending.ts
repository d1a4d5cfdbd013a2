export interface PendingLimits {
  readonly total: number
  readonly perSource: number
}

/**
 * Callers that are let in but not yet taken over. It never turns a caller away; instead a source at its
 * cap loses its oldest, and when all is full the source with most loses its oldest. So whoever holds
 * connections open only displaces itself, and an honest caller needs no luck.
 */
export class PendingCallers<T> {
  readonly #limits: PendingLimits
  readonly #evict: (caller: T) => void
  readonly #bySource = new Map<string, Set<T>>()
  #size = 0

  constructor(limits: PendingLimits, evict: (caller: T) => void) {
    this.#limits = limits
    this.#evict = evict
  }

  get size(): number {
    return this.#size
  }

  countOf(source: string): number {
    return this.#bySource.get(source)?.size ?? 0
  }

  add(source: string, caller: T): void {
    if (this.countOf(source) >= this.#limits.perSource) this.#loseOldest(source)
    else if (this.#size >= this.#limits.total) this.#loseOldest(this.#busiest())
    let callers = this.#bySource.get(source)
    if (callers === undefined) this.#bySource.set(source, (callers = new Set()))
    callers.add(caller)
    this.#size += 1
  }

  /** Does nothing where the caller is not there any more. */
  remove(source: string, caller: T): void {
    const callers = this.#bySource.get(source)
    if (callers === undefined || !callers.delete(caller)) return
    this.#size -= 1
    if (callers.size === 0) this.#bySource.delete(source)
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const callers of this.#bySource.values()) yield* callers
  }

  // At most `total` sources are there to look at, and only while all is full.
  #busiest(): string {
    let busiest = ''
    for (const source of this.#bySource.keys()) if (this.countOf(source) > this.countOf(busiest)) busiest = source
    return busiest
  }

  #loseOldest(source: string): void {
    const oldest = this.#bySource.get(source)?.values().next().value
    if (oldest === undefined) return
    this.remove(source, oldest)
    this.#evict(oldest)
  }
}
