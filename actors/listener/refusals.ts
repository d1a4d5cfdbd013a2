import type { Code } from '../../machines/codes.ts'
import { CallerRefused, Endpoint } from '../../proto/index.ts'
import { Seldom } from '../shared/seldom.ts'

/** Sources and codes that are counted, some 300 bytes each; whoever called longest ago is forgotten first. */
const TALLIES_MAX = 256
/** What is told in all: a flood from many addresses adds 1 MB a day to a log. */
const IN_ALL = { burst: 32, perSecond: 0.1 }
/** How often it is looked what may be told now, while something may not yet, in milliseconds. */
const SUM_UP_MS = 10_000
/** Of a reason that names what the other side sent. */
const REASON_CHARS = 200

interface Tally {
  readonly remote: { readonly host: string; readonly port: number }
  readonly code: Code
  readonly reason: () => string
  /** Since it was told. */
  count: number
  at: number
}

/**
 * Tells of callers that are turned away before anybody knows who they are: the first of a source and code at once, what follows
 * within a minute summed up. However many call, few are told of and few are remembered.
 */
export class Refusals {
  readonly #tell: (refused: CallerRefused) => void
  readonly #seldom = new Seldom(performance.now(), IN_ALL)
  readonly #tallies = new Map<string, Tally>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(tell: (refused: CallerRefused) => void) {
    this.#tell = tell
  }

  /** Sources and codes of which there is something to tell yet. */
  get size(): number {
    return this.#tallies.size
  }

  /**
   * @param source who the caller counts as
   * @param reason asked for only where it is told
   */
  turnedAway(source: string, remote: Tally['remote'], code: Code, reason: () => string): void {
    if (this.#stopped) return
    const now = performance.now()
    const key = `${code} ${source}`
    const tally = { remote, code, reason, count: (this.#tallies.get(key)?.count ?? 0) + 1, at: now }
    this.#tallies.delete(key)
    this.#tallies.set(key, tally)
    if (this.#tallies.size > TALLIES_MAX) this.#tallies.delete(this.#tallies.keys().next().value!)
    this.#tellIfDue(key, tally, now)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#tallies.clear()
  }

  #tellIfDue(key: string, { remote, code, reason, count, at }: Tally, now: number): void {
    if (!this.#seldom.due(key, now)) {
      this.#timer ??= setTimeout(() => this.#sumUp(), SUM_UP_MS).unref()
      return
    }
    this.#seldom.told(key, now)
    this.#tallies.delete(key)
    this.#tell(new CallerRefused({ remote: new Endpoint(remote), code, reason: reason().slice(0, REASON_CHARS), count, agoMs: Math.round(now - at) }))
  }

  #sumUp(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [key, tally] of this.#tallies) this.#tellIfDue(key, tally, now)
  }
}
