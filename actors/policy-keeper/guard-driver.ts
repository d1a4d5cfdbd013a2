import { NameChanged, PolicyChanged } from '../../proto/index.ts'
import { LocalPeer } from '../identity/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import { BlockedAddresses } from './blocked-addresses.ts'

/** The driver `guard` of the policy: has the drivers that accept, dial and hear leave blocked addresses alone, and those that tell of this peer use its name. */
export const guardDriver: DriverFactory = ({ services }) => ({
  receive({ body }) {
    if (body instanceof NameChanged) services.get(LocalPeer).name = body.name
    else if (body instanceof PolicyChanged) services.get(BlockedAddresses).follow(body.policy?.blocked ?? [])
  }
})
