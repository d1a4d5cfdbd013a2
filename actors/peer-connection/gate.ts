import { Level, type SetGate } from '../../proto/index.ts'
import { FIRST_ACCEPTED } from './built-in.ts'
import type { LinkOptions } from './link-options.ts'
import type { WireEntry, WireTypes } from './wire-types.ts'

/** What may pass a link, in either direction; as the connection's machine has set it. */
export class Gate {
  level: Level = Level.LEVEL_SECURED
  /** Address of the verification step that runs. */
  step = ''
  /** The other side has verified us. */
  verifiedUs = false
  readonly #options: LinkOptions
  readonly #types: WireTypes
  /** Numbers that the other side gave our types, by their index; 0 for those that it does not accept. */
  readonly #numbers: number[] = []
  #theirMaxFrameBytes = 0

  constructor(options: LinkOptions, types: WireTypes) {
    this.#options = options
    this.#types = types
  }

  set({ level, step, accepts, maxFrameBytes }: SetGate): void {
    this.level = level
    this.step = step
    if (maxFrameBytes > 0) this.#theirMaxFrameBytes = maxFrameBytes
    accepts.forEach((name, index) => {
      const entry = this.#types.named(name)
      if (entry !== undefined) this.#numbers[entry.index] ??= FIRST_ACCEPTED + index
    })
  }

  /** The type's number in frames to the other side; 0 where it does not accept it. */
  numberOf(entry: WireEntry): number {
    return this.#numbers[entry.index] ?? 0
  }

  /** Largest frame that we take, in bytes. */
  get takes(): number {
    return this.level >= Level.LEVEL_ENHANCED ? this.#options.maxFrameBytes : this.#options.maxFrameBytesBelow
  }

  /** Largest frame that the other side takes, in bytes. */
  get gives(): number {
    const { maxFrameBytes, maxFrameBytesBelow } = this.#options
    return this.level >= Level.LEVEL_ENHANCED ? this.#theirMaxFrameBytes || maxFrameBytes : maxFrameBytesBelow
  }
}
