import type { FileShareOptions } from '../../machines/file-share.ts'
import type { DriverFactory } from '../seam/index.ts'
import { sweep } from './leftovers.ts'

/** Options of file sharing, with where its driver looks for leftovers. */
export interface FileShareDriverOptions extends FileShareOptions {
  /** Absolute path of the folder in which files land; empty where none are taken. @default '' */
  readonly inbox: string
}

/** Clears away, at the start, what a process that was killed has left in the inbox. */
export const inboxDriver: DriverFactory<FileShareDriverOptions> = ({ options }) => {
  const swept = options.inbox === '' ? undefined : sweep(options.inbox)
  return { receive() {}, stop: () => swept }
}
