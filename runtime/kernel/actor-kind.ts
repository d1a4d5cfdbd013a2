import type { ActorDefinition } from '../../actors/seam/index.ts'
import { typeName } from '../../proto/index.ts'

/** Transitions that a machine may take in one step before it counts as a loop; XState's own default is endless. */
const microstepsMax = 1_000

/** The options of one actor, as its machine and as its drivers see them. */
export interface ActorOptions {
  /** Plain JSON, frozen throughout, without secrets. */
  readonly machine: Readonly<Record<string, unknown>>
  readonly drivers: object
}

/** Thrown for options that are no JSON object. */
export class OptionsError extends Error {
  override name = 'OptionsError'
}

/** A definition, prepared to be started many times. */
export class ActorKind {
  readonly definition: ActorDefinition
  /** Names of the types that it is given when they are announced. */
  readonly listens: readonly string[]
  /** Names of the types whose last announcement it is given when it starts. */
  readonly recalls: readonly string[]
  readonly #events: ReadonlySet<string>
  readonly #secrets: ReadonlySet<string>
  /** The definition's own options as machines see them; made with the first actor. */
  #open: Record<string, unknown> | undefined

  /** @param flags behaviour flags in force */
  constructor(definition: ActorDefinition, flags: readonly number[]) {
    const { machine, listens = [], recalls = [], recallsUnder = {}, secrets = [] } = definition
    // The machine may be shared by many kernels, and the bound is the same in all.
    if (machine.options.maxIterations === Infinity) machine.options.maxIterations = microstepsMax
    this.definition = definition
    this.recalls = [...recalls, ...flags.flatMap(flag => recallsUnder[flag] ?? [])].map(typeName)
    this.listens = [...new Set([...listens.map(typeName), ...this.recalls])]
    this.#events = new Set(machine.events)
    this.#secrets = new Set(secrets)
  }

  /** Whether any state of the machine has a transition for the type; a wildcard counts. */
  knows(type: string): boolean {
    return this.names(type) || this.#events.has('*')
  }

  /** Whether any state of the machine has a transition for the type by its name. */
  names(type: string): boolean {
    return this.#events.has(type)
  }

  /**
   * Merges options over the definition's own.
   * @param parsed the given ones come from JSON text
   * @throws OptionsError when they are not plain JSON
   */
  options(given: object = {}, parsed = false): ActorOptions {
    const own = this.#open ??= asJson(this.#withoutSecrets(this.definition.options ?? {}))
    const open = this.#withoutSecrets(given)
    return { machine: freeze({ ...own, ...parsed ? open : asJson(open) }), drivers: { ...this.definition.options, ...given } }
  }

  #withoutSecrets(options: object): object {
    if (this.#secrets.size === 0) return options
    return Object.fromEntries(Object.entries(options).filter(([name]) => !this.#secrets.has(name)))
  }
}

/**
 * Options in a SpawnActor; empty text stands for none.
 * @throws OptionsError when the text is no JSON object
 */
export function parseOptions(text: string): object {
  if (text === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message differs between versions of Node.
    throw new OptionsError('the options are not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new OptionsError('the options are no JSON object')
  return value
}

/** Options as a checkpoint has them. @throws SyntaxError for what is not JSON */
export function recordedOptions(text: string): ActorOptions {
  const machine = freeze(JSON.parse(text) as Record<string, unknown>)
  return { machine, drivers: machine }
}

// A log holds options as JSON: a machine sees the same, live as in replay.
function asJson(options: object): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(options)) as Record<string, unknown>
  } catch {
    throw new OptionsError('the options are not plain JSON')
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const child of Object.values(value)) freeze(child)
    Object.freeze(value)
  }
  return value
}
