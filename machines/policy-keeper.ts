import { assign, setup } from 'xstate'
import { PolicyChanged, PolicyRefused, type EventOf } from '../proto/index.ts'
import { isPeerId } from './blocklist.ts'
import { BLOCKED_MAX, defaultPolicy, fromPolicyValue, policyProblem, samePolicy, toPolicyValue, type Policy, type PolicyFacts } from './policy.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

export interface PolicyKeeperOptions extends Policy, PolicyFacts {}

export const policyKeeperDefaults: PolicyKeeperOptions = { ...defaultPolicy, peerId: '', decides: false }

interface Context {
  readonly driver: string
  readonly facts: PolicyFacts
  readonly policy: Policy
}

type Events = EventOf<'SetPolicy' | 'PeerBlocked' | 'DirectoryOpened'>

interface Args {
  readonly context: Context
  readonly event: Events
}

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** What the policy would be after an event. */
function wanted({ context: { policy }, event }: Args): Policy {
  const { blocked } = policy
  switch (event.type) {
    case 'SetPolicy':
      return fromPolicyValue(event.body.policy)
    case 'DirectoryOpened':
      return { ...policy, blocked: [...new Set([...blocked, ...event.body.blocked])].slice(0, BLOCKED_MAX) }
    case 'PeerBlocked': {
      const others = blocked.filter(entry => entry !== event.body.peerId)
      return { ...policy, blocked: event.body.blocked ? [...others, event.body.peerId] : others }
    }
    default:
      return policy
  }
}

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
    isUsual: ({ context }) => samePolicy(context.policy, defaultPolicy),
    isContradictory: args => policyProblem(wanted(args), args.context.facts) !== undefined,
    isSame: args => samePolicy(wanted(args), args.context.policy)
  },
  actions: {
    ignore: () => {},
    keep: assign(args => ({ policy: wanted(args) })),
    tell: say(args => ['', changed(args)]),
    guard: say(args => [args.context.driver, changed(args)]),
    refuse: say(args => ['', new PolicyRefused(policyProblem(wanted(args), args.context.facts))])
  }
}).createMachine({
  id: 'policy-keeper',
  description: 'Keeps the policy, takes another in its place, and tells everybody who follows it.',
  context: ({ input: { address, options } }) => {
    const { peerId, decides, ...policy } = { ...policyKeeperDefaults, ...options }
    return { driver: `${address}#guard`, facts: { peerId, decides }, policy }
  },
  initial: 'starting',
  states: {
    starting: {
      description: 'Others do what is usual unless they are told otherwise.',
      always: [{ guard: 'isUsual', target: 'keeping' }, { target: 'keeping', actions: ['guard', 'tell'] }]
    },
    keeping: {
      description: 'One policy is in force.',
      on: {
        SetPolicy: [
          { guard: 'isContradictory', actions: 'refuse' },
          { guard: 'isSame', actions: 'ignore' },
          { actions: replace }
        ],
        PeerBlocked: [
          { guard: 'isContradictory', actions: 'refuse' },
          { guard: 'isSame', actions: 'ignore' },
          { actions: replace }
        ],
        DirectoryOpened: [
          { guard: 'isSame', actions: 'ignore' },
          { actions: replace }
        ]
      }
    }
  }
})
