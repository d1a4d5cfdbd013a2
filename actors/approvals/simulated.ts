import { ApprovalsLoaded, StoreApprovals, type Envelope, type EventOf } from '../../proto/index.ts'
import { SimulatedHost } from '../simulated/host.ts'
import type { DriverFactory } from '../seam/index.ts'

const FILE = 'approvals'

/** Stands for the driver `file` in a simulation: what is stored survives the power. */
export const simulatedApprovalsDriver: DriverFactory = ({ services, publish }) => ({
  receive(envelope: Envelope): void {
    const { disk } = services.get(SimulatedHost)
    const { type, body } = envelope as EventOf<'LoadApprovals' | 'StoreApprovals'>
    if (type === 'LoadApprovals') {
      const { approvals } = StoreApprovals.decode(disk.read(FILE) ?? new Uint8Array())
      publish(new ApprovalsLoaded({ approvals }))
    } else if (type === 'StoreApprovals') {
      disk.write(FILE, StoreApprovals.encode(body).finish())
      disk.sync(FILE)
    }
  }
})
