import { defaultPolicy, IDENTIFIER_POLICIES, INBOUND_PLACEMENTS, isRemote, policyProblem, type Policy, type PolicyFacts } from '../../machines/policy.ts'
import { authoritiesOf } from './authority.ts'
import { PolicyError } from './errors.ts'
import type { PeerOptions } from './options.ts'

const strings = (value: unknown): boolean => Array.isArray(value) && value.every(each => typeof each === 'string')

type Shape = readonly [takes: string, fits: (value: unknown) => boolean]

const boolean: Shape = ['true or false', value => typeof value === 'boolean']

/** What each part takes, for programs without types and for files. */
const SHAPES: { readonly [K in keyof Policy]: Shape } = {
  communication: boolean,
  enhancedBeforeTrust: boolean,
  defaultTrust: boolean,
  inbound: boolean,
  inboundPlacement: ['event, queue or both', value => INBOUND_PLACEMENTS.includes(value as string)],
  inboundQueueLimit: ['a whole number', value => Number.isInteger(value)],
  identifier: [IDENTIFIER_POLICIES.join(', '), value => IDENTIFIER_POLICIES.includes(value as string)],
  blocked: ['an array of strings', strings]
}

/**
 * A policy with some parts changed.
 * @throws PolicyError when a part is unknown or of another type, or when the whole contradicts itself
 */
export function changedPolicy(before: Policy, change: Partial<Policy>, facts: PolicyFacts): Policy {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw new PolicyError('not-a-policy', `a policy is an object with ${Object.keys(SHAPES).join(', ')}`)
  for (const [name, value] of Object.entries(change)) {
    if (!Object.hasOwn(SHAPES, name)) throw new PolicyError('unknown-part', `a policy has no '${name.slice(0, 80)}': it has ${Object.keys(SHAPES).join(', ')}`)
    const [takes, fits] = SHAPES[name as keyof Policy]
    if (value !== undefined && !fits(value)) throw new PolicyError('wrong-type', `${name} of a policy takes ${takes}`)
  }
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<Policy>
  const policy = { ...before, ...given, blocked: [...new Set(given.blocked ?? before.blocked)] }
  const wrong = policyProblem(policy, facts)
  if (wrong !== undefined) throw new PolicyError(wrong.problem, wrong.reason)
  return policy
}

/** What is so for all of the peer's run. */
export function policyFacts(options: Pick<PeerOptions, 'verify' | 'answers' | 'policy'>, peerId: string): PolicyFacts & { readonly named: boolean } {
  const { authorities, name } = authoritiesOf(options, peerId)
  // Where it starts without the default steps, it starts with somebody who approves.
  return { peerId, decides: options.verify !== undefined || options.policy?.defaultTrust === false, authority: authorities.length > 0, named: name !== '' }
}

/**
 * The policy of createPeer's options; `inbound` may stand in either place.
 * @throws PolicyError
 */
export function policyOf(options: Pick<PeerOptions, 'policy' | 'inbound' | 'name' | 'verify' | 'answers'>, peerId: string): Policy {
  const { policy: given = {}, inbound, name } = options
  if (inbound !== undefined && given?.inbound !== undefined && given.inbound !== inbound) {
    throw new PolicyError('inbound-twice', `inbound is ${inbound} and the policy's is ${given.inbound}: leave one out`)
  }
  const policy = changedPolicy(inbound === undefined ? defaultPolicy : { ...defaultPolicy, inbound }, given, policyFacts(options, peerId))
  if (name !== undefined && isRemote(policy.identifier)) {
    throw new PolicyError('name-is-remote', `identifier is ${policy.identifier}, where an authority says what this peer is called: leave name out`)
  }
  return policy
}
