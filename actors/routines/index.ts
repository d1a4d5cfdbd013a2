import { ROTATE_PORT } from '../../machines/broadcaster.ts'
import { DISCERN_LINKS } from '../../machines/link-keeper.ts'
import { EVERY_MS_MAX, EVERY_MS_MIN, routinesMachine, type RoutineOptions, type RoutinesOptions } from '../../machines/routines.ts'
import { DiscoveryStarted, RoutineDue, RoutinesChanged, SetRoutine } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { outside } from '../shared/range.ts'

export { ROUTINES } from './address.ts'
export type { RoutineOptions, RoutinesOptions } from '../../machines/routines.ts'

/** What the default actors do ever and again. */
export const libraryRoutines: readonly RoutineOptions[] = [
  { name: ROTATE_PORT, everyMs: 30_000 },
  // Peers are forgotten after ten minutes: that it is eleven harms nobody.
  { name: DISCERN_LINKS, everyMs: 60_000 }
]

export const routinesDefinition = defineActor<RoutinesOptions>({
  kind: 'routines',
  machine: routinesMachine,
  options: { routines: libraryRoutines },
  problem: ({ routines }) => routines.map(({ name, everyMs }) => outside(`routines: '${name}': everyMs`, everyMs, EVERY_MS_MIN, EVERY_MS_MAX)).find(each => each !== undefined),
  listens: [DiscoveryStarted],
  recalls: [DiscoveryStarted],
  messages: [SetRoutine, RoutineDue, RoutinesChanged]
})

/** Announces when it is time for what a peer does ever and again; `routines/main`. */
export function routines(list: readonly RoutineOptions[] = libraryRoutines): ActorSpec<RoutinesOptions> {
  return { definition: routinesDefinition, options: { routines: list } }
}
