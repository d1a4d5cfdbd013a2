import { DeadLetter, type Envelope } from '../../proto/index.ts'
import type { HeapClock, Timer } from './clock.ts'

/** Why the system could not deliver. */
export type DeadReason = 'no-actor' | 'not-handled' | 'mailbox-full'

type Address = Pick<Envelope, 'type' | 'from' | 'to' | 'seq'>

/** What is held back of one type and reason. */
export interface HeldBack {
  readonly reason: string
  readonly count: number
  readonly last: Address
}

interface Held {
  timer: Timer | undefined
  count: number
  // Not the envelope: its body would be kept alive.
  last: Address
}

/**
 * Sums up mail that nobody could take: the first of a type and reason is announced at once, the others at
 * most once in each interval, with their number. There are at most as many entries as types times reasons.
 */
export class DeadLetters {
  readonly #clock: HeapClock
  readonly #intervalMs: number
  readonly #announce: (body: DeadLetter, cause: number) => void
  readonly #held = new Map<string, Held>()
  #total = 0
  #closed = false

  constructor(clock: HeapClock, intervalMs: number, announce: (body: DeadLetter, cause: number) => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#announce = announce
  }

  /** Dead letters so far, those that were throttled too. */
  get total(): number {
    return this.#total
  }

  get held(): HeldBack[] {
    return [...this.#held].map(([key, { count, last }]) => ({ reason: reasonOf(key), count, last }))
  }

  /** Goes on where a checkpoint was taken; the timers come by {@link DeadLetters.rearm}. */
  resume(total: number, held: Iterable<HeldBack>): void {
    this.#total = total
    for (const { reason, count, last } of held) this.#held.set(`${reason} ${last.type}`, { timer: undefined, count, last })
  }

  /** Arms the timer of one type and reason. @param key as the timer's owner has it @param ms milliseconds */
  rearm(key: string, ms: number): void {
    const held = this.#held.get(key)
    if (held === undefined) throw new Error(`no dead letters of ${key} are held back`)
    held.timer = this.#arm(key, reasonOf(key), ms)
  }

  add(envelope: Envelope, reason: DeadReason): void {
    this.#total++
    // One about a dead letter could go round for ever.
    if (envelope.type === 'DeadLetter') return
    const { type, from, to, seq } = envelope
    const key = `${reason} ${type}`
    const last = { type, from, to, seq }
    const held = this.#held.get(key)
    if (held === undefined) {
      this.#say(last, reason, 1)
      if (this.#intervalMs > 0 && !this.#closed) this.#held.set(key, { timer: this.#arm(key, reason, this.#intervalMs), count: 0, last })
    } else {
      held.count++
      held.last = last
    }
  }

  /** Announces what is held back and clears the timers; from here on nothing is held back. */
  close(): void {
    this.#closed = true
    for (const [key, { timer, count, last }] of this.#held) {
      this.#clock.clearTimeout(timer)
      this.#held.delete(key)
      if (count > 0) this.#say(last, reasonOf(key), count)
    }
  }

  #arm(key: string, reason: DeadReason, ms: number): Timer {
    return this.#clock.setTimeout(() => {
      const held = this.#held.get(key)
      if (held === undefined) return
      if (held.count === 0) {
        this.#held.delete(key)
        return
      }
      this.#say(held.last, reason, held.count)
      held.count = 0
      held.timer = this.#arm(key, reason, this.#intervalMs)
    }, ms, `system dead-letter ${key}`)
  }

  #say({ type, from, to, seq }: Address, reason: DeadReason, count: number): void {
    this.#announce(new DeadLetter({ type, from, to, reason, count }), seq)
  }
}

function reasonOf(key: string): DeadReason {
  return key.slice(0, key.indexOf(' ')) as DeadReason
}
