import { createActor, type AnyActor, type AnyStateMachine, type InspectionEvent } from 'xstate'

interface Node {
  readonly id: string
  readonly transitions: ReadonlyMap<string, readonly Transition[]>
  readonly always?: readonly Transition[] | undefined
  readonly states: Readonly<Record<string, Node>>
}

interface Transition {
  readonly guard?: string | { readonly type: string } | ((...args: never[]) => unknown) | undefined
  readonly target?: readonly Node[] | undefined
  readonly source: Node
}

/** Counts which states of a machine were entered and which of its transitions were taken. */
export class TransitionCoverage {
  readonly machine: AnyStateMachine
  readonly #taken = new Set<object>()
  readonly #entered = new Set<object>()

  constructor(machine: AnyStateMachine) {
    this.machine = machine
  }

  /** Transitions taken so far. */
  get taken(): number {
    return this.#taken.size
  }

  /**
   * Counts what an actor does when it starts.
   * @throws what the machine throws
   */
  start(input: object): void {
    const actor = createActor(this.machine, { input, inspect: this.note })
    const errors: unknown[] = []
    // Where nobody listens, XState throws it a moment later, out of anybody's reach.
    actor.subscribe({ error: error => errors.push(error) })
    actor.start().stop()
    if (errors.length > 0) throw errors[0]
  }

  /** Counts the transitions of an actor from now on. */
  watch(actor: AnyActor): void {
    this.#enter(actor.getSnapshot())
    actor.system.inspect({ next: this.note })
  }

  /** For an actor's own `inspect` option: counts from its start. */
  readonly note = (event: InspectionEvent): void => {
    if (event.type === '@xstate.microstep') {
      for (const transition of event._transitions) {
        this.#taken.add(transition)
        // A state that is left at once by an `always` shows in no snapshot.
        this.#entered.add(transition.source)
      }
    } else if (event.type !== '@xstate.snapshot') return
    this.#enter(event.snapshot)
  }

  /** The transitions that were never taken, as `state: EVENT [guard] → target`. */
  missing(): string[] {
    const missing: string[] = []
    for (const { node, event, transition } of transitionsOf(this.machine)) {
      if (!this.#taken.has(transition)) missing.push(`${node.id}: ${event}${guardOf(transition)}${targetOf(transition)}`)
    }
    return missing
  }

  /** The states that were never entered, by id. */
  unreached(): string[] {
    return [...nodesOf(rootOf(this.machine))].filter(node => !this.#entered.has(node)).map(({ id }) => id)
  }

  /** One row of {@link coverageTable}. */
  figures(): CoverageFigures {
    const states = [...nodesOf(rootOf(this.machine))].length
    const transitions = [...transitionsOf(this.machine)].length
    const missing = this.missing().length
    return {
      machine: this.machine.id,
      states,
      entered: states - this.unreached().length,
      transitions,
      taken: transitions - missing,
      percent: transitions === 0 ? 100 : Math.floor((100 * (transitions - missing)) / transitions)
    }
  }

  #enter(snapshot: object): void {
    if ('_nodes' in snapshot) for (const node of snapshot._nodes as object[]) this.#entered.add(node)
  }
}

export interface CoverageFigures {
  /** The machine's id. */
  readonly machine: string
  /** States, with the root and those that hold others. */
  readonly states: number
  readonly entered: number
  /** Transitions, each alternative of an event counted. */
  readonly transitions: number
  readonly taken: number
  /** Of the transitions, rounded down: 100 only where all were taken. */
  readonly percent: number
}

/** Counts for one machine; give it to {@link pathsOf}, or let it watch the actors of tests. */
export function transitionCoverage(machine: AnyStateMachine): TransitionCoverage {
  return new TransitionCoverage(machine)
}

/** A table for people, one line a machine. */
export function coverageTable(coverages: Iterable<TransitionCoverage>): string {
  const rows = [['machine', 'states', 'transitions', 'covered']]
  for (const coverage of coverages) {
    const { machine, states, entered, transitions, taken, percent } = coverage.figures()
    rows.push([machine, `${entered}/${states}`, `${taken}/${transitions}`, `${percent} %`])
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join('  ')).join('\n')
}

function rootOf(machine: AnyStateMachine): Node {
  return machine.root as unknown as Node
}

function* nodesOf(node: Node): Generator<Node> {
  yield node
  for (const child of Object.values(node.states)) yield* nodesOf(child)
}

function* transitionsOf(machine: AnyStateMachine): Generator<{ node: Node; event: string; transition: Transition }> {
  for (const node of nodesOf(rootOf(machine))) {
    for (const [event, transitions] of [...node.transitions, ['always', node.always ?? []] as const]) {
      for (const transition of transitions) yield { node, event, transition }
    }
  }
}

function guardOf({ guard }: Transition): string {
  if (guard === undefined) return ''
  return ` [${typeof guard === 'string' ? guard : typeof guard === 'function' ? 'a guard' : guard.type}]`
}

function targetOf({ target }: Transition): string {
  return target === undefined || target.length === 0 ? '' : ` → ${target.map(({ id }) => id).join(', ')}`
}
