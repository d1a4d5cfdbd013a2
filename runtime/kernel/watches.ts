/** Who wants to know when which actor is gone. Watchers may be actors, drivers or the host program. */
export class Watches {
  readonly #watchers = new Map<string, Set<string>>()
  readonly #watched = new Map<string, Set<string>>()

  /** Pairs of watcher and watched. */
  get size(): number {
    let count = 0
    for (const watchers of this.#watchers.values()) count += watchers.size
    return count
  }

  /** Who is watched by whom, in the order in which they asked. */
  *entries(): Generator<readonly [watched: string, watchers: readonly string[]]> {
    for (const [watched, watchers] of this.#watchers) yield [watched, [...watchers]]
  }

  add(watcher: string, watched: string): void {
    put(this.#watchers, watched, watcher)
    put(this.#watched, watcher, watched)
  }

  delete(watcher: string, watched: string): void {
    drop(this.#watchers, watched, watcher)
    drop(this.#watched, watcher, watched)
  }

  /** Forgets the watches on an address and returns who had them, in the order in which they asked. */
  take(watched: string): string[] {
    const watchers = [...this.#watchers.get(watched) ?? []]
    for (const watcher of watchers) this.delete(watcher, watched)
    return watchers
  }

  /** Forgets everything that a watcher wanted to know. */
  forget(watcher: string): void {
    for (const watched of this.#watched.get(watcher) ?? []) this.delete(watcher, watched)
  }
}

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  let values = map.get(key)
  if (values === undefined) map.set(key, values = new Set())
  values.add(value)
}

function drop(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key)
  if (values?.delete(value) && values.size === 0) map.delete(key)
}
