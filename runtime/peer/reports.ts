import { DeadLetter, DriverCount, DriverCounts, type Message } from '../../proto/index.ts'

/** How often a report about the same thing goes out at most, in milliseconds. */
export const REPORT_EVERY_MS = 1_000

export type Feed = (body: Message, address: { from: string; to?: string; cause?: number }) => void

interface Letters { type: string; from: string; to: string; reason: string; count: number }

/**
 * Sums up what drivers dropped and what links could not take, so that a flood reaches the core, and
 * the log, as one message a second.
 */
export class Reports {
  readonly #feed: Feed
  readonly #everyMs: number
  readonly #counts = new Map<string, Map<string, number>>()
  readonly #letters = new Map<string, Letters>()
  #timer: NodeJS.Timeout | undefined
  #deadLetters = 0

  constructor(feed: Feed, everyMs = REPORT_EVERY_MS) {
    this.#feed = feed
    this.#everyMs = everyMs
  }

  /** Since the start, those that were summed up too. */
  get deadLetters(): number {
    return this.#deadLetters
  }

  count(driver: string, name: string, by: number): void {
    let counts = this.#counts.get(driver)
    if (counts === undefined) this.#counts.set(driver, counts = new Map())
    counts.set(name, (counts.get(name) ?? 0) + by)
    this.#arm()
  }

  /** The first of its kind goes out at once, the others within a second are summed up. */
  deadLetter(type: string, from: string, to: string, reason: string, cause: number): void {
    this.#deadLetters++
    const key = `${type} ${reason}`
    const letters = this.#letters.get(key)
    if (letters !== undefined) {
      letters.count++
      return
    }
    this.#letters.set(key, { type, from, to, reason, count: 0 })
    this.#feed(new DeadLetter({ type, from, to, reason, count: 1 }), { from: 'host', cause })
    this.#arm()
  }

  /** Drops what a driver counted: it is gone. */
  forget(driver: string): void {
    this.#counts.delete(driver)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#counts.clear()
    this.#letters.clear()
  }

  #arm(): void {
    // Not worth a process's life.
    this.#timer ??= setTimeout(() => this.#flush(), this.#everyMs).unref()
  }

  #flush(): void {
    this.#timer = undefined
    const counts = [...this.#counts]
    const letters = [...this.#letters]
    this.#counts.clear()
    this.#letters.clear()
    for (const [driver, byName] of counts) {
      const entries = [...byName].map(([name, count]) => new DriverCount({ name, count }))
      this.#feed(new DriverCounts({ counts: entries }), { from: driver })
    }
    for (const [key, letter] of letters) {
      if (letter.count === 0) continue
      // Stays known, so that the next one is summed up too.
      this.#letters.set(key, { ...letter, count: 0 })
      this.#feed(new DeadLetter(letter), { from: 'host' })
      this.#arm()
    }
  }
}
