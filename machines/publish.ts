import { emit, type EventObject, type MachineContext } from 'xstate'
import type { Message } from '../proto/index.ts'

/**
 * What the system gives every machine as its input. Contexts are plain JSON data throughout, so that
 * a checkpoint can hold them.
 */
export interface MachineInput<Options = Record<string, unknown>> {
  /** The actor's own address, `kind/id`; its drivers are at `${address}#name`. */
  readonly address: string
  /** Address of the actor that spawned it; `system` for actors of the peer. */
  readonly parent: string
  readonly options: Options
  /**
   * Numbers of the behaviour flags in force in this run, ascending: a behaviour that would change what old logs do asks for its own
   * here, so that they replay as they ran.
   */
  readonly flags: readonly number[]
  /** How many times the actor has failed and was started again. */
  readonly incarnation: number
  /** Start of the actor's random stream; see random.ts. */
  readonly random: number
}

/** A message that a machine publishes: the system puts it on the bus. */
export interface Outgoing extends EventObject {
  readonly type: 'publish'
  /** An address, or empty to announce. */
  readonly to: string
  readonly body: Message
}

/**
 * Action that publishes a message: `publish(({ context }) => [to, body])`. It is XState's own emit,
 * so the machine stays pure and anyone can run it without the runtime.
 */
export function publish<C extends MachineContext, E extends EventObject, All extends EventObject>(
  make: (args: { context: C; event: E }) => readonly [to: string, body: Message]
) {
  return emit<C, E, undefined, All, Outgoing>(({ context, event }) => {
    const [to, body] = make({ context, event })
    return { type: 'publish', to, body }
  })
}
