import type { Message } from '../../proto/index.ts'
import { FrameMalformedError } from './frame-errors.ts'
import type { WireEntry } from './wire-types.ts'

/**
 * A message as it came in; decoded when first read. It shows memory that is used again, so it is valid
 * until the handler returns, or until the promise settles that it returned: copy what is kept.
 */
export class ArrivedMessage<T extends Message = Message> {
  readonly #entry: WireEntry
  #buffer: Uint8Array | undefined
  readonly #start: number
  readonly #end: number
  #body: T | undefined

  constructor(entry: WireEntry, buffer: Uint8Array, start: number, end: number) {
    this.#entry = entry
    this.#buffer = buffer
    this.#start = start
    this.#end = end
  }

  get type(): string {
    return this.#entry.name
  }

  /** Encoded. @throws TypeError when the handler is through with it */
  get bytes(): Uint8Array {
    if (this.#buffer === undefined) throw new TypeError(`this ${this.type} was valid only until its handler returned: copy what is kept`)
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /**
   * Decoded; its bytes fields are views like {@link bytes}.
   * @throws FrameMalformedError when it cannot be decoded
   * @throws TypeError when the handler is through with it and never looked
   */
  get body(): T {
    return (this.#body ??= decodeBody(this.#entry, this.bytes) as T)
  }

  /** The handlers are through with it. */
  expire(): void {
    this.#buffer = undefined
  }
}

/** @throws FrameMalformedError when the bytes are no message of the type */
export function decodeBody(entry: Pick<WireEntry, 'type' | 'name'>, bytes: Uint8Array): Message {
  try {
    return entry.type.decode(bytes)
  } catch (error) {
    throw new FrameMalformedError(`${entry.name} cannot be decoded: ${error instanceof Error ? error.message : 'unknown error'}`)
  }
}
