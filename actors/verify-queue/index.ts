import { stepDefaults, type StepOptions } from '../../machines/verify-step.ts'
import { verifyQueueMachine } from '../../machines/verify-queue.ts'
import { InboundReopened } from '../../proto/index.ts'
import { defineActor } from '../seam/index.ts'

/** The step `queue` of inbound links, where the policy places those in a queue. */
export const verifyQueueDefinition = defineActor<StepOptions>({
  kind: 'verify-queue',
  machine: verifyQueueMachine,
  options: stepDefaults,
  listens: [InboundReopened]
})
