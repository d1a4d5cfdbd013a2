import * as log from '../log/index.ts'
import { withOwn, type ReplayOptions } from './replay.ts'

type Source = log.LogSource | log.LogReader

/** Which actor a helper is about, by its address. */
export type OneActor = ReplayOptions & { readonly actor: string }

/**
 * Cuts a log to one actor and its causes: the inputs that led to its start, to what it was given and to its timers.
 * @throws LogDivergedError when the log does not replay, and as `replay`
 */
export function cutLog(source: log.RereadableLog, options: OneActor): log.LogCut {
  return log.cutLog(source, { ...withOwn(options), actor: options.actor })
}

/**
 * The states that an actor came through in a replay, in order.
 * @throws LogDivergedError when the log does not replay, and as `replay`
 */
export function statesOf(source: Source, options: OneActor): log.LogPathStep[] {
  return log.statesOf(source, { ...withOwn(options), actor: options.actor })
}

/**
 * Asserts the path of states that an actor's machine takes in a replay: `['dialing', 'securing', '...', 'closed']`, where
 * `...` stands for any states, or none.
 * @throws LogPathError when it takes another; its message shows the path and where it leaves
 * @throws LogDivergedError when the log does not replay, and as `replay`
 */
export function assertPath(source: Source, expected: readonly string[], options: OneActor): void {
  log.assertPath(source, expected, { ...withOwn(options), actor: options.actor })
}

/**
 * Feeds a log to machines that may have changed and finds every output that has; see `formatDifferences`. `definitions` win
 * over the library's own, of whatever version they are.
 * @throws UnknownKindError, UnknownMessageError, LogCorruptError and what readLog throws
 */
export function compareMachines(source: Source, options: ReplayOptions & Pick<log.CompareOptions, 'maxDifferences'> = {}): Promise<log.MachineDifferences> {
  return log.compareMachines(source, withOwn(options))
}

/**
 * The chain of causes of a message back to the first packet, first first; messages between machines are in it. Of a chain of more than `maxSteps` (1,000) the middle is left out.
 * @throws NoSuchMessageError, LogDivergedError when the message is not reached, and as `replay`
 */
export function traceLog(source: log.RereadableLog, seq: number, { maxSteps, ...options }: ReplayOptions & Pick<log.TraceOptions, 'maxSteps'> = {}): log.TraceStep[] {
  return log.traceLog(source, seq, { ...withOwn(options), ...(maxSteps !== undefined && { maxSteps }) })
}

/**
 * Every actor's state and context once that message was handled.
 * @throws NoSuchMessageError, LogDivergedError when the message is not reached, and as `replay`
 */
export function actorsAt(source: log.LogSource, seq: number, options: ReplayOptions = {}): log.ActorMoment[] {
  return log.actorsAt(source, seq, withOwn(options))
}
