import type { AnyStateMachine } from 'xstate'
import type { MachineInput } from '../../machines/index.ts'
import { classOf, typeName, type Message } from '../../proto/index.ts'
import { transitionCoverage, type TransitionCoverage } from './coverage.ts'
import { MachineRun } from './machine-run.ts'

/** One thing that happens to a machine: a message from the host or from who is named, or time that passes. */
export type PathStep = Message | readonly [body: Message, from: string] | { readonly waitMs: number }

export interface PathOptions {
  /** What the machine is started with. @default the address `MACHINE/main`, the parent `system`, no options */
  readonly input?: Partial<MachineInput<object>>
  /**
   * What may happen in any state; what a state does not take is left out there. As a function it may look at
   * the run so far, for messages that must fit it. That the next timer fires is always tried as well.
   */
  readonly events: readonly PathStep[] | ((run: MachineRun) => readonly PathStep[])
  /**
   * What of the context tells situations apart, besides the state and the transitions that the events would
   * take: for example a counter that decides only at its third count. @default nothing
   */
  readonly key?: (context: any) => unknown
  /** Counts for several calls together, for example with other options. @default a new one */
  readonly coverage?: TransitionCoverage
  /** Runs of the machine before it gives up with {@link EndlessPathsError}. @default 20000, about ten seconds */
  readonly maxRuns?: number
}

export interface MachinePaths {
  readonly coverage: TransitionCoverage
  readonly paths: readonly MachinePath[]
}

/** A shortest way to a situation, or through a transition, that no shorter way leads to. */
export class MachinePath {
  readonly steps: readonly PathStep[]
  /** The state value at its end. */
  readonly state: unknown
  readonly #machine: AnyStateMachine
  readonly #input: Partial<MachineInput<object>>

  constructor(machine: AnyStateMachine, input: Partial<MachineInput<object>>, steps: readonly PathStep[], state: unknown) {
    this.#machine = machine
    this.#input = input
    this.steps = steps
    this.state = state
  }

  /** The steps in words, the name of a test. */
  get title(): string {
    return `${this.steps.map(nameOf).join(', ') || 'nothing'} ⇒ ${JSON.stringify(this.state)}`
  }

  /** Goes it again with a fresh machine. @param coverage counts what the machine does */
  run(coverage?: TransitionCoverage): MachineRun {
    const run = new MachineRun(this.#machine, { ...this.#input, ...(coverage === undefined ? {} : { coverage }) })
    for (const step of this.steps) take(run, step)
    return run
  }
}

/**
 * Walks a machine breadth first, from the events that it may be given and its own timers, to every state
 * and every transition that they lead to. It is run for this on a clock of its own, where `xstate/graph`
 * asks it: so time passes as it will, and what a machine tells itself later is seen too.
 * @throws PathError when the machine throws; `cause` is what it threw
 * @throws EndlessPathsError when it goes on finding new situations
 */
export function pathsOf(machine: AnyStateMachine, options: PathOptions): MachinePaths {
  const { input = {}, events, key = () => null, coverage = transitionCoverage(machine), maxRuns = 20_000 } = options
  const numbers = new Map<object, number>()
  const eventsOf = (run: MachineRun): readonly PathStep[] => typeof events === 'function' ? events(run) : events
  let runs = 0

  const go = (steps: readonly PathStep[]): MachineRun => {
    if (++runs > maxRuns) throw new EndlessPathsError(machine.id, seen.size, maxRuns)
    const path = new MachinePath(machine, input, steps, undefined)
    try {
      return path.run(coverage)
    } catch (error) {
      throw new PathError(machine.id, steps, error)
    }
  }
  const transitions = (run: MachineRun, step: PathStep): number[] => {
    if (run.done || 'waitMs' in step) return []
    const snapshot = run.actor.getSnapshot()
    return machine.getTransitionData(snapshot, run.envelope(...heard(step)) as never).map(transition => {
      if (!numbers.has(transition)) numbers.set(transition, numbers.size)
      return numbers.get(transition)!
    })
  }
  const keyOf = (run: MachineRun): string =>
    JSON.stringify([run.state, run.clock.size > 0, key(run.context), eventsOf(run).map(step => transitions(run, step))])

  const seen = new Set<string>()
  const paths: MachinePath[] = []
  const queue: (readonly PathStep[])[] = []
  const visit = (steps: readonly PathStep[]): void => {
    const taken = coverage.taken
    const run = go(steps)
    const situation = keyOf(run)
    const known = seen.has(situation)
    if (known && coverage.taken === taken) return
    paths.push(new MachinePath(machine, input, steps, run.state))
    if (known) return
    seen.add(situation)
    if (!run.done) queue.push(steps)
  }
  visit([])
  for (const steps of queue) {
    const run = go(steps)
    const due = run.clock.nextDue()
    for (const step of eventsOf(run)) {
      if ('waitMs' in step || transitions(run, step).length > 0) visit([...steps, step])
    }
    if (due !== undefined) visit([...steps, { waitMs: due - run.clock.now() }])
  }
  return { coverage, paths }
}

/** A machine threw on a path; `cause` is what it threw. */
export class PathError extends Error {
  override name = 'PathError'
  readonly steps: readonly PathStep[]

  constructor(machine: string, steps: readonly PathStep[], cause: unknown) {
    super(`${machine} threw after ${steps.map(nameOf).join(', ') || 'its start'}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.steps = steps
  }
}

/** The walk goes on finding new situations. */
export class EndlessPathsError extends Error {
  override name = 'EndlessPathsError'

  constructor(machine: string, situations: number, runs: number) {
    super(`${machine} was in ${situations} situations after ${runs} runs, and the walk still finds new ones: ` +
      'leave out of key what grows without end (counters, times), give fewer events, or raise maxRuns')
  }
}

function heard(step: PathStep): readonly [body: Message, from: string] {
  return Array.isArray(step) ? step as unknown as [Message, string] : [step, 'host']
}

function take(run: MachineRun, step: PathStep): void {
  if ('waitMs' in step) run.pass(step.waitMs as number)
  else run.hear(...heard(step))
}

function nameOf(step: PathStep): string {
  if ('waitMs' in step) return `${String(step.waitMs)} ms`
  const [body] = heard(step)
  const fields = JSON.stringify(body, (_, value: unknown) => value instanceof Uint8Array ? `${value.length} bytes` : value).replaceAll('"', '')
  return `${typeName(classOf(body))}${fields === '{}' ? '' : ` ${fields.length > 60 ? `${fields.slice(0, 59)}…` : fields}`}`
}
