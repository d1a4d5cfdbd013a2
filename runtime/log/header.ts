import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { LogActor, LogHeader } from '../../proto/index.ts'
import { currentFlags, limitsOf, type Limits } from '../kernel/index.ts'
import { LogCorruptError, KindVersionError, UnknownFlagError, UnknownKindError } from './errors.ts'
import { FORMAT_VERSION } from './format.ts'

export interface LogHeaderOptions {
  /** The kernel's seed. */
  readonly seed: Uint8Array
  /** The kernel's actors, in the order in which they start. */
  readonly actors: readonly ActorSpec[]
  /** The kernel's limits; the defaults are written too, so that new ones do not change an old run. */
  readonly limits?: Partial<Limits>
  /** The kernel's behaviour flags. @default none */
  readonly flags?: readonly number[]
  /** Wall time at logical zero, in milliseconds since the epoch; for people. */
  readonly wallTime: number
  readonly peerId: string
  readonly name: string
  /** Library and version, for people. @default 'p2pnet' */
  readonly library?: string
  /** SHA-256 over the message schema, for information. */
  readonly schema?: Uint8Array
}

/**
 * The header for a kernel's log. Options named by a definition's `secrets` are left out.
 * @throws TypeError when an option is not plain JSON: replay would be given another value than the run was
 */
export function logHeader(options: LogHeaderOptions): LogHeader {
  const spawnable = new Map<string, ActorDefinition>()
  for (const { definition, spawns = [] } of options.actors) for (const each of [definition, ...spawns]) spawnable.set(each.kind, each)
  return new LogHeader({
    format: FORMAT_VERSION,
    library: options.library ?? 'p2pnet',
    seed: options.seed,
    flags: [...options.flags ?? []],
    wallTime: options.wallTime,
    actors: options.actors.map(spec => logActor(spec.definition, spec.id ?? 'main', spec.options)),
    spawnable: [...spawnable.values()].map(definition => logActor(definition, '', {})),
    schema: options.schema ?? new Uint8Array(0),
    peerId: options.peerId,
    name: options.name,
    limits: JSON.stringify(limitsOf(options.limits))
  })
}

function logActor(definition: ActorDefinition, id: string, given: object = {}): LogActor {
  const options: Record<string, unknown> = { ...definition.options, ...given }
  for (const secret of definition.secrets ?? []) delete options[secret]
  const bad = notJson(options, 'options')
  if (bad !== undefined) throw new TypeError(`${bad} of ${definition.kind} cannot be written as JSON, so its log would not replay`)
  return new LogActor({ kind: definition.kind, id, version: definition.version ?? 1, options: JSON.stringify(options) })
}

/** Path of the first value that JSON would change or drop; a property that is undefined is as good as absent. */
function notJson(value: unknown, path: string): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? undefined : path
  if (typeof value !== 'object') return path
  const plain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value) as null)
  if (!plain) return path
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined && !Array.isArray(value)) continue
    const bad = notJson(inner, `${path}.${key}`)
    if (bad !== undefined) return bad
  }
  return undefined
}

/** What a kernel is made from, as a header tells it. */
export interface RecordedKernel {
  readonly seed: Uint8Array
  readonly actors: ActorSpec[]
  readonly limits: Partial<Limits>
  readonly flags: readonly number[]
}

/**
 * Finds the definitions for a header's actors.
 * @throws UnknownKindError, KindVersionError when there is none that fits
 * @throws UnknownFlagError when none of them knows a behaviour that the log was recorded with
 * @throws LogCorruptError when the header's JSON is malformed
 */
export function recordedKernel(header: LogHeader, definitions: readonly ActorDefinition[]): RecordedKernel {
  const { maxActors } = limitsOf(json(header.limits))
  if (header.actors.length > maxActors) throw damaged(`it starts ${header.actors.length} actors, and its limit is ${maxActors}`)
  const known = new Map(definitions.map(definition => [definition.kind, definition]))
  const made = new Map<string, ActorDefinition>()
  for (const actor of [...header.spawnable, ...header.actors] as LogActor[]) {
    if (made.has(actor.kind)) continue
    const definition = known.get(actor.kind)
    if (definition === undefined) throw new UnknownKindError(actor.kind, known.keys())
    const here = definition.version ?? 1
    if (actor.version !== here) throw new KindVersionError(actor.kind, actor.version, here, header.library)
    made.set(actor.kind, actor.id === '' ? { ...definition, options: json(actor.options) } : definition)
  }
  const flags = new Set(currentFlags(definitions))
  const unknown = header.flags.find(flag => !flags.has(flag))
  if (unknown !== undefined) throw new UnknownFlagError(unknown)
  const spawns = (header.spawnable as LogActor[]).map(actor => made.get(actor.kind)!)
  return {
    seed: header.seed,
    limits: json(header.limits),
    flags: header.flags,
    actors: (header.actors as LogActor[]).map((actor, index) => ({
      definition: made.get(actor.kind)!,
      id: actor.id,
      options: json(actor.options),
      ...(index === 0 ? { spawns } : {})
    }))
  }
}

function json(text: string): object {
  try {
    const value: unknown = JSON.parse(text || '{}')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below.
  }
  throw damaged(`the header's options are not JSON: ${text.slice(0, 60)}`)
}

function damaged(what: string): LogCorruptError {
  return new LogCorruptError({ offset: 8, block: 0, lastSeq: 0 }, what)
}
