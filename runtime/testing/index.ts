export {
  formatDivergence, KindVersionError, LogCorruptError, LogFileError, logHeader, LogReader, LogTruncatedError, LogVersionError, LogWriter,
  NotALogError, readLog, UnknownKindError,
  type Divergence, type DivergenceKind, type FieldDifference, type LogEnding, type LogEntry, type LoggedEnvelope, type LogHeaderOptions,
  type LogPlace, type LogSource, type LogWarning, type LogWriterOptions, type ReplayResult
} from '../log/index.ts'
export { Replay, replay, type ReplayOptions } from './replay.ts'
export { HeapClock, Kernel, type KernelOptions, type Shell, type Tap } from '../kernel/index.ts'
