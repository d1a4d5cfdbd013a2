import type { Divergence } from './divergence.ts'

/** What is wrong with a log itself. */
export abstract class UnreadableLogError extends Error {
  /** The file that it is in, where it is in one. */
  path: string | undefined
}

/** Thrown for a file or bytes that do not begin like a p2pnet log. */
export class NotALogError extends UnreadableLogError {
  override name = 'NotALogError'
}

/** Thrown for a log that only another version of this library can read. */
export class LogVersionError extends UnreadableLogError {
  override name = 'LogVersionError'
}

/** Thrown when a log may not be written to a path, or when a path does not lead to a readable log. */
export class LogFileError extends Error {
  override name = 'LogFileError'
  readonly path: string

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path} ${problem}`, options)
    this.path = path
  }
}

/** Where in a log something is wrong. */
export interface LogPlace {
  /** Offset in the file of the first block that cannot be read, in bytes. */
  readonly offset: number
  /** Number of that block, from 0. */
  readonly block: number
  /** Seq of the last envelope that can still be read; 0 where there is none. */
  readonly lastSeq: number
}

function after(place: LogPlace): string {
  return place.lastSeq === 0 ? 'before the first message' : `after message ${place.lastSeq}`
}

/** A log ends within a block: its process was killed, or the file was cut. What stands before can be read. */
export class LogTruncatedError extends UnreadableLogError {
  override name = 'LogTruncatedError'
  readonly offset: number
  readonly block: number
  readonly lastSeq: number

  constructor(place: LogPlace) {
    super(`the log is cut off in block ${place.block} at byte ${place.offset}, ${after(place)}: ${place.lastSeq === 0 ? 'there is nothing to read' : 'what stands before is whole'}`)
    this.offset = place.offset
    this.block = place.block
    this.lastSeq = place.lastSeq
  }
}

/** A block of a log is not what was written. What stands before can be read. */
export class LogCorruptError extends UnreadableLogError {
  override name = 'LogCorruptError'
  readonly offset: number
  readonly block: number
  readonly lastSeq: number

  constructor(place: LogPlace, problem: string, options?: ErrorOptions) {
    super(`the log is damaged in block ${place.block} at byte ${place.offset}, ${after(place)}: ${problem}`, options)
    this.offset = place.offset
    this.block = place.block
    this.lastSeq = place.lastSeq
  }
}

/** Thrown by replay for a log with an actor whose definition it was not given. */
export class UnknownKindError extends Error {
  override name = 'UnknownKindError'
  readonly kind: string

  constructor(kind: string, known: Iterable<string>) {
    const names = [...known].sort().join(', ')
    super(`the log holds an actor of kind '${kind}', which is not known here: pass its definition, ` +
      `replay(log, { definitions: [...] }) (known: ${names || 'none'})`)
    this.kind = kind
  }
}

/** Thrown by replay for a log that was recorded with a behaviour that none of its definitions has. */
export class UnknownFlagError extends Error {
  override name = 'UnknownFlagError'
  readonly flag: number

  constructor(flag: number) {
    super(`the log was recorded with behaviour ${flag}, which no definition here has: replay it with the code that recorded it, or a newer one`)
    this.flag = flag
  }
}

/** Thrown by replay for a log whose actors are of another version than the definitions it was given. */
export class KindVersionError extends Error {
  override name = 'KindVersionError'
  readonly kind: string

  constructor(kind: string, recorded: number, here: number, library: string) {
    super(`'${kind}' was recorded in version ${recorded} and is version ${here} here: ` +
      `replay the log with the code that recorded it (${library}), or record it anew`)
    this.kind = kind
  }
}

/** Thrown when a log has no message of the seq that was asked for. */
export class NoSuchMessageError extends Error {
  override name = 'NoSuchMessageError'
  readonly seq: number

  /** @param begin seq after which the log begins @param last the last in it, 0 where there is none */
  constructor(seq: number, last: number, begin = 0) {
    super(`there is no message ${seq}: ${begin >= seq ? `the log begins after message ${begin}` : last === 0 ? 'the log has none' : `the last is ${last}`}; \`p2pnet log show\` lists those that are recorded`)
    this.seq = seq
  }
}

/** Thrown where a replay leaves its log before it comes to what was asked for. */
export class LogDivergedError extends Error {
  override name = 'LogDivergedError'
  readonly divergence: Divergence

  constructor(divergence: Divergence) {
    super(`the replay leaves the log at message ${divergence.seq}: ${divergence.summary}; \`p2pnet log replay\` shows it`)
    this.divergence = divergence
  }
}

/** Thrown when no actor that lives at the moment is meant by an address. */
export class NoSuchActorError extends Error {
  override name = 'NoSuchActorError'

  constructor(asked: string, known: readonly string[]) {
    const some = known.slice(0, 20).join(', ')
    super(`no actor ${asked} is alive then: there are ${some || 'none'}${known.length > 20 ? ` and ${known.length - 20} more` : ''}`)
  }
}
