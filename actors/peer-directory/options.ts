import type { PeerDirectoryOptions } from '../../machines/directory-context.ts'

export interface PeerDirectoryDriverOptions extends PeerDirectoryOptions {
  /** Data folder; empty keeps nothing. @default '' */
  readonly dir: string
}
