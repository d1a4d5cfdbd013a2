/** The part of the kernel that a clock drives. */
export interface DrivenCore {
  advanceTo(time: number): void
  nextDue(): number | undefined
}

/** Where wall time comes from; replaced by tests. */
export interface WallClock {
  /** Milliseconds on a monotonic scale. */
  now(): number
  setTimer(callback: () => void, ms: number): unknown
  clearTimer(timer: unknown): void
}

export const systemClock: WallClock = {
  now: () => performance.now(),
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: timer => clearTimeout(timer as NodeJS.Timeout)
}

/**
 * Timers that are later than this were not late by load: the process did not run (suspend, SIGSTOP,
 * a blocked event loop). In milliseconds.
 */
export const LATE_MS_MAX = 1_000

/** Longest time that an OS timer takes, in milliseconds. */
const TIMER_MS_MAX = 0x7fff_ffff

/**
 * Drives a core by the machine's monotonic clock. Logical time is whole milliseconds since start().
 *
 * Time in which the process did not run is not the peer's time: after a gap, logical time goes on
 * just before the first timer that it missed, so that what arrived meanwhile is read first and no
 * link is declared dead for a silence that nobody could have heard. Timers always fire in order.
 *
 * One OS timer wakes the core. It keeps the process alive from start() to stop(), even where no
 * timer is due.
 */
export class LiveClock {
  readonly #core: DrivenCore
  readonly #wall: WallClock
  /** Wall time of logical zero; grows by every gap. */
  #zero = 0
  #last = 0
  #timer: unknown
  #armedFor = Infinity
  #inside = false
  #running = false

  constructor(core: DrivenCore, wall: WallClock = systemClock) {
    this.#core = core
    this.#wall = wall
  }

  get running(): boolean {
    return this.#running
  }

  /** Sets logical zero to now and runs `work` there. */
  start(work: () => void): void {
    this.#zero = this.#wall.now()
    this.#running = true
    this.#guarded(work)
  }

  /**
   * Runs `work` on the core with its clock at now. Called from within the core's own run (a driver
   * that answers at once, a host's subscriber) it runs at once, at the core's present time.
   */
  enter<T>(work: () => T): T {
    if (this.#inside) return work()
    return this.#guarded(() => {
      this.#core.advanceTo(this.#now())
      return work()
    })
  }

  stop(): void {
    this.#running = false
    this.#disarm()
  }

  #guarded<T>(work: () => T): T {
    this.#inside = true
    try {
      return work()
    } finally {
      this.#inside = false
      this.#arm()
    }
  }

  #now(): number {
    let now = Math.max(this.#last, Math.floor(this.#wall.now() - this.#zero))
    const due = this.#core.nextDue()
    if (due !== undefined && now - due > LATE_MS_MAX) {
      const resumed = Math.max(this.#last, due - 1)
      this.#zero += now - resumed
      now = resumed
    }
    this.#last = now
    return now
  }

  #arm(): void {
    if (!this.#running) return
    const due = this.#core.nextDue() ?? Infinity
    if (this.#timer !== undefined && due >= this.#armedFor) return
    this.#disarm()
    // Rounded up: a timer that fires a fraction early would find nothing due.
    const wait = Math.ceil(due + this.#zero - this.#wall.now())
    this.#armedFor = due
    this.#timer = this.#wall.setTimer(() => {
      this.#timer = undefined
      this.#armedFor = Infinity
      this.enter(() => {})
    }, Math.min(Math.max(wait, 1), TIMER_MS_MAX))
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#wall.clearTimer(this.#timer)
    this.#timer = undefined
    this.#armedFor = Infinity
  }
}
