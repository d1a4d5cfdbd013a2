import type { Message } from '../../proto/index.ts'
import { FrameMalformedError } from './frame-errors.ts'
import type { WireEntry } from './wire-types.ts'

/** A message as it came in; decoded when first read. */
export class ArrivedMessage<T extends Message = Message> {
  readonly #entry: WireEntry
  readonly #buffer: Uint8Array
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

  /** Encoded; a view into what was read from the socket, so copy what is kept for long. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /** Decoded; its bytes fields are views like {@link bytes}. @throws FrameMalformedError when it cannot be decoded */
  get body(): T {
    return (this.#body ??= decodeBody(this.#entry, this.bytes) as T)
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
