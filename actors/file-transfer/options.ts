import type { FileReceiveOptions } from '../../machines/file-receive.ts'

/** How often progress is reported at most, in milliseconds: a person reads a bar at four a second, more would only fill the log. */
export const PROGRESS_MS = 250

/** Options of a receiving transfer, with where its driver stores files. */
export interface FileReceiveDriverOptions extends FileReceiveOptions {
  /** Absolute path of the folder in which files land. */
  readonly inbox: string
  /**
   * Most bytes that files may take in the inbox, with what lies there already and what is on its way. @default 17179869184, sixteen of
   * the largest files: who may send could otherwise fill the disk by night
   */
  readonly maxInboxBytes: number
}
