import { createActor } from 'xstate'
import type { ActorDefinition } from '../../actors/seam/index.ts'
import type { MachineInput } from '../../machines/publish.ts'
import { Checkpoint, CheckpointActor, LogActor, LogHeader } from '../../proto/index.ts'
import { RestoreError } from '../kernel/index.ts'
import { parsePlain } from '../kernel/plain.ts'

/** The header as if these definitions had been recorded: a changed machine may have another version, and more options. */
export function headerAs(header: LogHeader, definitions: readonly ActorDefinition[]): LogHeader {
  const known = byKind(definitions)
  const actor = ({ kind, id, version, options }: LogActor) => {
    const definition = known.get(kind)
    return new LogActor({
      kind, id, version: definition === undefined ? version : definition.version ?? 1,
      options: id === '' && definition !== undefined ? merged(definition.options, options) : options
    })
  }
  return new LogHeader({ ...header, actors: (header.actors as LogActor[]).map(actor), spawnable: (header.spawnable as LogActor[]).map(actor) })
}

/**
 * The checkpoint as if these definitions had been recorded. The contexts stay what they were: what a machine would have in
 * another way nobody knows.
 * @throws RestoreError when a machine begins with a key in its context that was not recorded
 */
export function checkpointAs(checkpoint: Checkpoint, definitions: readonly ActorDefinition[], flags: readonly number[]): Checkpoint {
  const known = byKind(definitions)
  return new Checkpoint({
    ...checkpoint,
    actors: (checkpoint.actors as CheckpointActor[]).map(actor => {
      const definition = known.get(actor.kind)
      if (definition === undefined) return actor
      const defaults: Record<string, unknown> = { ...definition.options }
      for (const secret of definition.secrets ?? []) delete defaults[secret]
      const fitted = new CheckpointActor({ ...actor, version: definition.version ?? 1, options: merged(defaults, actor.options) })
      if (actor.launched !== 0) check(fitted, definition, flags)
      return fitted
    })
  })
}

function check({ kind, id, parent, options: text, incarnation, context }: CheckpointActor, { machine }: ActorDefinition, flags: readonly number[]): void {
  const address = `${kind}/${id}`
  let lost
  try {
    const options = JSON.parse(text) as Record<string, unknown>
    const recorded = parsePlain(context, options) as object
    const input: MachineInput = { address, parent: parent || 'system', options, flags, incarnation, random: 0 }
    const fresh = createActor(machine, { input, logger: () => {} }).getSnapshot().context as object
    lost = Object.keys(fresh).find(key => !(key in recorded))
  } catch {
    // Said by the kernel, of the state or the context; a machine that cannot begin so may well go on so.
  }
  if (lost !== undefined) {
    throw new RestoreError(new Error(`${address} was recorded without context.${lost}, with which its machine begins here; compare a log that begins with the run, without --keep`))
  }
}

function byKind(definitions: readonly ActorDefinition[]): ReadonlyMap<string, ActorDefinition> {
  return new Map(definitions.map(definition => [definition.kind, definition]))
}

/** Options that the log knows, over the defaults of those that it does not. */
function merged(defaults: object | undefined, recorded: string): string {
  try {
    return JSON.stringify({ ...defaults, ...JSON.parse(recorded || '{}') as object })
  } catch {
    return recorded
  }
}
