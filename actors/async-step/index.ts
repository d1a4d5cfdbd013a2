import { asyncStepDefaults, asyncStepMachine, type AsyncStepOptions } from '../../machines/async-step.ts'
import { Level, StepMessage } from '../../proto/index.ts'
import { defineActor, type ActorDefinition } from '../seam/index.ts'
import { runDriver, type StepFunction } from './run-driver.ts'

export { StepRefusal, type StepCall, type StepFunction } from './run-driver.ts'
export type { AsyncStepOptions } from '../../machines/async-step.ts'

export interface AsyncStepSettings {
  /** For the function, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /** The function talks to its counterpart, so that the other side must have a step of this name too. @default false */
  readonly talks?: boolean
}

/**
 * A verification step that is a function of the host program. A driver calls it for each link; its verdict is in the log,
 * so that runs replay without it.
 * @param name in kebab-case; both sides see it
 * @throws TypeError when the name is none
 */
export function asyncStep(name: string, run: StepFunction, { timeoutMs = asyncStepDefaults.timeoutMs, talks = false }: AsyncStepSettings = {}): ActorDefinition<AsyncStepOptions> {
  return defineActor<AsyncStepOptions>({
    kind: `verify-${name}`,
    machine: asyncStepMachine,
    drivers: { run: runDriver(run) },
    options: { ...asyncStepDefaults, name, timeoutMs },
    ...(talks && { wire: [{ type: StepMessage, level: Level.LEVEL_IDENTIFIED }] })
  })
}
