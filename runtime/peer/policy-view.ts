import { POLICY_KEEPER } from '../../actors/policy-keeper/index.ts'
import { fromPolicyValue, samePolicy, type Policy } from '../../machines/policy.ts'
import { policyAfter, type PolicyChange } from '../../machines/policy-change.ts'
import {
  ActorFailed, ActorStarted, NameChanged, PolicyChanged, PolicyRefused, SetName, classOf, typeName, type Envelope, type Message, type PeerBlocked, type SetPolicy
} from '../../proto/index.ts'
import type { Bus } from '../kernel/index.ts'

interface Asked {
  readonly body: SetPolicy | PeerBlocked | SetName
  readonly to: string
  readonly seq: number
}

/**
 * The policy, and the name, as the host program reads them: what the keeper announced last, and on top what the program asked for
 * since. What is asked for within a handler waits its turn on the bus, but is read at once; what reaches no keeper, because it failed
 * and is not restarted yet, is asked for again.
 */
export class PolicyView {
  readonly #publish: (body: Message, to: string) => Envelope
  #kept: Policy
  #keptName: string
  /** Not answered yet, oldest first. */
  #asked: readonly Asked[] = []
  /** The keeper has dealt with whatever came before this message. */
  #answered = 0
  /** Reckoned when it is read: changes may come by the thousand. */
  #value: Policy | undefined

  constructor(first: Policy, firstName: string, bus: Bus, publish: (body: Message, to: string) => Envelope) {
    this.#kept = first
    this.#keptName = firstName
    this.#publish = publish
    bus.of(PolicyChanged).subscribe(({ body, cause }) => {
      this.#kept = fromPolicyValue(body.policy)
      this.#answer(cause)
    })
    bus.of(NameChanged).subscribe(({ body, cause }) => {
      this.#keptName = body.name
      this.#answer(cause)
    })
    bus.of(PolicyRefused).subscribe(({ cause }) => this.#answer(cause))
    // What it failed at is not asked for again.
    bus.of(ActorFailed).subscribe(({ body, cause }) => { if (body.address === POLICY_KEEPER) this.#answer(cause) })
    bus.of(ActorStarted).subscribe(({ body }) => { if (body.address === POLICY_KEEPER) this.#askAgain() })
  }

  get value(): Policy {
    return this.#value ??= this.#asked.reduce((policy, { body }) => after(policy, body), this.#kept)
  }

  get name(): string {
    return this.#asked.reduce((name, { body }) => body instanceof SetName ? body.name : name, this.#keptName)
  }

  ask(body: Asked['body'], to: string): void {
    const before = this.value
    const changes = body instanceof SetName || !samePolicy(before, after(before, body))
    const { seq } = this.#publish(body, to)
    // Where the bus was idle it is answered by now. What changes nothing never is.
    if (seq <= this.#answered || !changes) return
    this.#asked = [...this.#asked, { body, to, seq }]
    this.#value = undefined
  }

  #answer(seq: number): void {
    this.#answered = Math.max(this.#answered, seq)
    this.#asked = this.#asked.filter(asked => asked.seq > this.#answered)
    this.#value = undefined
  }

  #askAgain(): void {
    this.#asked = this.#asked.map(asked => ({ ...asked, seq: this.#publish(asked.body, asked.to).seq }))
  }
}

const after = (policy: Policy, body: Asked['body']): Policy =>
  body instanceof SetName ? policy : policyAfter(policy, { type: typeName(classOf(body)), body } as PolicyChange)
