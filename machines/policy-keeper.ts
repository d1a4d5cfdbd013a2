import { assign, setup } from 'xstate'
import { NameChanged, PolicyChanged, PolicyRefused, type EventOf } from '../proto/index.ts'
import { isPeerId } from './blocklist.ts'
import {
  changeProblem, defaultPolicy, nameProblem, policyProblem, samePolicy, toPolicyValue,
  type Policy, type PolicyFacts, type PolicyProblem
} from './policy.ts'
import { policyAfter } from './policy-change.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { isResumed, RESUMES } from './resume.ts'

export interface PolicyKeeperOptions extends Policy, PolicyFacts {
  /** An authority has said what this peer is called. @default false */
  readonly named: boolean
}

export const policyKeeperDefaults: PolicyKeeperOptions = { ...defaultPolicy, peerId: '', decides: false, authority: false, named: false }

interface Context {
  readonly driver: string
  readonly facts: PolicyFacts
  readonly policy: Policy
  readonly named: boolean
  /** It goes on where it was when it failed. */
  readonly resumed: boolean
  /** The behaviour flag {@link RESUMES} is in force. */
  readonly resumes: boolean
}

type Events = EventOf<'SetPolicy' | 'SetName' | 'PeerBlocked' | 'DirectoryOpened' | 'PolicyChanged' | 'NameChanged'>

interface Args {
  readonly context: Context
  readonly event: Events
}

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** What the policy would be after an event. */
const wanted = ({ context: { policy }, event }: Args): Policy =>
  // Within a timer it is XState's own event.
  event.type === 'SetName' || event.type === 'NameChanged' || !('body' in event) ? policy : policyAfter(policy, event)

/** What is wrong with what is asked for. */
function problem(args: Args): PolicyProblem | undefined {
  const { context: { policy, facts, named }, event } = args
  if (event.type === 'SetName') return nameProblem(policy, event.body.name, event.body.remote, named)
  return policyProblem(wanted(args), facts) ?? changeProblem(policy, wanted(args), named)
}

/** Whether an authority has said, after an event, what this peer is called. */
function isNamed({ context: { named }, event }: Args): boolean {
  return named || (event.type === 'SetName' && event.body.remote) || (event.type === 'NameChanged' && event.body.named)
}

const nameChanged = (args: Args) => new NameChanged({ name: (args.event as EventOf<'SetName'>).body.name, named: args.context.resumes && isNamed(args) })

function changed(args: Args): PolicyChanged {
  const policy = wanted(args)
  const unblocked = args.context.policy.blocked.filter(entry => !policy.blocked.includes(entry) && isPeerId(entry))
  return new PolicyChanged({ policy: toPolicyValue(policy), unblocked })
}

/** What follows from another policy, before it is kept. */
const replace = ['guard', 'tell', 'keep'] as const

/** Keeps the policy of a peer, takes another in its place, and tells everybody who follows it. */
export const policyKeeperMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<PolicyKeeperOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    isResumed: ({ context }) => context.resumed,
    isRecalled: ({ event }) => event.from === 'system',
    isUsual: ({ context }) => samePolicy(context.policy, defaultPolicy),
    isContradictory: args => problem(args) !== undefined,
    isSame: args => samePolicy(wanted(args), args.context.policy)
  },
  actions: {
    ignore: () => {},
    keep: assign(args => ({ policy: wanted(args) })),
    tell: say(args => ['', changed(args)]),
    guard: say(args => [args.context.driver, changed(args)]),
    refuse: say(args => ['', new PolicyRefused(problem(args))]),
    tellName: say(args => ['', nameChanged(args)]),
    guardName: say(args => [args.context.driver, nameChanged(args)]),
    keepNamed: assign(args => ({ named: isNamed(args) }))
  }
}).createMachine({
  id: 'policy-keeper',
  description: 'Keeps the policy, takes another in its place, and tells everybody who follows it.',
  context: ({ input }) => {
    const { address, options, flags } = input
    const { peerId, decides, authority, named, ...policy } = { ...policyKeeperDefaults, ...options }
    return { driver: `${address}#guard`, facts: { peerId, decides, authority }, policy, named, resumed: isResumed(input), resumes: flags.includes(RESUMES) }
  },
  initial: 'starting',
  on: {
    SetPolicy: [
      { guard: 'isContradictory', actions: 'refuse' },
      { guard: 'isSame', actions: 'ignore' },
      { actions: replace }
    ],
    SetName: [
      { guard: 'isContradictory', actions: 'refuse' },
      { actions: ['guardName', 'tellName', 'keepNamed'] }
    ],
    PeerBlocked: [
      { guard: 'isContradictory', actions: 'refuse' },
      { guard: 'isSame', actions: 'ignore' },
      { actions: replace }
    ],
    DirectoryOpened: [
      { guard: 'isSame', actions: 'ignore' },
      { actions: replace }
    ],
    PolicyChanged: { actions: 'ignore' },
    NameChanged: { actions: 'ignore' }
  },
  states: {
    starting: {
      description: 'Others do what is usual unless they are told otherwise.',
      always: [{ guard: 'isResumed', target: 'resuming' }, { guard: 'isUsual', target: 'keeping' }, { target: 'keeping', actions: ['guard', 'tell'] }]
    },
    resuming: {
      description: 'It failed: what it said last, and what it missed, comes before anything else. Nobody is told of what was so before.',
      on: {
        PolicyChanged: [{ guard: 'isRecalled', actions: 'keep' }, { actions: 'ignore' }],
        NameChanged: [{ guard: 'isRecalled', actions: 'keepNamed' }, { actions: 'ignore' }],
        DirectoryOpened: { actions: 'keep' }
      },
      after: { 0: { target: 'keeping', actions: ['guard', 'tell'] } }
    },
    keeping: { description: 'One policy is in force.' }
  }
})
