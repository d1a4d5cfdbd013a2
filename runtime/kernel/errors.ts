/** Thrown by a kernel's methods before start(). */
export class KernelNotStartedError extends Error {
  override name = 'KernelNotStartedError'
  constructor() {
    super('the kernel has not started: call start() first')
  }
}

/** Thrown by a second start(). */
export class KernelStartedError extends Error {
  override name = 'KernelStartedError'
  constructor() {
    super('the kernel has started already: make a new one for another run')
  }
}

/** Thrown by Kernel.input after the last actor is gone. */
export class KernelStoppedError extends Error {
  override name = 'KernelStoppedError'
  constructor() {
    super('the kernel has stopped: it takes no more inputs')
  }
}

/** Thrown by advanceTo for a time before now. */
export class ClockBackwardsError extends Error {
  override name = 'ClockBackwardsError'
  constructor(now: number, time: number) {
    super(`the clock is at ${now} ms and cannot go back to ${time} ms: advance it with a monotonic time`)
  }
}

/** Thrown by advanceTo from inside a timer or a handler. */
export class ClockBusyError extends Error {
  override name = 'ClockBusyError'
  constructor() {
    super('the clock cannot be advanced while the core drains: publish an input, it waits its turn')
  }
}

/** Fails the actor whose timers keep coming due at one instant. */
export class TimerStormError extends Error {
  override name = 'TimerStormError'
  readonly owner: string
  constructor(owner: string, max: number, now: number) {
    super(`more than ${max} timers at ${now} ms, the next of ${owner}: a timer that arms itself again needs a delay above 0`)
    this.owner = owner
  }
}

/** Thrown where one timer too many is armed. */
export class TimerLimitError extends Error {
  override name = 'TimerLimitError'
  constructor(max: number) {
    super(`${max} timers are pending: cancel some, or raise limits.maxTimers`)
  }
}

/** Fails the actor at hand when messages go round in zero time. */
export class RunawayError extends Error {
  override name = 'RunawayError'
  constructor(max: number, type: string, from: string, to: string) {
    super(`${max} deliveries in zero time, the next ${type} from ${from} to ${to || 'all'}: put a delay into the cycle`)
  }
}

/** Fails a parent whose child could not be restarted any more. */
export class EscalatedError extends Error {
  override name = 'EscalatedError'
  constructor(child: string) {
    super(`its child ${child} failed and was not to be restarted`)
  }
}

/** Fails an actor whose driver threw. */
export class DriverFailedError extends Error {
  override name = 'DriverFailedError'
}

/** Thrown where two actors of the peer, or two definitions, have one name. */
export class NameTakenError extends Error {
  override name = 'NameTakenError'
}

const longest = 1_000

/** Name and message of whatever was thrown: all that a failure keeps. Stacks differ between versions of Node. */
export function errorText(error: unknown): string {
  let text: string
  try {
    text = error instanceof Error || isErrorLike(error) ? `${error.name}: ${error.message}` : String(error)
  } catch {
    text = 'an object that cannot be shown'
  }
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

// Errors of another realm (jest's, a worker's) are not instances of ours.
function isErrorLike(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error
}

/** Thrown by Kernel.checkpoint for an actor whose state cannot be written down; the core goes on as before. */
export class CheckpointError extends Error {
  override name = 'CheckpointError'
  /** Address of the actor. */
  readonly actor: string
  /** Where in it, `context.socket` for example. */
  readonly key: string

  constructor(actor: string, key: string, what: string) {
    super(`${actor} cannot be put into a checkpoint: ${key} is ${what}; keep strings, numbers, booleans, null, arrays, plain objects and Uint8Array in machines`)
    this.actor = actor
    this.key = key
  }
}

/** Thrown by Kernel.restore for a checkpoint that does not fit the kernel's definitions, or is damaged. The kernel is of no use then. */
export class RestoreError extends Error {
  override name = 'RestoreError'
  constructor(cause: unknown) {
    super(`the checkpoint cannot be restored: ${(cause as Error).message}`, { cause })
  }
}
