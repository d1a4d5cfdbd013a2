import { createActor, type Actor, type AnyStateMachine } from 'xstate'
import type { Outgoing } from '../../machines/publish.ts'
import { classOf, typeName, type BodyOf, type Message, type MessageName } from '../../proto/index.ts'
import { HeapClock } from '../../runtime/kernel/clock.ts'

/** What a machine published, and when. */
export interface Said {
  readonly time: number
  readonly to: string
  readonly type: string
  readonly body: Message
}

/** One machine on a clock that the test drives, with what it publishes: no bus, no drivers. */
export class MachineRun {
  readonly clock = new HeapClock()
  readonly actor: Actor<AnyStateMachine>
  readonly said: Said[] = []
  #seq = 0

  constructor(machine: AnyStateMachine, input: { address: string; options: object; random?: number }) {
    this.actor = createActor(machine, {
      input: { parent: 'system', random: 1, ...input },
      clock: { setTimeout: (fn, ms) => this.clock.setTimeout(fn, ms), clearTimeout: id => this.clock.clearTimeout(id) }
    })
    this.actor.on('publish', event => {
      const { to, body } = event as Outgoing
      this.said.push({ time: this.clock.now(), to, type: typeName(classOf(body)), body })
    })
    this.actor.subscribe({ error: error => { throw error } })
    this.actor.start()
  }

  get state(): unknown {
    return this.actor.getSnapshot().value
  }

  get context(): any {
    return this.actor.getSnapshot().context
  }

  get done(): boolean {
    return this.actor.getSnapshot().status === 'done'
  }

  /** Gives it a message now. Throws where the machine cannot take it, which on the bus is a dead letter. */
  hear(body: Message, from = 'host'): void {
    const type = typeName(classOf(body))
    const event = { type, seq: ++this.#seq, time: this.clock.now(), from, to: '', cause: 0, body, bytes: new Uint8Array() }
    if (!this.actor.getSnapshot().can(event)) throw new Error(`${type} is not taken in ${JSON.stringify(this.state)}`)
    this.actor.send(event)
  }

  /** Lets time pass; timers fire when they are due. */
  pass(ms: number): void {
    this.clock.advanceTo(this.clock.now() + ms)
  }

  /** Everything of one type that was published so far. */
  of<N extends MessageName>(type: N): { time: number; to: string; body: BodyOf<N> }[] {
    return this.said.filter(said => said.type === type) as never
  }

  /** What was published since the last call. */
  take(): Said[] {
    return this.said.splice(0)
  }
}
