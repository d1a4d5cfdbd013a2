import { isPeerId } from '../../actors/identity/index.ts'
import { POLICY_KEEPER } from '../../actors/policy-keeper/index.ts'
import { changeProblem, defaultPolicy, fromPolicyValue, nameProblem, toPolicyValue, type Policy, type PolicyFacts } from '../../machines/policy.ts'
import { NameChanged, PeerBlocked, PolicyChanged, SetName, SetPolicy, type Message } from '../../proto/index.ts'
import { checkCertificate } from '../../actors/verify-authority/index.ts'
import type { KnownAuthorities } from './authority.ts'
import { PolicyError } from './errors.ts'
import type { PeerParts } from './peer-parts.ts'
import { changedPolicy } from './policy.ts'

/** The policy of a peer, as its host program reads and replaces it. */
export class PeerPolicy {
  readonly #facts: PolicyFacts
  readonly #known: KnownAuthorities
  #named: boolean
  #name: string
  readonly #publish: (body: Message, to: string) => void
  readonly #given: boolean
  #value: Policy

  constructor({ facts, known, name, policy, kernel }: PeerParts, publish: (body: Message, to: string) => void) {
    this.#facts = facts
    this.#known = known
    this.#named = facts.named
    this.#name = name
    this.#publish = publish
    this.#given = policy !== undefined
    this.#value = policy ?? defaultPolicy
    kernel.bus.of(NameChanged).subscribe(({ body }) => { this.#name = body.name })
    kernel.bus.of(PolicyChanged).subscribe(({ body }) => { this.#value = fromPolicyValue(body.policy) })
  }

  get name(): string {
    return this.#name
  }

  rename(name: string): void {
    this.#setName(name, false)
  }

  renameBy(certificate: Uint8Array): void {
    const { authorities, toleranceMs } = this.#known
    this.#setName(checkCertificate(certificate, { peerId: this.#facts.peerId, authorities, now: Date.now(), toleranceMs }).name, true)
  }

  #setName(name: string, remote: boolean): void {
    this.#mustBeGiven()
    const wrong = nameProblem(this.#value, name, remote, this.#named)
    if (wrong !== undefined) throw new PolicyError(wrong.problem, wrong.reason)
    this.#publish(new SetName({ name, remote }), POLICY_KEEPER)
    this.#named ||= remote
  }

  get value(): Policy {
    return this.#value
  }

  // What is given from within a handler waits its turn, and the value stands until then: so only what changes is told.
  set(change: Partial<Policy>): void {
    const policy = this.#changed(change)
    const parts = Object.entries(change).flatMap(([name, value]) => value === undefined ? [] : [name])
    if (parts.length > 0) this.#publish(new SetPolicy({ policy: toPolicyValue(policy), parts }), POLICY_KEEPER)
  }

  block(entry: string): void {
    this.#changed({ blocked: [...this.#value.blocked, entry] })
    if (isPeerId(entry)) this.#publish(new PeerBlocked({ peerId: entry, blocked: true }), '')
    else this.#publish(new SetPolicy({ block: [entry] }), POLICY_KEEPER)
  }

  unblock(entry: string): void {
    if (!this.#value.blocked.includes(entry)) throw new PolicyError('not-blocked', `'${entry.slice(0, 80)}' is not blocked: ${this.#value.blocked.length} entries are, see policy.blocked`)
    this.#publish(new SetPolicy({ unblock: [entry] }), POLICY_KEEPER)
  }

  #changed(change: Partial<Policy>): Policy {
    this.#mustBeGiven()
    const policy = changedPolicy(this.#value, change, this.#facts)
    const wrong = changeProblem(this.#value, policy, this.#named)
    if (wrong !== undefined) throw new PolicyError(wrong.problem, wrong.reason)
    return policy
  }

  #mustBeGiven(): void {
    if (!this.#given) throw new PolicyError('no-policy', 'this peer runs without the default actors, of which one keeps the policy')
  }
}
