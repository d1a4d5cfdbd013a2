import type { MachineInput } from './publish.ts'

/**
 * Behaviour flag: an actor that failed and is restarted goes on where it was, and what it recalls comes in the order in which it was
 * announced. Before, it began anew.
 */
export const RESUMES = 2

/** Whether the machine is to go on where another incarnation of it was. */
export const isResumed = ({ incarnation, flags }: Pick<MachineInput, 'incarnation' | 'flags'>): boolean => incarnation > 0 && flags.includes(RESUMES)
