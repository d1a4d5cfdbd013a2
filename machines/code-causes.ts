import { CODES, type Code } from './codes.ts'

/**
 * What decides that something ends: a `guard` of a machine or of the TLS handshake, a `timeout`, a `policy` (a limit or a list),
 * a verification `step`, a `person` or host program, the `network` between both, or a `fault` that nobody wanted.
 */
export type DeciderKind = 'guard' | 'timeout' | 'policy' | 'step' | 'person' | 'network' | 'fault'

export interface Decider {
  readonly kind: DeciderKind
  /** The guard, or KIND.OPTION of the timeout or the policy as `tune` takes it; empty where there is nothing to name. */
  readonly name: string
}

const guard = (name: string): Decider => ({ kind: 'guard', name })
const timeout = (name: string): Decider => ({ kind: 'timeout', name })
const policy = (name: string): Decider => ({ kind: 'policy', name })
const step = (name: string): Decider => ({ kind: 'step', name })
const person = (name: string): Decider => ({ kind: 'person', name })
const network: Decider = { kind: 'network', name: '' }
const fault: Decider = { kind: 'fault', name: '' }
const tls = guard('TLS handshake')

/** What decides, for every code of {@link CODES}; docs/codes.md lists the same. */
export const DECIDERS = {
  'dial-refused': network,
  'dial-reset': network,
  'dial-unreachable': network,
  'dial-timeout': timeout('peer-connection.dialTimeoutMs'),
  'dial-failed': network,
  'blocked-address': policy('policy-keeper.blocked'),
  'accept-rate': policy('listener.acceptPerSecond'),
  'accept-rate-all': policy('listener.acceptPerSecondAll'),
  'dial-budget': policy('link-keeper.dialsPerTarget'),
  'no-address': guard('nowhereToDial'),

  'tls': tls,
  'tls-timeout': timeout('peer-connection.tlsTimeoutMs'),
  'tls-version': tls,
  'alpn': tls,
  'no-certificate': tls,
  'key-type': tls,
  'resumed': tls,
  'aborted': policy('link-keeper'),
  'wrong-key': guard('wrongPeer'),
  'self': guard('reachedItself'),

  'identify-timeout': timeout('peer-connection.identifyTimeoutMs'),
  'other-network': guard('otherNetwork'),
  'version': guard('noCommonVersion'),
  'busy': policy('link-keeper.maxPending'),
  'too-many-links': policy('link-keeper.maxLinks'),
  'address-full': policy('link-keeper.maxPerAddress'),
  'subnet-full': policy('link-keeper.maxPerSubnet'),
  'blocked': policy('policy-keeper.blocked'),
  'no-inbound': policy('policy-keeper.inbound'),

  'ping-timeout': timeout('verify-pings.timeoutMs'),
  'verify-timeout': timeout('peer-connection.verifyTimeoutMs'),
  'verify-failed': step(''),
  'step-failed': step(''),
  'step-timeout': step(''),
  'step-order': step(''),
  'steps-differ': guard('stepsDiffer'),
  'proof-wrong': step('secret'),
  'proof-reflected': step('secret'),
  'not-allowed': step('allowlist'),
  'not-approved': person('ask'),
  'pending-timeout': timeout('peer-connection.pendingTimeoutMs'),
  'certificate-missing': step('authority'),
  'certificate-malformed': step('authority'),
  'certificate-untrusted': step('authority'),
  'certificate-forged': step('authority'),
  'certificate-of-other': step('authority'),
  'certificate-early': step('authority'),
  'certificate-expired': step('authority'),
  'enhance-timeout': timeout('peer-connection.enhanceTimeoutMs'),
  'queue-full': policy('policy-keeper.inboundQueueLimit'),

  'lost': network,
  'closed': network,
  'keepalive-timeout': timeout('peer-connection.keepAliveTimeoutMs'),
  'overloaded': timeout('peer-connection.stallMs'),
  'malformed': guard('frame decoder'),
  'protocol': guard('oneTooMany'),
  'level': guard('gate'),
  'unknown-type': guard('gate'),
  'idle': timeout('peer-connection.idleMs'),

  'trust-revoked': person('revoke'),

  'address-in-use': network,
  'address-not-here': network,
  'port-not-permitted': network,
  'host-unknown': network,
  'no-interface': network,
  'listen-failed': network,

  'shutdown': person('stop'),
  'trimmed': policy('link-keeper.maxLanLinks'),
  'dropped': person('drop'),
  'duplicate': policy('link-keeper'),
  'superseded': policy('link-keeper'),
  'internal': fault,

  'interface-gone': network,
  'clock-behind': guard('announcement filter'),
  'clock-ahead': guard('share filter'),
  'links-full': policy('link-keeper.maxLinks'),
  'outbound-full': policy('link-keeper.maxOutbound'),
  'lan-full': policy('link-keeper.maxLanLinks'),
  'wan-full': policy('link-keeper.maxWanLinks'),
  'dials-full': policy('link-keeper.maxDials'),
  'dial-wait': policy('link-keeper'),
  'not-heard': network
} as const satisfies Readonly<Record<Code, Decider>>

/** What decides on a code; of a code that only the other side knows, nobody can tell more than that it was a policy. */
export function deciderOf(code: string): Decider {
  return Object.hasOwn(CODES, code) ? DECIDERS[code as Code] : policy('')
}
