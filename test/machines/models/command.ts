import fc from 'fast-check'
import type { AnyStateMachine } from 'xstate'
import { MachineRun, type MachineRunOptions, type Said } from '../../../runtime/testing/machine-run.ts'

/** Something that happens to a machine, and what a model expects of it then. */
export interface Happening<M> {
  readonly name: string
  readonly possible?: (model: M) => boolean
  readonly happen: (run: MachineRun) => void
  /** Changes the model, and compares with what the machine published. */
  readonly check: (model: M, said: readonly Said[], run: MachineRun) => void
}

class Command<M> implements fc.Command<object, MachineRun> {
  readonly #happening: Happening<M>

  constructor(happening: Happening<M>) {
    this.#happening = happening
  }

  check(model: object): boolean {
    return this.#happening.possible?.(model as M) ?? true
  }

  run(model: object, run: MachineRun): void {
    run.take()
    this.#happening.happen(run)
    this.#happening.check(model as M, run.take(), run)
  }

  toString(): string {
    return this.#happening.name
  }
}

export interface ModelTest<M extends object> {
  readonly options: MachineRunOptions
  readonly model: (run: MachineRun) => M
  readonly happenings: readonly fc.Arbitrary<Happening<M>>[]
}

/** A machine does as its model does, whatever happens to it. */
export function property<M extends object>(machine: AnyStateMachine, { options, model, happenings }: ModelTest<M>) {
  const commands = fc.commands(happenings.map(each => each.map(happening => new Command(happening))), { maxCommands: 30, size: 'max' })
  return fc.property(commands, sequence => fc.modelRun(() => {
    const real = new MachineRun(machine, options)
    return { model: model(real), real }
  }, sequence))
}

/** The shortest sequence that shows the bug that was put into the machine; empty where none was found. */
export function found<M extends object>(machine: AnyStateMachine, test: ModelTest<M>, numRuns = 500): string {
  const { failed, counterexample } = fc.check(property(machine, test), { numRuns, seed: 1 })
  return failed ? String(counterexample) : ''
}
