import { discoveryChannelMachine, type DiscoveryChannelOptions } from '../../machines/discovery-channel.ts'
import { DiscoveryStarted } from '../../proto/index.ts'
import { defineActor } from '../seam/index.ts'
import type { LanDriverOptions } from './options.ts'
import { AnnouncementReceiver } from './receiver.ts'
import { ANNOUNCE_PORTS } from './wire.ts'

/** Hears the announcements of others on the LAN. */
export const discoveryChannel = defineActor<DiscoveryChannelOptions & LanDriverOptions>({
  kind: 'discovery-channel',
  machine: discoveryChannelMachine,
  drivers: { udp: context => new AnnouncementReceiver(context) },
  options: {
    ports: ANNOUNCE_PORTS,
    interfaces: [],
    pollMs: 1_000,
    broadcaster: 'broadcaster/lan',
    self: '',
    answerPatienceMs: 500,
    retryMs: 1_000,
    retryMaxMs: 60_000,
    refreshMs: 10_000,
    forgetMs: 600_000,
    peersMax: 1_024,
    endpointsMax: 8,
    endpointMs: 180_000
  },
  recalls: [DiscoveryStarted]
})
