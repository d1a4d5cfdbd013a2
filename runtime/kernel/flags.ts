import type { ActorDefinition } from '../../actors/seam/index.ts'
import { TELLS_BLOCKED } from '../../machines/directory-context.ts'
import { DROPS_UNKNOWN } from '../../machines/link-keeper-context.ts'
import { RESUMES } from '../../machines/resume.ts'

/** First number of the flags of host programs; those below are this library's. */
export const HOST_FLAGS_FROM = 1000

/**
 * Behaviour flags of this library's machines, in force in every new run. A number is never used again, not even when the old
 * behaviour is dropped: the logs that lack it are then refused by raising the definition's version.
 */
export const LIBRARY_FLAGS: readonly number[] = [TELLS_BLOCKED, RESUMES, DROPS_UNKNOWN]

/** Every flag that is known with these definitions, ascending: what a new run has in force. */
export function currentFlags(definitions: readonly ActorDefinition[]): number[] {
  return [...new Set([...LIBRARY_FLAGS, ...definitions.flatMap(({ flags = [] }) => flags)])].sort((a, b) => a - b)
}
