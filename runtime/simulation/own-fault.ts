import type { SimulatedPeer } from './peer.ts'
import type { Spread } from './random.ts'
import type { OwnFaultName } from './scheduled-event.ts'

/** Something that only a host program's actors can suffer. Drawn from the seed like the others, ended when the faults end, and shrunk with them. */
export interface OwnFault {
  readonly name: OwnFaultName
  /** Times an hour, for each peer that runs, on average. */
  readonly perPeerHour: number
  /** How long it lasts, in milliseconds. @default no time */
  readonly ms?: Spread
  begin(peer: SimulatedPeer): void
  end?(peer: SimulatedPeer): void
}
