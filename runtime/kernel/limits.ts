/**
 * Bounds of one kernel. Each is a whole number; a run and its replay must have the same. Those of what is alive, waits or works are at
 * most ten times the default: a log brings its own, and may come from anyone.
 */
export interface Limits {
  /**
   * Envelopes that wait on the bus. Beyond it what a machine publishes becomes a DeadLetter `mailbox-full`;
   * inputs and the system's own messages still pass, they are bounded by {@link Limits.maxDrain}.
   * @default 65536 — thirty times the largest fan-out seen in a mesh of 300 links, and 0.5 MiB of slots
   */
  readonly maxQueue: number
  /**
   * Envelopes that wait for one actor. Beyond it what a machine sends there becomes a DeadLetter `mailbox-full`.
   * @default 4096 — one actor never holds more than a sixteenth of the queue
   */
  readonly maxMailbox: number
  /**
   * Deliveries in one drain, that is in zero logical time, before the actor at hand fails with RunawayError. What the system says,
   * and what ends actors, is delivered even then.
   * @default 100000 — about 0.3 s of work: long enough for 10,000 actors to answer an announcement ten times
   */
  readonly maxDrain: number
  /**
   * Pending timers in all. The actor that arms one more fails with TimerLimitError.
   * @default 1000000 — ten for each of the most actors
   */
  readonly maxTimers: number
  /**
   * Timers fired at one logical millisecond in one advance before the owner of the next fails with TimerStormError.
   * @default 100000 — every actor may have one; a timer that arms itself again at once does not pass
   */
  readonly maxTimersPerInstant: number
  /**
   * Actors alive at once. A spawn beyond it is answered SpawnFailed `actor-limit`.
   * @default 100000 — about 0.5 GiB of machines
   */
  readonly maxActors: number
  /**
   * Messages named in `ActorFailed.recent`.
   * @default 16 — enough to see the exchange that led to the failure
   */
  readonly maxRecent: number
  /**
   * Time that an actor has to reach its final state after `Stop`, in milliseconds.
   * @default 2000 — a goodbye and its acknowledgement on a slow link
   */
  readonly stopTimeoutMs: number
  /**
   * Shortest time between two DeadLetters of one type and reason, in milliseconds.
   * @default 1000 — seen by a person, felt by nobody
   */
  readonly deadLetterIntervalMs: number
}

/** Ten times as much still ends within a minute, and fits the memory of a machine that runs so large a peer. */
const LIMIT_TIMES_MAX = 10

export const defaultLimits: Limits = Object.freeze({
  maxQueue: 65_536,
  maxMailbox: 4_096,
  maxDrain: 100_000,
  maxTimers: 1_000_000,
  maxTimersPerInstant: 100_000,
  maxActors: 100_000,
  maxRecent: 16,
  stopTimeoutMs: 2_000,
  deadLetterIntervalMs: 1_000
})

/**
 * Fills in the defaults.
 * @throws RangeError when a limit is not a whole number of 1 or more (0 for `maxRecent` and the times), or too large
 */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  const limits = { ...defaultLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'maxRecent' || name.endsWith('Ms') ? 0 : 1
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`limit ${name} is ${value}: give a whole number of ${least} or more`)
    }
    const most = LIMIT_TIMES_MAX * (least === 0 ? Infinity : defaultLimits[name as keyof Limits])
    if (value > most) throw new RangeError(`limit ${name} is ${value}: give ${most} at most`)
  }
  return Object.freeze(limits)
}
