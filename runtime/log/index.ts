export { LogWriter, LOG_BYTES_MAX, type LogWarning, type LogWriterOptions } from './writer.ts'
export { logHeader, recordedKernel, type LogHeaderOptions, type RecordedKernel } from './header.ts'
export { LogReader, readLog, type LogSource } from './reader.ts'
export { LogDecoder } from './decode.ts'
export type { LogEnding, LogEntry, LogItem, LoggedEnvelope } from './format.ts'
export { Replay, replay, type ReplayOptions, type ReplayResult } from './replay.ts'
export { Walk, type WalkStep } from './walk.ts'
export { formatDivergence, type Divergence, type DivergenceKind, type FieldDifference } from './divergence.ts'
export { showLog, type ShowOptions } from './show.ts'
export { checkCommand, replayCommand, showCommand, summary, type CommandStreams } from './commands.ts'
export {
  KindVersionError, LogCorruptError, LogFileError, LogTruncatedError, LogVersionError, NotALogError, UnknownFlagError,
  UnknownKindError, type LogPlace
} from './errors.ts'
