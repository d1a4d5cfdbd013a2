import { isPeerId } from '../../actors/identity/index.ts'
import { POLICY_KEEPER } from '../../actors/policy-keeper/index.ts'
import { defaultPolicy, fromPolicyValue, toPolicyValue, type Policy, type PolicyFacts } from '../../machines/policy.ts'
import { PeerBlocked, PolicyChanged, SetPolicy, type Message } from '../../proto/index.ts'
import { PolicyError } from './errors.ts'
import type { PeerParts } from './peer-parts.ts'
import { changedPolicy } from './policy.ts'

/** The policy of a peer, as its host program reads and replaces it. */
export class PeerPolicy {
  readonly #facts: PolicyFacts
  readonly #publish: (body: Message, to: string) => void
  readonly #given: boolean
  #value: Policy

  constructor({ facts, policy, kernel }: PeerParts, publish: (body: Message, to: string) => void) {
    this.#facts = facts
    this.#publish = publish
    this.#given = policy !== undefined
    this.#value = policy ?? defaultPolicy
    kernel.bus.of(PolicyChanged).subscribe(({ body }) => { this.#value = fromPolicyValue(body.policy) })
  }

  get value(): Policy {
    return this.#value
  }

  set(change: Partial<Policy>): void {
    this.#publish(new SetPolicy({ policy: toPolicyValue(this.#changed(change)) }), POLICY_KEEPER)
  }

  block(entry: string): void {
    if (this.#value.blocked.includes(entry)) return
    this.#changed({ blocked: [...this.#value.blocked, entry] })
    if (isPeerId(entry)) this.#publish(new PeerBlocked({ peerId: entry, blocked: true }), '')
    else this.set({ blocked: [...this.#value.blocked, entry] })
  }

  unblock(entry: string): void {
    if (!this.#value.blocked.includes(entry)) throw new PolicyError('not-blocked', `'${entry.slice(0, 80)}' is not blocked: ${this.#value.blocked.length} entries are, see policy.blocked`)
    this.set({ blocked: this.#value.blocked.filter(each => each !== entry) })
  }

  #changed(change: Partial<Policy>): Policy {
    if (!this.#given) throw new PolicyError('no-policy', 'this peer runs without the default actors, of which one keeps the policy')
    return changedPolicy(this.#value, change, this.#facts)
  }
}
