import { NetworkKey, type LocalPeer } from '../../actors/identity/index.ts'
import { simulatedIdentity } from '../../actors/identity/simulated.ts'
import type { ActorDefinition } from '../../actors/seam/index.ts'
import { allowlistStep } from '../../actors/verify-allowlist/index.ts'
import { verifyAskDefinition } from '../../actors/verify-ask/index.ts'
import { authorityStep, signCertificate } from '../../actors/verify-authority/index.ts'
import { verifyPingsDefinition } from '../../actors/verify-pings/index.ts'
import { secretStep } from '../../actors/verify-secret/index.ts'

/** A built-in step, as the command line names it. */
export type StepChoice = 'pings' | 'secret' | 'allowlist' | 'authority' | 'ask'

export const STEP_CHOICES: readonly StepChoice[] = ['pings', 'secret', 'allowlist', 'authority', 'ask']

/** How long a simulated person takes to approve, in microseconds. */
export const DECIDES_AFTER_US = 2_000_000

/** The key of every simulated network that has one. */
const KEY = 'aaaaaaaaaaaaaaaaaaaaaaaaaa2jcvco'
const AUTHORITY = 'the authority'

/** Definitions of the steps of one simulated peer. @param everybody PeerIds of all */
export function simulatedSteps(names: readonly StepChoice[], local: Pick<LocalPeer, 'peerId'>, everybody: readonly string[]): ActorDefinition[] {
  return names.map(name => {
    switch (name) {
      case 'pings': return verifyPingsDefinition
      case 'secret': return secretStep(NetworkKey.parse(KEY))
      case 'allowlist': return allowlistStep(everybody)
      case 'ask': return verifyAskDefinition
      case 'authority': return authorityStep(authority(local.peerId))
    }
  })
}

function authority(peerId: string) {
  const identity = simulatedIdentity(AUTHORITY)
  // Valid for all of the run, whatever the clocks do.
  return { authorities: [identity.peerId], ...(peerId !== '' && { certificate: signCertificate(identity, { peerId, notBefore: 0, notAfter: 1e14 }) }) }
}
