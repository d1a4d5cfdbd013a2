import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { ActorKind, type ActorOptions } from './actor-kind.ts'
import { isId } from './address.ts'
import { NameTakenError } from './errors.ts'

/** An actor of the peer, ready to be started. */
export interface Planned {
  readonly address: string
  readonly kind: ActorKind
  readonly options: ActorOptions
}

/** The definitions that a kernel knows, by kind. */
export class Kinds {
  /** The peer's own actors, in the order in which they start. */
  readonly plan: readonly Planned[]
  readonly #kinds = new Map<string, ActorKind>()
  readonly #flags: readonly number[]

  /**
   * @param flags behaviour flags in force
   * @throws NameTakenError when two definitions have one kind, or two actors one address
   * @throws TypeError for an id that is none
   * @throws OptionsError for options that are not plain JSON
   */
  constructor(specs: readonly ActorSpec[], flags: readonly number[]) {
    this.#flags = flags
    for (const { definition, spawns = [] } of specs) for (const each of [definition, ...spawns]) this.#learn(each)
    const plan = new Map<string, Planned>()
    for (const { definition, id = 'main', options } of specs) {
      const address = `${definition.kind}/${id}`
      const kind = this.#kinds.get(definition.kind) as ActorKind
      if (!isId(id)) throw new TypeError(`actor id '${id}' is not valid: 1 to 200 characters, without spaces, / and #`)
      if (plan.has(address)) throw new NameTakenError(`two actors are ${address}: give one of them another id`)
      plan.set(address, { address, kind, options: kind.options(options) })
    }
    this.plan = [...plan.values()]
  }

  /** Types whose last announcement some kind recalls. */
  get recalled(): Set<string> {
    return new Set([...this.#kinds.values()].flatMap(kind => kind.recalls))
  }

  get(kind: string): ActorKind | undefined {
    return this.#kinds.get(kind)
  }

  #learn(definition: ActorDefinition): void {
    const known = this.#kinds.get(definition.kind)
    if (known === undefined) this.#kinds.set(definition.kind, new ActorKind(definition, this.#flags))
    else if (known.definition !== definition) throw new NameTakenError(`two definitions are of the kind ${definition.kind}: rename one`)
  }
}
