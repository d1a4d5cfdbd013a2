import { simulatedSendDriver, simulatedStoreDriver } from '../file-transfer/simulated.ts'
import { simulatedReceiver, simulatedSender } from '../lan/simulated.ts'
import { simulatedTcpDriver } from '../listener/simulated.ts'
import { simulatedApprovalsDriver } from '../approvals/simulated.ts'
import { guardDriver } from '../policy-keeper/index.ts'
import { simulatedLinkDriver } from '../peer-connection/simulated.ts'
import { simulatedStoreDriver as simulatedDirectoryStore } from '../peer-directory/simulated.ts'
import { simulatedRecordsDriver } from '../peer-exchange/simulated.ts'
import type { DriverFactory } from '../seam/index.ts'
import { simulatedAuthorityDriver } from '../verify-authority/simulated.ts'
import { simulatedSecretDriver } from '../verify-secret/simulated.ts'

export type { SimulatedFact, SimulatedLinkFact, OtherFact } from './facts.ts'
export {
  SimulatedHost, SimulatedSystemError,
  type DialEvents, type SimulatedDatagram, type SimulatedDatagramSocket, type SimulatedDisk, type SimulatedInterface, type SimulatedNetwork,
  type SimulatedPlace, type SimulatedRandom, type SimulatedStream, type StreamEnd, type StreamListener
} from './host.ts'

/** Drivers that stand for the real ones in a simulation, by kind and driver name. */
export type SimulatedDrivers = Readonly<Record<string, Readonly<Record<string, DriverFactory>>>>

/** Those of this library's actors. A capability adds the one that it keeps beside its real driver. */
export const simulatedDrivers: SimulatedDrivers = {
  'peer-connection': { link: simulatedLinkDriver },
  'verify-secret': { proof: simulatedSecretDriver },
  'verify-authority': { certificate: simulatedAuthorityDriver },
  approvals: { file: simulatedApprovalsDriver },
  'policy-keeper': { guard: guardDriver },
  listener: { tcp: simulatedTcpDriver },
  broadcaster: { udp: simulatedSender },
  'discovery-channel': { udp: simulatedReceiver },
  'peer-directory': { store: simulatedDirectoryStore },
  'peer-exchange': { records: simulatedRecordsDriver },
  'file-share': { inbox: () => ({ receive() {} }) },
  'file-send': { file: simulatedSendDriver },
  'file-receive': { file: simulatedStoreDriver }
}
