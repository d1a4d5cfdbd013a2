import { PolicyValue } from '../proto/index.ts'
import { blockedOf } from './blocklist.ts'

/** How peers that dialled us reach the host program. */
export type InboundPlacement = 'event' | 'queue' | 'both'

export const INBOUND_PLACEMENTS: readonly string[] = ['event', 'queue', 'both'] satisfies InboundPlacement[]

/**
 * Who may say what this peer is called: its own host program (local), or an authority by a certificate (remote). A strict one is
 * settled with the first name, and cannot be changed itself from then on. The PeerId is nobody's to give: it is the key's hash.
 */
export type IdentifierPolicy = 'strict-local-only' | 'local' | 'local-and-remote' | 'remote' | 'strict-remote-only'

export const IDENTIFIER_POLICIES: readonly string[] = ['strict-local-only', 'local', 'local-and-remote', 'remote', 'strict-remote-only'] satisfies IdentifierPolicy[]

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
  /** Who may say what this peer is called. @default 'local-and-remote' */
  readonly identifier: IdentifierPolicy
  /** Addresses, subnets (`ADDRESS/BITS`) and PeerIds with which there is to be no link; at most {@link BLOCKED_MAX}. @default [] */
  readonly blocked: readonly string[]
}

export const defaultPolicy: Policy = { communication: true, enhancedBeforeTrust: false, defaultTrust: true, inbound: true, inboundPlacement: 'event', inboundQueueLimit: 64, identifier: 'local-and-remote', blocked: [] }

const NAME_CHARS = 64

/** Most blocked entries: each change of the policy is a message that holds them all, of some 200 KB then. */
export const BLOCKED_MAX = 4_096

export const QUEUE_MAX = 10_000

/** What besides the policy decides whether it makes sense. */
export interface PolicyFacts {
  /** This peer. */
  readonly peerId: string
  /** Steps are named, or there is somebody who can be asked to approve. */
  readonly decides: boolean
  /** There is an authority that could say what this peer is called. */
  readonly authority: boolean
}

/** Why a policy is refused. */
export interface PolicyProblem {
  /** A stable name, in lower-case words with hyphens. */
  readonly problem: PolicyProblemName
  /** What is wrong, and what to do. */
  readonly reason: string
}

export type PolicyProblemName = 'identifier' | 'nobody-names' | 'identifier-settled' | 'name-is-local' | 'name-is-remote' | 'name-settled' | 'name' | 'placement' | 'queue-limit' | 'queue-passed-by' | 'communication-closed' | 'nobody-decides' | 'blocked-entry' | 'blocked-too-many' | 'blocks-itself'

/** Only an authority says what the peer is called. */
export const isRemote = (identifier: IdentifierPolicy): boolean => identifier === 'remote' || identifier === 'strict-remote-only'

/** The first contradiction in a policy; undefined where it makes sense. */
export function policyProblem(policy: Policy, { peerId, decides, authority }: PolicyFacts): PolicyProblem | undefined {
  const { communication, enhancedBeforeTrust, defaultTrust, inboundPlacement, inboundQueueLimit, identifier, blocked } = policy
  if (!IDENTIFIER_POLICIES.includes(identifier)) return { problem: 'identifier', reason: `identifier is '${identifier}': give ${IDENTIFIER_POLICIES.join(', ')}` }
  if (isRemote(identifier) && !authority) {
    return { problem: 'nobody-names', reason: `identifier is ${identifier}, and no authority is known: give createPeer the step authority, in verify or in answers` }
  }
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

/** Why a policy may not follow another. @param named an authority has said what this peer is called */
export function changeProblem({ identifier: before }: Policy, { identifier: after }: Policy, named: boolean): PolicyProblem | undefined {
  const settled = before === 'strict-local-only' || (before === 'strict-remote-only' && named)
  return settled && before !== after ? { problem: 'identifier-settled', reason: `identifier is ${before} and this peer has its name: it stays so` } : undefined
}

/** Why this peer may not be called otherwise; `remote` where an authority says so. @param named an authority has said before what it is called */
export function nameProblem({ identifier }: Policy, name: string, remote: boolean, named: boolean): PolicyProblem | undefined {
  if (name === '' || name.length > NAME_CHARS || !name.isWellFormed()) return { problem: 'name', reason: `a name has 1 to ${NAME_CHARS} characters` }
  if (identifier === 'strict-local-only' || (identifier === 'strict-remote-only' && remote && named)) {
    return { problem: 'name-settled', reason: `identifier is ${identifier} and this peer has its name: it stays so` }
  }
  if (remote && identifier === 'local') return { problem: 'name-is-local', reason: 'identifier is local: only the host program says what this peer is called' }
  if (!remote && isRemote(identifier)) return { problem: 'name-is-remote', reason: `identifier is ${identifier}: only an authority says what this peer is called` }
  return undefined
}

/** What a peer is called when it starts: by its host program, by its own certificate, or by neither. */
export function firstName({ identifier }: Policy, given: string | undefined, certified: string): string | undefined {
  if (isRemote(identifier)) return certified || undefined
  return given ?? (identifier === 'local-and-remote' ? certified || undefined : undefined)
}

/** The policy as it stands in messages. */
export function toPolicyValue(policy: Policy): PolicyValue {
  return new PolicyValue({ ...policy, blocked: [...policy.blocked] })
}

export function fromPolicyValue(value: PolicyValue | { readonly [K in keyof PolicyValue]?: unknown } | null | undefined): Policy {
  const { communication, enhancedBeforeTrust, defaultTrust, inbound, inboundPlacement, inboundQueueLimit, identifier, blocked } = new PolicyValue(value as PolicyValue)
  return { communication, enhancedBeforeTrust, defaultTrust, inbound, inboundPlacement: inboundPlacement as InboundPlacement, inboundQueueLimit, identifier: identifier as IdentifierPolicy, blocked: [...blocked] }
}

export function samePolicy(a: Policy, b: Policy): boolean {
  const [before, after] = [a, b].map(policy => PolicyValue.encode(toPolicyValue(policy)).finish())
  return before!.length === after!.length && before!.every((byte, at) => byte === after![at])
}
