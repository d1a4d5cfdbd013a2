import * as ours from './generated/v1.js'
import { typeName, type Message, type MessageClass } from './message.ts'

/** Thrown by {@link Registry.register} when another class already has the name. */
export class MessageNameTakenError extends Error {
  override name = 'MessageNameTakenError'
}

/** Thrown by {@link Registry.get} for a type that nobody registered. */
export class UnknownMessageError extends Error {
  override name = 'UnknownMessageError'
}

/** Message types by name: ours from the start, a host program's as it registers them. */
export class Registry {
  readonly #types = new Map<string, MessageClass>()

  constructor() {
    for (const type of Object.values(ours)) if (typeof type === 'function') this.register(type as MessageClass)
  }

  /** @throws MessageNameTakenError when a different class is registered by that name */
  register(...types: MessageClass[]): void {
    for (const type of types) {
      const name = typeName(type)
      const known = this.#types.get(name)
      if (known !== undefined && known !== type) {
        throw new MessageNameTakenError(`two message types are named ${name}: give each package its own name`)
      }
      this.#types.set(name, type)
    }
  }

  has(name: string): boolean {
    return this.#types.has(name)
  }

  /** @throws UnknownMessageError when nobody registered the name */
  get<T extends Message = Message>(name: string): MessageClass<T> {
    const type = this.#types.get(name)
    if (type === undefined) {
      throw new UnknownMessageError(`no message type is named ${name}: register it with createPeer({ messages: [...] })`)
    }
    return type as MessageClass<T>
  }

  names(): string[] {
    return [...this.#types.keys()]
  }
}
