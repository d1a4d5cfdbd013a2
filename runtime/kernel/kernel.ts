import type { Envelope, Message } from '../../proto/index.ts'
import type { Bus } from './bus.ts'
import type { HeapClock } from './clock.ts'
import type { InputAddress, Inspection, KernelOptions } from './contract.ts'

/** Skeleton: the contract that others code against. */
export declare class Kernel {
  constructor(options: KernelOptions)
  readonly clock: HeapClock
  readonly bus: Bus
  /** Seq that the next envelope or timer will get. */
  get nextSeq(): number
  get draining(): boolean
  get stopped(): boolean
  start(): void
  advanceTo(time: number): void
  input(body: Message, address: InputAddress): Envelope
  inputEncoded(type: string, bytes: Uint8Array, address: InputAddress): Envelope
  nextDue(): number | undefined
  stop(reason: string): void
  onStopped(listener: () => void): () => void
  inspect(): Inspection
}
