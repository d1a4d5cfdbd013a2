import type { ActorSpec } from '../../actors/seam/index.ts'
import { PeerOptionError } from './errors.ts'

/** @throws PeerOptionError for options that an actor, or one that it spawns, cannot take */
export function checkActors(specs: readonly ActorSpec[]): void {
  for (const { definition, options, spawns = [] } of specs) {
    for (const each of [{ ...definition, options: { ...definition.options, ...options } }, ...spawns]) {
      const problem = each.problem?.(each.options)
      if (problem !== undefined) throw new PeerOptionError(`${each.kind}.${problem}`)
    }
  }
}
