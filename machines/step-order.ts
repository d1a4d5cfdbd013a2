import { stepName } from './verify-step.ts'

/** Steps of the other side that need our part; more are refused. */
const DEMANDS_MAX = 16

/** What both sides of a link demand of each other. */
export interface StepDemands {
  /** Kinds of the steps that we demand, in order. */
  readonly own: readonly string[]
  /** Kinds of the steps in which we can take part where the other side demands them; those of `own` among them need its part too. */
  readonly answers: readonly string[]
  /** Names of the steps that the other side demands and that need our part. */
  readonly demands: readonly string[]
  /** We dialled. */
  readonly dialled: boolean
}

/** Names of our steps that need the other side's part: what Identify tells it. */
export function demandsOf({ own, answers }: Pick<StepDemands, 'own' | 'answers'>): string[] {
  return own.filter(kind => answers.includes(kind)).map(stepName)
}

/** A step that the other side demands and in which we cannot take part. */
export function stepThatDiffers({ answers, demands }: Pick<StepDemands, 'answers' | 'demands'>): string | undefined {
  const names = answers.map(stepName)
  return demands.find((name, index) => index >= DEMANDS_MAX || !names.includes(name))
}

/**
 * Kinds of the steps that run on this side, in order. Steps that need both sides run in one order on both, so that nobody
 * waits for a step that the other has yet to come to: each side's own order, and where the two contradict, the acceptor's.
 */
export function stepsToRun({ own, answers, demands, dialled }: StepDemands): readonly string[] {
  const ours = own.filter(kind => answers.includes(kind))
  if (ours.length === 0 && demands.length === 0) return own
  const theirs = demands.flatMap(name => answers.filter(kind => stepName(kind) === name))
  const common = dialled ? merged(ours, theirs) : merged(theirs, ours)
  // Steps of ours alone keep their place among those of both, and come before what we only do for the other side: it is
  // proved nothing before it has passed them.
  const steps: string[] = []
  let at = 0
  const alone = (until: number): void => {
    for (; at < until; at++) if (!ours.includes(own[at]!)) steps.push(own[at]!)
  }
  const nextOfBoth = (): number => {
    const next = own.findIndex((kind, index) => index >= at && ours.includes(kind) && !steps.includes(kind))
    return next < 0 ? own.length : next
  }
  for (const kind of common) {
    alone(own.includes(kind) ? own.indexOf(kind) : nextOfBoth())
    steps.push(kind)
  }
  alone(own.length)
  return steps
}

/** Both lists in one, each name once; what stands before a common name in the second does so in the result. */
function merged(first: readonly string[], second: readonly string[]): string[] {
  const all = new Set<string>()
  for (const name of first) {
    for (const before of second.slice(0, second.indexOf(name) + 1)) all.add(before)
    all.add(name)
  }
  for (const name of second) all.add(name)
  return [...all]
}
