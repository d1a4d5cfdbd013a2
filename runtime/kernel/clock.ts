import { ClockBackwardsError, ClockBusyError, TimerLimitError, TimerStormError } from './errors.ts'
import { defaultLimits, type Limits } from './limits.ts'

/** A pending timer as a checkpoint names it. */
export interface PendingTimer {
  /** Logical milliseconds. */
  readonly due: number
  /** Order of arming; breaks ties of `due`. */
  readonly seq: number
  /** Address of the actor that armed it, or `system`. */
  readonly owner: string
}

/** A timer; opaque to those who arm and clear it. */
export interface Timer extends PendingTimer {
  /** @internal the event that it will bring, where an actor armed it */
  readonly delayed: Delayed | undefined
  /** @internal place in the heap, -1 when it is not in it */
  index: number
  /** @internal */
  fn: () => void
}

/** A delayed event of a machine. */
export interface Delayed {
  readonly event: object
  /** Under which the machine can cancel it. */
  readonly id: string | undefined
  /** The machine's own, not that of an actor inside it. */
  readonly own: boolean
}

/** Calls what is due; the kernel drains the bus around it. */
export type Fire = (fn: () => void, timer: PendingTimer) => void

const call: Fire = fn => fn()

/**
 * The driven clock: a binary heap of timers ordered by (due, seq). Time is integer logical milliseconds
 * from 0 and moves only by {@link HeapClock.advanceTo}. Arming and clearing are O(log n); a cleared timer
 * leaves nothing behind.
 */
export class HeapClock {
  readonly #heap: Timer[] = []
  readonly #limits: Pick<Limits, 'maxTimers' | 'maxTimersPerInstant'>
  #now = 0
  #armed = 0
  #advancing = false
  #halted = false

  constructor(limits: Pick<Limits, 'maxTimers' | 'maxTimersPerInstant'> = defaultLimits) {
    this.#limits = limits
  }

  now(): number {
    return this.#now
  }

  /** Pending timers. */
  get size(): number {
    return this.#heap.length
  }

  /** When the next timer is due, in logical milliseconds; undefined when none is pending. */
  nextDue(): number | undefined {
    return this.#heap[0]?.due
  }

  /** Every pending timer in the order in which they will fire. */
  pending(): PendingTimer[] {
    return this.#heap.map(({ due, seq, owner }) => ({ due, seq, owner })).sort((a, b) => a.due - b.due || a.seq - b.seq)
  }

  /** @internal every pending timer in the order in which they were armed */
  armed(): Timer[] {
    return [...this.#heap].sort((a, b) => a.seq - b.seq)
  }

  /**
   * Sets a clock that was not used yet to a time.
   * @internal
   */
  resume(time: number): void {
    this.#now = time
  }

  /** @internal fires nothing more, from inside a timer too */
  halt(): void {
    this.#halted = true
  }

  /**
   * Arms a timer.
   * @param delay milliseconds; rounded up to whole ones, below 0 and NaN count as 0
   * @throws TimerLimitError when limits.maxTimers are pending
   */
  setTimeout(fn: () => void, delay: number, owner = 'system', delayed?: Delayed): Timer {
    if (this.#heap.length >= this.#limits.maxTimers) throw new TimerLimitError(this.#limits.maxTimers)
    const whole = delay > 0 ? Math.ceil(delay) : 0
    const due = Math.min(this.#now + whole, Number.MAX_SAFE_INTEGER)
    const timer: Timer = { due, seq: ++this.#armed, owner, delayed, index: this.#heap.length, fn }
    this.#heap.push(timer)
    this.#up(timer)
    return timer
  }

  /** Clears a timer; one that has fired or was cleared is left alone. */
  clearTimeout(timer: Timer | undefined): void {
    if (timer === undefined || timer.index < 0 || this.#heap[timer.index] !== timer) return
    this.#remove(timer)
  }

  /**
   * Fires every timer due until `time`, those armed meanwhile too, in order of (due, seq), with now() at
   * each one's own due time; then now() is `time`.
   * @throws RangeError for a time that is not a whole number of milliseconds
   * @throws ClockBackwardsError for a time before now()
   * @throws ClockBusyError from inside a timer
   * @throws TimerStormError before more than limits.maxTimersPerInstant fire at one instant; the advance
   *   can be called again once the owner's timers are cleared
   */
  advanceTo(time: number, fire: Fire = call): void {
    if (!Number.isSafeInteger(time)) throw new RangeError(`time ${time} is not a whole number of milliseconds`)
    if (time < this.#now) throw new ClockBackwardsError(this.#now, time)
    if (this.#advancing) throw new ClockBusyError()
    this.#advancing = true
    try {
      let fired = 0
      for (let timer = this.#heap[0]; timer !== undefined && timer.due <= time && !this.#halted; timer = this.#heap[0]) {
        if (timer.due > this.#now) {
          this.#now = timer.due
          fired = 0
        }
        if (++fired > this.#limits.maxTimersPerInstant) {
          throw new TimerStormError(timer.owner, this.#limits.maxTimersPerInstant, this.#now)
        }
        this.#remove(timer)
        fire(timer.fn, timer)
      }
      this.#now = time
    } finally {
      this.#advancing = false
    }
  }

  /** A clock for one actor; XState's `Clock`. */
  ownedBy(owner: string, run?: (fn: () => void) => void): OwnedClock {
    return new OwnedClock(this, owner, run)
  }

  #remove(timer: Timer): void {
    const heap = this.#heap
    const last = heap.pop() as Timer
    if (last !== timer) {
      last.index = timer.index
      heap[last.index] = last
      this.#up(last)
      this.#down(last)
    }
    timer.index = -1
  }

  #up(timer: Timer): void {
    const heap = this.#heap
    let index = timer.index
    while (index > 0) {
      const above = heap[(index - 1) >> 1] as Timer
      if (!before(timer, above)) break
      heap[index] = above
      const next = above.index
      above.index = index
      index = next
    }
    heap[index] = timer
    timer.index = index
  }

  #down(timer: Timer): void {
    const heap = this.#heap
    let index = timer.index
    for (;;) {
      const left = 2 * index + 1
      if (left >= heap.length) break
      const right = left + 1
      const child = right < heap.length && before(heap[right] as Timer, heap[left] as Timer) ? right : left
      const below = heap[child] as Timer
      if (!before(below, timer)) break
      heap[index] = below
      below.index = index
      index = child
    }
    heap[index] = timer
    timer.index = index
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.seq < b.seq)
}

/** One actor's view of the clock: names it on every timer, and clears them all when it stops. */
export class OwnedClock {
  readonly #clock: HeapClock
  readonly #owner: string
  readonly #run: ((fn: () => void) => void) | undefined
  /** What the next timer is for. */
  #delayed: Delayed | undefined
  #keeping = false
  // Made with the first timer: most actors have none most of the time.
  #timers: Set<Timer> | undefined
  #disposed = false

  constructor(clock: HeapClock, owner: string, run?: (fn: () => void) => void) {
    this.#clock = clock
    this.#owner = owner
    this.#run = run
  }

  now(): number {
    return this.#clock.now()
  }

  setTimeout(fn: () => void, delay: number): Timer | undefined {
    if (this.#disposed) return undefined
    const timer: Timer = this.#clock.setTimeout(() => {
      this.#timers?.delete(timer)
      if (this.#run === undefined) fn()
      else this.#run(fn)
    }, delay, this.#owner, this.#delayed)
    this.#timers ??= new Set()
    this.#timers.add(timer)
    return timer
  }

  /** Runs what arms one timer, which is for this event. */
  arming(delayed: Delayed, work: () => void): void {
    this.#delayed = delayed
    try {
      work()
    } finally {
      this.#delayed = undefined
    }
  }

  /** Runs what clears timers, and keeps them. */
  keeping(work: () => void): void {
    this.#keeping = true
    try {
      work()
    } finally {
      this.#keeping = false
    }
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer === undefined || this.#keeping) return
    this.#timers?.delete(timer)
    this.#clock.clearTimeout(timer)
  }

  /** Clears every timer that it armed; it arms no more. */
  dispose(): void {
    this.#disposed = true
    if (this.#timers === undefined) return
    for (const timer of this.#timers) this.#clock.clearTimeout(timer)
    this.#timers = undefined
  }
}
