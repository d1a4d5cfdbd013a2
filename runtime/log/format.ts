import type { Checkpoint, LogHeader } from '../../proto/index.ts'

/** Raised when a reader of the version before could not read the log. */
export const FORMAT_VERSION = 1

/**
 * First bytes of every log; the version follows as the eighth. A byte above 127 at the front tells it
 * from text and shows a copy that lost its eighth bits.
 */
export const MAGIC = Uint8Array.of(0x89, 0x50, 0x32, 0x50, 0x4c, 0x4f, 0x47)
export const MAGIC_BYTES = 8

/** A block is closed before its records exceed this, in bytes; one larger record has a block to itself. */
export const BLOCK_BYTES = 64 * 1024

/**
 * Largest block that is written or read, in bytes: four frames of the largest size. A length beyond
 * it is damage, whatever it says.
 */
export const BLOCK_BYTES_MAX = 16 * 1024 * 1024

/** Smallest block: a checksum and one record without a field, in bytes. */
export const BLOCK_BYTES_MIN = 8

/** Most bytes before the records of a block: its length, the checksum, and the records' own length. */
export const BLOCK_HEAD_BYTES_MAX = 16

/** Tags of the fields of LogBlock, in the order in which they are always written. */
export const TAG_CHECKSUM = 0x0d
export const TAG_RECORDS = 0x12

/** An envelope as a log holds it: the body is not decoded. */
export interface LoggedEnvelope {
  readonly seq: number
  /** Logical time, in milliseconds since the run began. */
  readonly time: number
  readonly from: string
  readonly to: string
  readonly type: string
  readonly cause: number
  readonly bytes: Uint8Array
}

/** One record of a log after its header. */
export type LogEntry =
  | {
      readonly kind: 'input'
      readonly envelope: LoggedEnvelope
      /** It came while the core worked on an earlier message; the others when it was idle, every timer due having fired. */
      readonly nested: boolean
    }
  | { readonly kind: 'output'; readonly envelope: LoggedEnvelope }
  | { readonly kind: 'stopped'; readonly time: number; readonly reason: string }

/** Any record of a log, as the decoder gives it. */
export type LogItem =
  | LogEntry
  | { readonly kind: 'header'; readonly header: LogHeader }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }

/**
 * How a log ends: `stopped` with the run; `closed` or `size-limit` in order, but before the run did;
 * `cut` after a whole block, `torn` within one (the process was killed, or the disk was full).
 */
export type LogEnding = 'stopped' | 'closed' | 'size-limit' | 'cut' | 'torn'
