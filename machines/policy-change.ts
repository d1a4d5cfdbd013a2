import type { EventOf } from '../proto/index.ts'
import { BLOCKED_MAX, fromPolicyValue, type Policy } from './policy.ts'

/** A message that changes the policy. */
export type PolicyChange = { [N in 'SetPolicy' | 'PeerBlocked' | 'DirectoryOpened' | 'PolicyChanged']: Pick<EventOf<N>, 'type' | 'body'> }['SetPolicy' | 'PeerBlocked' | 'DirectoryOpened' | 'PolicyChanged']

/** What a policy is after a message that changes it, sensible or not. */
export function policyAfter(policy: Policy, { type, body }: PolicyChange): Policy {
  const { blocked } = policy
  switch (type) {
    case 'SetPolicy': {
      const { block, unblock } = body
      const set = withParts(policy, body)
      return { ...set, blocked: union(set.blocked.filter(entry => !unblock.includes(entry)), block) }
    }
    case 'DirectoryOpened':
      return { ...policy, blocked: union(blocked, body.blocked).slice(0, BLOCKED_MAX) }
    case 'PeerBlocked':
      return { ...policy, blocked: body.blocked ? union(blocked, [body.peerId]) : blocked.filter(entry => entry !== body.peerId) }
    case 'PolicyChanged':
      return fromPolicyValue(body.policy)
  }
}

function withParts(policy: Policy, { policy: given, parts }: EventOf<'SetPolicy'>['body']): Policy {
  if (given === null || given === undefined) return policy
  const whole = fromPolicyValue(given)
  return parts.length === 0 ? whole : { ...policy, ...Object.fromEntries(Object.entries(whole).filter(([name]) => parts.includes(name))) }
}

const union = (entries: readonly string[], more: readonly string[]): string[] => [...new Set([...entries, ...more])]
