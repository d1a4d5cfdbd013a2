import { definitions } from '../../actors/index.ts'
import { replay as replayLog, Replay as LogReplay, Walk, type LogReader, type LogSource, type ReplayOptions as Options, type ReplayResult } from '../log/index.ts'

/** As for the log's own replay; `definitions` are those of a host program's actors, and win over the library's. */
export type ReplayOptions = Partial<Options>

/**
 * Runs a recorded log through fresh machines and compares every output, byte for byte, up to the first
 * difference. The library's own actors are known; pass a host program's.
 * @throws UnknownKindError, KindVersionError, UnknownFlagError when the definitions do not fit the log
 * @throws UnknownMessageError when an input is of a type that nobody registered
 * @throws LogCorruptError when the log is damaged, once what stands before the damage has replayed
 * @throws everything that readLog throws
 */
export function replay(log: LogSource | LogReader, options: ReplayOptions = {}): Promise<ReplayResult> {
  return replayLog(log, withOwn(options))
}

/** The same step by step, with the kernel to look into. */
export class Replay extends LogReplay {
  constructor(log: LogSource | LogReader, options: ReplayOptions = {}) {
    super(log, withOwn(options))
  }
}

/**
 * Steps a log through fresh machines, and yields every message that was delivered, those between machines too, every start
 * and every timer, with the state of the actor before and after: `for (const step of walk(log, { definitions }))`.
 * @throws as {@link replay}
 */
export function walk(log: LogSource | LogReader, options: ReplayOptions = {}): Walk {
  return new Walk(log, withOwn(options))
}

/** The options with the definitions of the library's own actors added. */
export function withOwn<T extends ReplayOptions>(options: T): T & Options {
  return { ...options, definitions: [...definitions, ...options.definitions ?? []] }
}
