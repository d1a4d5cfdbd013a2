import { bodyOf, type PeerConnectionContext, type PeerConnectionEvent } from './peer-connection-context.ts'
import { demandsOf, stepsToRun, stepThatDiffers, type StepDemands } from './step-order.ts'

/** What both sides demand, once the other has identified itself. */
function demandsWith({ options: { steps: own, answers, direction } }: PeerConnectionContext, event: PeerConnectionEvent): StepDemands {
  return { own, answers, demands: bodyOf(event, 'Identify')?.demands ?? [], dialled: direction === 'out' }
}

/** Names of our own steps that need the other side's part. */
export function ownDemands({ options: { steps: own, answers } }: PeerConnectionContext): string[] {
  return demandsOf({ own, answers })
}

/** Which steps run on a link, told by what both sides demand. */
export function planOf(context: PeerConnectionContext, event: PeerConnectionEvent): readonly string[] {
  return stepsToRun(demandsWith(context, event))
}

/** The step of the other side in which we cannot take part. */
export function differingStep(context: PeerConnectionContext, event: PeerConnectionEvent): string | undefined {
  return stepThatDiffers(demandsWith(context, event))
}

/** Names of the steps that the other side has passed; those that only it demands are not among them. */
export function passedSteps({ passed, plan, options: { steps } }: PeerConnectionContext): string[] {
  return passed.filter((_, index) => steps.includes(plan[index] ?? ''))
}
