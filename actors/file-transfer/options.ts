import type { FileReceiveOptions } from '../../machines/file-receive.ts'

/** Options of a receiving transfer, with where its driver stores files. */
export interface FileReceiveDriverOptions extends FileReceiveOptions {
  /** Absolute path of the folder in which files land. */
  readonly inbox: string
}
