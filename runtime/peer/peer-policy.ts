import { isPeerId } from '../../actors/identity/index.ts'
import { POLICY_KEEPER } from '../../actors/policy-keeper/index.ts'
import { changeProblem, defaultPolicy, nameProblem, toPolicyValue, type Policy, type PolicyFacts } from '../../machines/policy.ts'
import { PeerBlocked, SetName, SetPolicy, type Envelope, type Message } from '../../proto/index.ts'
import { checkCertificate } from '../../actors/verify-authority/index.ts'
import type { KnownAuthorities } from './authority.ts'
import { PolicyError } from './errors.ts'
import type { PeerParts } from './peer-parts.ts'
import { changedPolicy } from './policy.ts'
import { PolicyView } from './policy-view.ts'

/** The policy of a peer, as its host program reads and replaces it. */
export class PeerPolicy {
  readonly #facts: PolicyFacts
  readonly #known: KnownAuthorities
  #named: boolean
  readonly #given: boolean
  readonly #view: PolicyView

  constructor({ facts, known, name, policy, kernel }: PeerParts, publish: (body: Message, to: string) => Envelope) {
    this.#facts = facts
    this.#known = known
    this.#named = facts.named
    this.#given = policy !== undefined
    this.#view = new PolicyView(policy ?? defaultPolicy, name, kernel.bus, publish)
  }

  get name(): string {
    return this.#view.name
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
    const wrong = nameProblem(this.value, name, remote, this.#named)
    if (wrong !== undefined) throw new PolicyError(wrong.problem, wrong.reason)
    this.#view.ask(new SetName({ name, remote }), POLICY_KEEPER)
    this.#named ||= remote
  }

  get value(): Policy {
    return this.#view.value
  }

  set(change: Partial<Policy>): void {
    const policy = this.#changed(change)
    const parts = Object.entries(change).flatMap(([name, value]) => value === undefined ? [] : [name])
    if (parts.length > 0) this.#view.ask(new SetPolicy({ policy: toPolicyValue(policy), parts }), POLICY_KEEPER)
  }

  block(entry: string): void {
    this.#changed({ blocked: [...this.value.blocked, entry] })
    if (isPeerId(entry)) this.#view.ask(new PeerBlocked({ peerId: entry, blocked: true }), '')
    else this.#view.ask(new SetPolicy({ block: [entry] }), POLICY_KEEPER)
  }

  unblock(entry: string): void {
    const { blocked } = this.value
    if (!blocked.includes(entry)) throw new PolicyError('not-blocked', `'${entry.slice(0, 80)}' is not on the list of ${blocked.length} blocked: give an entry as it stands there, see policy`)
    this.#view.ask(new SetPolicy({ unblock: [entry] }), POLICY_KEEPER)
  }

  #changed(change: Partial<Policy>): Policy {
    this.#mustBeGiven()
    const policy = changedPolicy(this.value, change, this.#facts)
    const wrong = changeProblem(this.value, policy, this.#named)
    if (wrong !== undefined) throw new PolicyError(wrong.problem, wrong.reason)
    return policy
  }

  #mustBeGiven(): void {
    if (!this.#given) throw new PolicyError('no-policy', 'this peer runs without the default actors, of which one keeps the policy')
  }
}
