import { PolicyChanged } from '../../proto/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import { BlockedAddresses } from './blocked-addresses.ts'

/** The driver `guard` of the policy: has the drivers that accept, dial and hear leave blocked addresses alone. */
export const guardDriver: DriverFactory = ({ services }) => ({
  receive({ body }) {
    if (body instanceof PolicyChanged) services.get(BlockedAddresses).follow(body.policy?.blocked ?? [])
  }
})
