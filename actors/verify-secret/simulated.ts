import { SimulatedHost } from '../simulated/host.ts'
import { secretDriverWith } from './driver.ts'

/** Stands for the driver `proof` in a simulation: its nonces come from the run's seed. A MAC is cheap enough to be the real one. */
export const simulatedSecretDriver = secretDriverWith(({ services }, bytes) => services.get(SimulatedHost).random.bytes(bytes))
