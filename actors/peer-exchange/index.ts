import { JOIN_DELAY_MS_MIN, peerExchangeDefaults, peerExchangeMachine } from '../../machines/peer-exchange.ts'
import {
  CollectionShare, InterfacesChanged, Level, Listening, PeerConnected, PeerDisconnected, PeerVerified
} from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { outside } from '../shared/range.ts'
import type { PeerExchangeDriverOptions } from './options.ts'
import { recordsDriver } from './records-driver.ts'

export type { PeerExchangeDriverOptions } from './options.ts'

export const peerExchangeDefinition = defineActor<PeerExchangeDriverOptions>({
  kind: 'peer-exchange',
  machine: peerExchangeMachine,
  drivers: { records: recordsDriver },
  options: { ...peerExchangeDefaults, interfaces: [], recordMs: 86_400_000, maxEntries: 32, sharesPerMinute: 6 },
  problem: ({ joinDelayMs }) => outside('joinDelayMs', joinDelayMs, JOIN_DELAY_MS_MIN),
  listens: [PeerConnected, PeerVerified, PeerDisconnected],
  recalls: [Listening, InterfacesChanged],
  wire: [{ type: CollectionShare, level: Level.LEVEL_ENHANCED, via: 'pump' }]
})

/** Peers tell each other where others are; needs a peer directory. */
export function peerExchange(options: Partial<PeerExchangeDriverOptions> = {}): ActorSpec<PeerExchangeDriverOptions> {
  return { definition: peerExchangeDefinition, options }
}
