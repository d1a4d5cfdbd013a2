import { assign, setup } from 'xstate'
import { NameChanged, PolicyChanged, PolicyRefused, type EventOf } from '../proto/index.ts'
import { isPeerId } from './blocklist.ts'
import {
  BLOCKED_MAX, changeProblem, defaultPolicy, fromPolicyValue, nameProblem, policyProblem, samePolicy, toPolicyValue,
  type Policy, type PolicyFacts, type PolicyProblem
} from './policy.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'

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
}

type Events = EventOf<'SetPolicy' | 'SetName' | 'PeerBlocked' | 'DirectoryOpened'>

interface Args {
  readonly context: Context
  readonly event: Events
}

const say = (make: Parameters<typeof publish<Context, Events, Events>>[0]) => publish<Context, Events, Events>(make)

/** What the policy would be after an event. */
function wanted({ context: { policy }, event }: Args): Policy {
  const { blocked } = policy
  switch (event.type) {
    case 'SetPolicy': {
      const { block, unblock } = event.body
      const set = withParts(policy, event.body)
      return { ...set, blocked: union(set.blocked.filter(entry => !unblock.includes(entry)), block) }
    }
    case 'DirectoryOpened':
      return { ...policy, blocked: union(blocked, event.body.blocked).slice(0, BLOCKED_MAX) }
    case 'PeerBlocked': {
      const { peerId } = event.body
      return { ...policy, blocked: event.body.blocked ? union(blocked, [peerId]) : blocked.filter(entry => entry !== peerId) }
    }
    default:
      return policy
  }
}

/** What is wrong with what is asked for. */
function problem(args: Args): PolicyProblem | undefined {
  const { context: { policy, facts, named }, event } = args
  if (event.type === 'SetName') return nameProblem(policy, event.body.name, event.body.remote, named)
  return policyProblem(wanted(args), facts) ?? changeProblem(policy, wanted(args), named)
}

function withParts(policy: Policy, { policy: given, parts }: EventOf<'SetPolicy'>['body']): Policy {
  if (given === null || given === undefined) return policy
  const whole = fromPolicyValue(given)
  return parts.length === 0 ? whole : { ...policy, ...Object.fromEntries(Object.entries(whole).filter(([name]) => parts.includes(name))) }
}

const union = (entries: readonly string[], more: readonly string[]): string[] => [...new Set([...entries, ...more])]

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
    isContradictory: args => problem(args) !== undefined,
    isSame: args => samePolicy(wanted(args), args.context.policy)
  },
  actions: {
    ignore: () => {},
    keep: assign(args => ({ policy: wanted(args) })),
    tell: say(args => ['', changed(args)]),
    guard: say(args => [args.context.driver, changed(args)]),
    refuse: say(args => ['', new PolicyRefused(problem(args))]),
    tellName: say(({ event }) => ['', new NameChanged({ name: (event as EventOf<'SetName'>).body.name })]),
    guardName: say(({ context, event }) => [context.driver, new NameChanged({ name: (event as EventOf<'SetName'>).body.name })]),
    keepNamed: assign(({ context, event }) => ({ named: context.named || (event.type === 'SetName' && event.body.remote) }))
  }
}).createMachine({
  id: 'policy-keeper',
  description: 'Keeps the policy, takes another in its place, and tells everybody who follows it.',
  context: ({ input: { address, options } }) => {
    const { peerId, decides, authority, named, ...policy } = { ...policyKeeperDefaults, ...options }
    return { driver: `${address}#guard`, facts: { peerId, decides, authority }, policy, named }
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
        ]
      }
    }
  }
})
