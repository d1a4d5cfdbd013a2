import { Frame, Level, typeName, type MessageClass } from '../../proto/index.ts'
import { serviceKey, type WireType } from '../seam/index.ts'
import { builtIn } from './built-in.ts'

/** Thrown when two parts of a peer declare one type in different ways, or one that the link itself speaks. */
export class WireTypeConflictError extends Error {
  override name = 'WireTypeConflictError'
}

/** A type that this peer speaks with others. */
export interface WireEntry {
  readonly name: string
  readonly type: MessageClass
  /** Lowest level of a link at which it may pass. */
  readonly level: Level
  readonly via: 'bus' | 'pump'
  /** Position in {@link WireTypes.accepts}. */
  readonly index: number
  /** Kinds of the actors that declared it. */
  readonly kinds: ReadonlySet<string>
}

/** Every type that this peer speaks with others, as its actors and its host program declared them. */
export interface WireTypes {
  /**
   * Adds what an actor of this kind declared; `host` for the host program's own.
   * @throws WireTypeConflictError when a type is known in another way
   * @throws RangeError when its level is not one at which messages pass
   */
  add(types: readonly WireType[], kind: string): void
  /** Names, in the order that gives them their numbers on the wire; what `Identify.accepts` says. */
  readonly accepts: readonly string[]
  at(index: number): WireEntry | undefined
  named(name: string): WireEntry | undefined
  of(type: MessageClass): WireEntry | undefined
}

export const WireTypes = serviceKey<WireTypes>('wire-types', () => new WireTypeTable())

const ownNames: ReadonlySet<string> = new Set([Frame, ...builtIn.slice(1)].map(type => typeName(type as MessageClass)))

type Entry = WireEntry & { readonly kinds: Set<string> }

class WireTypeTable implements WireTypes {
  readonly accepts: string[] = []
  readonly #entries: WireEntry[] = []
  readonly #byName = new Map<string, Entry>()
  readonly #byType = new Map<MessageClass, WireEntry>()

  add(types: readonly WireType[], kind: string): void {
    for (const declared of types) this.#add(declared, kind)
  }

  at(index: number): WireEntry | undefined {
    return this.#entries[index]
  }

  named(name: string): WireEntry | undefined {
    return this.#byName.get(name)
  }

  of(type: MessageClass): WireEntry | undefined {
    return this.#byType.get(type)
  }

  #add({ type, level = Level.LEVEL_ENHANCED, via = 'bus' }: WireType, kind: string): void {
    const name = typeName(type)
    if (ownNames.has(name)) throw new WireTypeConflictError(`${name} belongs to the link itself: ${kind} cannot speak it, give its message another name`)
    if (level < Level.LEVEL_IDENTIFIED || level > Level.LEVEL_ENHANCED) {
      throw new RangeError(`${name} of ${kind} has level ${level}: messages pass from LEVEL_IDENTIFIED to LEVEL_ENHANCED`)
    }
    const known = this.#byName.get(name)
    if (known !== undefined) {
      if (known.type !== type || known.level !== level || known.via !== via) {
        throw new WireTypeConflictError(`${name} of ${kind} is declared otherwise by ${[...known.kinds].join(', ')}: use one class, level and route everywhere`)
      }
      known.kinds.add(kind)
      return
    }
    const entry = { name, type, level, via, index: this.#entries.length, kinds: new Set([kind]) }
    this.#entries.push(entry)
    this.#byName.set(name, entry)
    this.#byType.set(type, entry)
    this.accepts.push(name)
  }
}
