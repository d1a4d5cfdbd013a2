import { verifyAllowlistDefaults, verifyAllowlistMachine, type VerifyAllowlistOptions } from '../../machines/verify-allowlist.ts'
import { isPeerId } from '../identity/index.ts'
import { defineActor, type ActorDefinition } from '../seam/index.ts'
import { PeerOptionError } from '../shared/option-error.ts'

export type { VerifyAllowlistOptions } from '../../machines/verify-allowlist.ts'

/** The step `allowlist`, which allows nobody. */
export const verifyAllowlistDefinition = defineActor<VerifyAllowlistOptions>({
  kind: 'verify-allowlist',
  machine: verifyAllowlistMachine,
  options: verifyAllowlistDefaults
})

/**
 * Verification by a list: only these PeerIds pass. TLS has proved a PeerId before any step runs, so nothing is exchanged.
 * @throws PeerOptionError for what is no PeerId
 */
export function allowlistStep(allow: readonly string[]): ActorDefinition<VerifyAllowlistOptions> {
  for (const peerId of allow) if (!isPeerId(peerId)) throw new PeerOptionError(`'${peerId}' is no PeerId: give all of its 52 letters, as \`p2pnet id\` prints it`)
  return { ...verifyAllowlistDefinition, options: { ...verifyAllowlistDefaults, allow: [...allow] } }
}
