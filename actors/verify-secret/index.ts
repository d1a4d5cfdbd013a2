import { verifySecretDefaults, verifySecretMachine } from '../../machines/verify-secret.ts'
import { Level, SecretChallenge, SecretProof } from '../../proto/index.ts'
import { NetworkKey } from '../identity/network-key.ts'
import { defineActor, type ActorDefinition } from '../seam/index.ts'
import { secretDriver, type SecretDriverOptions } from './driver.ts'

/** The step `secret`, without its key. */
export const verifySecretDefinition = defineActor<SecretDriverOptions>({
  kind: 'verify-secret',
  machine: verifySecretMachine,
  drivers: { proof: secretDriver },
  options: { ...verifySecretDefaults, key: '' },
  secrets: ['key'],
  wire: [{ type: SecretChallenge, level: Level.LEVEL_IDENTIFIED }, { type: SecretProof, level: Level.LEVEL_IDENTIFIED }]
})

/**
 * Verification by the network key: both sides prove that they know it. The default step where createPeer is given a key.
 * @param key the key, or its text
 * @throws NetworkKeyError when the text is no key
 */
export function secretStep(key: NetworkKey | string): ActorDefinition<SecretDriverOptions> {
  const text = (typeof key === 'string' ? NetworkKey.parse(key) : key).text()
  return { ...verifySecretDefinition, options: { ...verifySecretDefinition.options!, key: text } }
}
