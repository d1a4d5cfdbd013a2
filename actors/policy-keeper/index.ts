import type { Policy, PolicyFacts } from '../../machines/policy.ts'
import { policyKeeperDefaults, policyKeeperMachine, type PolicyKeeperOptions } from '../../machines/policy-keeper.ts'
import { RESUMES } from '../../machines/resume.ts'
import { DirectoryOpened, NameChanged, PeerBlocked, PolicyChanged, PolicyRefused, SetName, SetPolicy } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { guardDriver } from './guard-driver.ts'

export { POLICY_KEEPER } from './address.ts'
export { BlockedAddresses } from './blocked-addresses.ts'
export { guardDriver }

/** Keeps the policy of a peer; `policy-keeper/main`. */
export const policyKeeperDefinition = defineActor<PolicyKeeperOptions>({
  kind: 'policy-keeper',
  machine: policyKeeperMachine,
  drivers: { guard: guardDriver },
  options: policyKeeperDefaults,
  listens: [PeerBlocked],
  recalls: [DirectoryOpened],
  recallsUnder: { [RESUMES]: [NameChanged, PolicyChanged] },
  messages: [NameChanged, PolicyChanged, PolicyRefused, SetName, SetPolicy]
})

/** The actor that keeps this policy. */
export function policyKeeper(policy: Policy, facts: PolicyFacts & { readonly named: boolean }): ActorSpec<PolicyKeeperOptions> {
  return { definition: policyKeeperDefinition, options: { ...policy, ...facts } }
}
