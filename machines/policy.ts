import { PolicyValue } from '../proto/index.ts'
import { blockedOf } from './blocklist.ts'

/** How peers that dialled us reach the host program. */
export type InboundPlacement = 'event' | 'queue' | 'both'

export const INBOUND_PLACEMENTS: readonly string[] = ['event', 'queue', 'both'] satisfies InboundPlacement[]

/** What a host program has decided about others; docs/policies.md explains each part. */
export interface Policy {
  /** Messages of the level `basic` and goodbyes pass before both sides have verified each other. @default true */
  readonly communication: boolean
  /** Everything passes before the other side is verified. @default false */
  readonly enhancedBeforeTrust: boolean
  /** Where no steps are named, peers verify each other by the proof of the key or by three pings; else a person or the host program approves each. @default true */
  readonly defaultTrust: boolean
  /** Links that others dial are accepted. @default true */
  readonly inbound: boolean
  /** Whoever dialled us goes on by itself, told of as usual (`event`); or waits until the host program takes it (`queue`), announced besides (`both`). @default 'event' */
  readonly inboundPlacement: InboundPlacement
  /** Most that wait, 1 to 10,000; who comes then is refused with `queue-full`. @default 64, some 3 MiB of TLS */
  readonly inboundQueueLimit: number
  /** Addresses, subnets (`ADDRESS/BITS`) and PeerIds with which there is to be no link; at most {@link BLOCKED_MAX}. @default [] */
  readonly blocked: readonly string[]
}

export const defaultPolicy: Policy = { communication: true, enhancedBeforeTrust: false, defaultTrust: true, inbound: true, inboundPlacement: 'event', inboundQueueLimit: 64, blocked: [] }

/** Most blocked entries: each change of the policy is a message that holds them all, of some 200 KB then. */
export const BLOCKED_MAX = 4_096

export const QUEUE_MAX = 10_000

/** What besides the policy decides whether it makes sense. */
export interface PolicyFacts {
  /** This peer. */
  readonly peerId: string
  /** Steps are named, or there is somebody who can be asked to approve. */
  readonly decides: boolean
}

/** Why a policy is refused. */
export interface PolicyProblem {
  /** A stable name, in lower-case words with hyphens. */
  readonly problem: PolicyProblemName
  /** What is wrong, and what to do. */
  readonly reason: string
}

export type PolicyProblemName = 'placement' | 'queue-limit' | 'queue-passed-by' | 'communication-closed' | 'nobody-decides' | 'blocked-entry' | 'blocked-too-many' | 'blocks-itself'

/** The first contradiction in a policy; undefined where it makes sense. */
export function policyProblem(policy: Policy, { peerId, decides }: PolicyFacts): PolicyProblem | undefined {
  const { communication, enhancedBeforeTrust, defaultTrust, inboundPlacement, inboundQueueLimit, blocked } = policy
  if (!INBOUND_PLACEMENTS.includes(inboundPlacement)) return { problem: 'placement', reason: `inboundPlacement is '${inboundPlacement}': give event, queue or both` }
  if (!(Number.isInteger(inboundQueueLimit) && inboundQueueLimit >= 1 && inboundQueueLimit <= QUEUE_MAX)) {
    return { problem: 'queue-limit', reason: `inboundQueueLimit is ${inboundQueueLimit}: give a whole number from 1 to ${QUEUE_MAX}` }
  }
  if (enhancedBeforeTrust && inboundPlacement !== 'event') {
    return { problem: 'queue-passed-by', reason: 'enhancedBeforeTrust lets everything pass before a peer is taken from the queue: set it back, or inboundPlacement to event' }
  }
  if (enhancedBeforeTrust && !communication) {
    return { problem: 'communication-closed', reason: 'enhancedBeforeTrust lets everything pass before trust, and communication nothing: set one of them back' }
  }
  if (!defaultTrust && !decides) {
    return { problem: 'nobody-decides', reason: 'without defaultTrust somebody else decides who is trusted: give createPeer verify, or start with defaultTrust false, where your program approves' }
  }
  const unread = blocked.find(entry => blockedOf(entry) === undefined)
  if (unread !== undefined) {
    return { problem: 'blocked-entry', reason: `'${unread.slice(0, 80)}' cannot be blocked: give an address, a subnet such as 192.0.2.0/24 or 2001:db8::/32, or a whole PeerId` }
  }
  if (blocked.length > BLOCKED_MAX) return { problem: 'blocked-too-many', reason: `${blocked.length} entries are blocked, ${BLOCKED_MAX} are possible: block whole subnets` }
  if (blocked.includes(peerId)) return { problem: 'blocks-itself', reason: 'this peer blocks its own PeerId: leave it out' }
  return undefined
}

/** The policy as it stands in messages. */
export function toPolicyValue(policy: Policy): PolicyValue {
  return new PolicyValue({ ...policy, blocked: [...policy.blocked] })
}

export function fromPolicyValue(value: PolicyValue | { readonly [K in keyof PolicyValue]?: unknown } | null | undefined): Policy {
  const { communication, enhancedBeforeTrust, defaultTrust, inbound, inboundPlacement, inboundQueueLimit, blocked } = new PolicyValue(value as PolicyValue)
  return { communication, enhancedBeforeTrust, defaultTrust, inbound, inboundPlacement: inboundPlacement as InboundPlacement, inboundQueueLimit, blocked: [...blocked] }
}

export function samePolicy(a: Policy, b: Policy): boolean {
  const [before, after] = [a, b].map(policy => PolicyValue.encode(toPolicyValue(policy)).finish())
  return before!.length === after!.length && before!.every((byte, at) => byte === after![at])
}
