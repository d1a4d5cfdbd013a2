import type { ActorCell, Ending } from './actor-cell.ts'
import type { HeapClock } from './clock.ts'

export interface StopperHost {
  readonly clock: HeapClock
  readonly stopTimeoutMs: number
  /** Sends Stop. */
  tell(cell: ActorCell, reason: string): void
  end(cell: ActorCell, ending: Ending): void
  /** Nothing is left. */
  stopped(): void
}

/**
 * Stops actors in order: children before parents, siblings side by side, and the peer's own actors one after
 * another, the last started first. One whose machine names Stop is told, and has its time to reach a final state.
 */
export class Stopper {
  readonly #host: StopperHost
  readonly #ready: ActorCell[] = []
  #roots: ActorCell[] | undefined
  #all: string | undefined
  #pumping = false

  constructor(host: StopperHost) {
    this.#host = host
  }

  /** The whole peer is stopping, or has stopped. */
  get stoppingAll(): boolean {
    return this.#all !== undefined
  }

  /** Begins to stop an actor and everything below it. */
  begin(cell: ActorCell, reason: string): void {
    for (const each of childrenFirst(cell)) {
      if (each.status === 'ending') each.ending = { reason, failed: each.ending?.failed ?? false }
      if (each.stopping !== undefined || each.status === 'ending') continue
      each.stopping = { reason, told: false, deadline: undefined }
      if (each.children.size === 0) this.#ready.push(each)
    }
  }

  /** Begins to stop everything. @param roots the peer's own actors, in the order in which they started */
  beginAll(roots: Iterable<ActorCell>, reason: string): void {
    if (this.#all !== undefined) return
    this.#all = reason
    this.#roots = [...roots]
  }

  /** An actor is gone. */
  removed(cell: ActorCell): void {
    const { parent } = cell
    if (parent?.stopping?.told === false && parent.children.size === 0) this.#ready.push(parent)
  }

  /** An actor's machine has ended: its time no longer runs. */
  ended(cell: ActorCell): void {
    if (cell.stopping === undefined) return
    this.#host.clock.clearTimeout(cell.stopping.deadline)
    cell.stopping.deadline = undefined
  }

  /** Gives an actor that was told its time to end. @param ms milliseconds */
  allow(cell: ActorCell, ms: number): void {
    if (cell.stopping === undefined) return
    cell.stopping.deadline = this.#host.clock.setTimeout(() => {
      this.#host.end(cell, { reason: 'did not stop in time', failed: false })
      this.pump()
    }, ms, `system stop ${cell.address}`)
  }

  /** Goes on with a stop of the whole peer. */
  resume(reason: string, roots: ActorCell[]): void {
    this.#all = reason
    this.#roots = roots
  }

  /** The stop of the whole peer, while it goes on. */
  get all(): { readonly reason: string; readonly roots: readonly ActorCell[] } | undefined {
    return this.#all === undefined ? undefined : { reason: this.#all, roots: (this.#roots ?? []).filter(({ status }) => status !== 'gone') }
  }

  /** Goes on with whoever's turn it is. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      do this.#tellReady()
      while (this.#nextRoot())
    } finally {
      this.#pumping = false
    }
  }

  #tellReady(): void {
    for (let cell = this.#ready.shift(); cell !== undefined; cell = this.#ready.shift()) {
      const { stopping } = cell
      if (stopping === undefined || stopping.told || cell.status === 'gone' || cell.status === 'ending') continue
      stopping.told = true
      if (cell.status === 'restarting' || !cell.kind.names('Stop')) {
        this.#host.end(cell, { reason: stopping.reason, failed: false })
        continue
      }
      this.#host.tell(cell, stopping.reason)
      this.allow(cell, this.#host.stopTimeoutMs)
    }
  }

  #nextRoot(): boolean {
    const roots = this.#roots
    if (roots === undefined || this.#all === undefined) return false
    for (let root = roots.at(-1); root !== undefined; root = roots.at(-1)) {
      if (root.status !== 'gone') {
        if (root.stopping !== undefined || root.status === 'ending') return false
        this.begin(root, this.#all)
        return true
      }
      roots.pop()
    }
    this.#roots = undefined
    this.#host.stopped()
    return false
  }
}

/** An actor and all below it: children before parents, the last started first. */
export function childrenFirst(cell: ActorCell): ActorCell[] {
  const order: ActorCell[] = []
  const left = [cell]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    order.push(next)
    for (const child of [...next.children].reverse()) left.push(child)
  }
  return order.reverse()
}
