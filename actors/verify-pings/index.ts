import { verifyPingsDefaults, verifyPingsMachine, type VerifyPingsOptions } from '../../machines/verify-pings.ts'
import { PINGS_MAX } from '../peer-connection/pings.ts'
import { defineActor } from '../seam/index.ts'
import { outside } from '../shared/range.ts'

export type { VerifyPingsOptions } from '../../machines/verify-pings.ts'

/** The default verification step: three pings. Started by a peer connection. */
export const verifyPingsDefinition = defineActor<VerifyPingsOptions>({
  kind: 'verify-pings',
  machine: verifyPingsMachine,
  options: verifyPingsDefaults,
  problem: ({ count }) => outside('count', count, 1, PINGS_MAX, true)
})
