import type { PathOptions } from '../../../runtime/testing/paths.ts'

/** How the paths of one actor's machine are found. */
export interface Walks {
  /** One walk for each set of options that opens other ways. */
  readonly walks: readonly PathOptions[]
  /** Transitions that no walk takes, as the coverage names them, each with its reason. */
  readonly gaps?: Readonly<Record<string, string>>
}
