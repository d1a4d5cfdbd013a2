import { RESUMES } from '../../machines/resume.ts'
import type { Envelope } from '../../proto/index.ts'
import type { ActorKind } from './actor-kind.ts'

/** The last announcement of each type that some kind recalls. */
export class Announcements {
  readonly #inOrder: boolean
  // The latest last.
  readonly #last = new Map<string, Envelope>()

  /** @param flags behaviour flags in force */
  constructor(flags: readonly number[]) {
    this.#inOrder = flags.includes(RESUMES)
  }

  keep(envelope: Envelope): void {
    this.#last.delete(envelope.type)
    this.#last.set(envelope.type, envelope)
  }

  /** What an actor that starts late is given, in the order in which it was announced. */
  recalledBy({ recalls }: ActorKind): readonly Envelope[] {
    const types = this.#inOrder ? [...this.#last.keys()].filter(type => recalls.includes(type)) : recalls
    return types.flatMap(type => this.#last.get(type) ?? [])
  }

  /** All of them, the latest last. */
  [Symbol.iterator](): Iterator<Envelope> {
    return this.#last.values()
  }
}
