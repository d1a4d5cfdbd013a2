import { assign, setup } from 'xstate'
import { Approval, ApprovalFound, Decision, LoadApprovals, StoreApprovals, type EventOf } from '../proto/index.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { cleanText } from './text.ts'

export interface ApprovalsOptions {
  /** Most peers remembered; the one that was decided longest ago is forgotten. @default 10000, about a megabyte */
  readonly maxPeers: number
}

export const approvalsDefaults: ApprovalsOptions = { maxPeers: 10_000 }

/** A reason is read on one line. */
const REASON_CHARS = 200

interface Kept {
  readonly peerId: string
  readonly decision: Decision
  readonly reason: string
}

interface Context {
  readonly driver: string
  readonly options: ApprovalsOptions
  /** Oldest decision first. */
  readonly kept: readonly Kept[]
}

type Events = EventOf<'ApprovalsLoaded' | 'ApprovalWanted' | 'DecidePeer' | 'RevokeTrust'>

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

const without = (kept: readonly Kept[], peerId: string): Kept[] => kept.filter(each => each.peerId !== peerId)

const found = (kept: readonly Kept[], peerId: string): ApprovalFound => {
  const { decision = Decision.DECISION_UNSPECIFIED, reason = '' } = kept.find(each => each.peerId === peerId) ?? {}
  return new ApprovalFound({ decision, reason })
}

/** What a person has decided about peers, kept for the next run. */
export const approvalsMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<ApprovalsOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  actions: {
    load: say(({ context }) => [context.driver, new LoadApprovals()]),
    keepLoaded: assign(({ context, event }) => ({
      // What was decided meanwhile is the newer.
      kept: [...(event as EventOf<'ApprovalsLoaded'>).body.approvals.map(({ peerId, decision, reason }) => ({ peerId: peerId!, decision: decision!, reason: reason! }))
        .filter(({ peerId }) => !context.kept.some(each => each.peerId === peerId)), ...context.kept].slice(-context.options.maxPeers)
    })),
    keepDecision: assign(({ context, event }) => {
      const { peerId, approved, reason } = (event as EventOf<'DecidePeer'>).body
      const decision = approved ? Decision.DECISION_APPROVED : Decision.DECISION_REFUSED
      return { kept: [...without(context.kept, peerId), { peerId, decision, reason: cleanText(reason, REASON_CHARS) }].slice(-context.options.maxPeers) }
    }),
    forget: assign(({ context, event }) => ({ kept: without(context.kept, (event as EventOf<'RevokeTrust'>).body.peerId) })),
    store: say(({ context }) => [context.driver, new StoreApprovals({ approvals: context.kept.map(each => new Approval(each)) })]),
    answer: say(({ context, event }) => [event.from, found(context.kept, (event as EventOf<'ApprovalWanted'>).body.peerId)])
  }
}).createMachine({
  id: 'approvals',
  description: 'What a person has decided about peers, kept for the next run.',
  context: ({ input }) => ({ driver: `${input.address}#file`, options: { ...approvalsDefaults, ...input.options }, kept: [] }),
  initial: 'loading',
  on: {
    ApprovalWanted: { actions: 'answer' },
    DecidePeer: { actions: ['keepDecision', 'store'] },
    RevokeTrust: { actions: ['forget', 'store'] }
  },
  states: {
    loading: {
      description: 'What earlier runs have kept is read.',
      entry: 'load',
      on: { ApprovalsLoaded: { target: 'keeping', actions: 'keepLoaded' } }
    },
    keeping: { description: 'Decisions are kept, and told to whoever asks.' }
  }
})
