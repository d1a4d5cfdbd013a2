import { StepPassed, StepRefused, type Message } from '../proto/index.ts'
import { codeEntry } from './codes.ts'
import type { MachineInput } from './publish.ts'

/** What a connection tells each of its verification steps, as options. */
export interface StepOptions {
  /** Address of the link's driver; wire messages that are published to it go to the other side. */
  readonly link: string
  /** Who is at the other end; TLS has proved it. */
  readonly peerId: string
  /** The link, by the name that both ends have for it. */
  readonly linkId: string
  /** `out` where this side has dialled. */
  readonly direction: 'in' | 'out'
  /** False where only the other side demands the step, and this one does its part. @default true */
  readonly demanded: boolean
}

export const stepDefaults: StepOptions = { link: '', peerId: '', linkId: '', direction: 'out', demanded: true }

/** What every step keeps. */
export interface StepContext<Options> {
  readonly connection: string
  /** The step's own address. */
  readonly address: string
  readonly options: Options
}

export function stepContext<Options>({ address, parent, options }: MachineInput<Partial<Options>>, defaults: Options): StepContext<Options> {
  return { connection: parent, address, options: { ...defaults, ...options } }
}

/** What people and the other side call a step of this kind: `verify-pings` is `pings`, and a host's own kind stays what it is. */
export function stepName(kind: string): string {
  return kind.replace(/^verify-(?=.)/, '')
}

/** Tells the connection that the step is passed. */
export const passes = ({ connection }: { readonly connection: string }, step: string): readonly [to: string, body: Message] =>
  [connection, new StepPassed({ step })]

/** Tells the connection that the step is refused; without a reason the code's own sentence says why. */
export const refuses = ({ connection }: { readonly connection: string }, step: string, code: string, reason = ''): readonly [to: string, body: Message] =>
  [connection, new StepRefused({ step, code, reason: reason || codeEntry(code).means })]
