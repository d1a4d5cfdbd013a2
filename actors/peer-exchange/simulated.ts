import { createHash } from 'node:crypto'
import { Identity } from '../identity/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import { SimulatedHost } from '../simulated/host.ts'
import type { PeerExchangeDriverOptions } from './options.ts'
import { RecordsDriver } from './records-driver.ts'

/** Has a signature's form, and fits its key and bytes; nobody in a simulation forges one on purpose. */
function signature(publicKey: Uint8Array, record: Uint8Array): Uint8Array {
  return createHash('sha512').update('p2pnet simulated record\0').update(publicKey).update(record).digest()
}

/** Stands for the driver `records` in a simulation. */
export const simulatedRecordsDriver: DriverFactory<PeerExchangeDriverOptions> = context => {
  const host = context.services.get(SimulatedHost)
  const { publicKey } = context.services.get(Identity)
  return new RecordsDriver(context, {
    now: () => host.now(),
    wallTime: () => host.wallTime(),
    addresses: () => host.network.interfaces().map(({ address }) => address),
    sign: record => signature(publicKey, record),
    verify: (key, record, signed) => Buffer.compare(signature(key, record), signed) === 0
  })
}
