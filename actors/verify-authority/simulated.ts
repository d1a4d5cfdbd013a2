import { simulatedSignature } from '../identity/simulated.ts'
import { SimulatedHost } from '../simulated/host.ts'
import { authorityDriverWith } from './driver.ts'

/**
 * Stands for the driver `certificate` in a simulation, where signatures are {@link simulatedSignature}s: curves would take most
 * of a run's time.
 */
export const simulatedAuthorityDriver = authorityDriverWith({
  now: ({ services }) => services.get(SimulatedHost).wallTime(),
  verify: (publicKey, context, bytes, signature) => Buffer.from(signature).equals(simulatedSignature(publicKey, context, bytes))
})
