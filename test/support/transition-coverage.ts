import { createActor, type AnyActor, type AnyStateMachine, type InspectionEvent } from 'xstate'

interface Node {
  readonly id: string
  readonly transitions: ReadonlyMap<string, readonly object[]>
  readonly always?: readonly object[] | undefined
  readonly states: Readonly<Record<string, Node>>
}

/** Counts which transitions of a machine the tests take, so that none is left untested. */
export class TransitionCoverage {
  readonly #machine: AnyStateMachine
  readonly #taken = new Set<object>()

  constructor(machine: AnyStateMachine) {
    this.#machine = machine
  }

  /** Counts what an actor does when it starts. */
  start(input: object): void {
    createActor(this.#machine, { input, inspect: this.#note }).start().stop()
  }

  /** Counts the transitions of a running actor from now on. */
  watch(actor: AnyActor): void {
    actor.system.inspect({ next: this.#note })
  }

  /** The transitions that were never taken, as `state event number`. */
  missing(): string[] {
    const missing: string[] = []
    const visit = (node: Node): void => {
      for (const [event, transitions] of [...node.transitions, ['always', node.always ?? []] as const]) {
        transitions.forEach((transition, index) => {
          if (!this.#taken.has(transition)) missing.push(`${node.id} ${event} ${index}`)
        })
      }
      for (const child of Object.values(node.states)) visit(child)
    }
    visit(this.#machine.root as unknown as Node)
    return missing
  }

  readonly #note = (event: InspectionEvent): void => {
    if (event.type === '@xstate.microstep') for (const transition of event._transitions) this.#taken.add(transition)
  }
}
