import { stepDefaults, type StepOptions } from '../../machines/verify-step.ts'
import { verifyAskMachine } from '../../machines/verify-ask.ts'
import { DecidePeer } from '../../proto/index.ts'
import { defineActor } from '../seam/index.ts'

/** The step `ask`: the host program, or the person at the terminal, approves each peer; remembered by the actor `approvals/main`. */
export const verifyAskDefinition = defineActor<StepOptions>({
  kind: 'verify-ask',
  machine: verifyAskMachine,
  options: stepDefaults,
  listens: [DecidePeer]
})
