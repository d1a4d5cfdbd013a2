import type { LogReader, LogSource } from './reader.ts'
import type { ReplayOptions } from './replay.ts'
import { stateName } from './state-name.ts'
import { Walk } from './walk.ts'
import { LogDivergedError } from './errors.ts'

/** A state that an actor came into. */
export interface LogPathStep {
  /** Name of the state: `open`, `open.idle`. */
  readonly state: string
  /** Logical time, in milliseconds. */
  readonly time: number
  /** Seq of the message that brought it there; 0 for a start or a timer. */
  readonly seq: number
  /** Type of that message, `(start)` or `(timer)`; an actor that ran already when the log begins starts there. */
  readonly type: string
}

export interface LogPathOptions extends ReplayOptions {
  /** Address of the actor. */
  readonly actor: string
}

/** Thrown by {@link assertPath} when the actor took another path; the message shows both. */
export class LogPathError extends Error {
  override name = 'LogPathError'
  readonly path: readonly LogPathStep[]

  constructor(message: string, path: readonly LogPathStep[]) {
    super(message)
    this.path = path
  }
}

/**
 * The states that an actor came through, in order; a step that stays in its state is none.
 * @throws LogDivergedError when the log does not replay
 * @throws as {@link replay}
 */
export function statesOf(log: LogSource | LogReader, options: LogPathOptions): LogPathStep[] {
  const path: LogPathStep[] = []
  const walk = new Walk(log, options)
  for (const { actor, kind, time, seq, type, before, after } of walk) {
    if (actor !== options.actor) continue
    const state = stateName(after)
    if (kind !== 'start' && state === stateName(before)) continue
    path.push({ state, time, seq, type: kind === 'message' ? type : `(${kind})` })
  }
  if (walk.divergence !== undefined) throw new LogDivergedError(walk.divergence)
  return path
}

/**
 * Asserts the path of states that an actor took. `...` in the expected path stands for any states, or none.
 * @throws LogPathError when it took another
 * @throws as {@link statesOf}
 */
export function assertPath(log: LogSource | LogReader, expected: readonly string[], options: LogPathOptions): void {
  const path = statesOf(log, options)
  const reached = fits(path.map(({ state }) => state), expected)
  if (reached === undefined) return
  const steps = path.map(({ state, time, seq, type }, index) =>
    `  ${index === reached ? '>' : ' '} ${(time / 1000).toFixed(3)} s  ${state}  by ${type}${seq === 0 ? '' : ` (message ${seq})`}`)
  const end = reached === path.length ? ['  > (its path ends here)'] : []
  throw new LogPathError(
    [`${options.actor} did not go ${expected.join(', ')}:`, ...(path.length === 0 ? ['  it never started'] : [...steps, ...end])].join('\n'), path)
}

/** How far the path goes as expected; undefined for all of it. */
function fits(path: readonly string[], expected: readonly string[]): number | undefined {
  let furthest = 0
  // Places of the path at which what is expected so far may end: few, so that no pattern costs more than path times pattern.
  let places = new Set([0])
  for (const state of expected) {
    const next = new Set<number>()
    for (const place of places) {
      if (state === '...') for (let at = place; at <= path.length; at++) next.add(at)
      else if (path[place] === state) next.add(place + 1)
    }
    if (next.size === 0) return furthest
    places = next
    furthest = state === '...' ? furthest : Math.max(...places)
  }
  return places.has(path.length) ? undefined : furthest
}
