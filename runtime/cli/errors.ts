/** Thrown for a command line or a configuration that cannot be followed; the message says what, and what to do. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Thrown when a command could be followed but did not succeed; the message is all that there is to say. Exit code 1. */
export class CommandFailedError extends Error {
  override name = 'CommandFailedError'
}

/** Errors that the person must put right before another try. By name, so that `p2pnet id` need not load their classes. */
const CONFIGURATION: ReadonlySet<string> = new Set([
  'UsageError', 'PeerOptionError', 'PolicyError', 'ListenError', 'LogFileError', 'NetworkKeyError',
  'IdentityPermissionError', 'IdentityDamagedError', 'IdentityFileError',
  'UnknownPeerError', 'AmbiguousPeerError',
  'DirectoryStoreError', 'DirectoryVersionError', 'DirectoryInUseError'
])

/** What a person reads on stderr, and the exit code: 1 failed, 2 bad usage or configuration. */
export interface Failure {
  readonly text: string
  readonly exitCode: 1 | 2
}

/** One line for what we know; a bug in our own code shows where it is. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { text: String(error), exitCode: 1 }
  const line = error.message.replace(/\s*\n\s*/g, ' ')
  if (CONFIGURATION.has(error.name)) return { text: line, exitCode: 2 }
  if (error.name === 'CommandFailedError' || KNOWN.test(error.name)) return { text: error.message, exitCode: 1 }
  return { text: error.stack ?? `${error.name}: ${line}`, exitCode: 1 }
}

/** Errors of the log and of stopping, whose messages stand for themselves. */
const KNOWN = /^(NotALog|LogVersion|LogTruncated|LogCorrupt|UnknownKind|KindVersion|DriverStuck|PeerState)Error$/
