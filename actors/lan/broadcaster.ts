import { broadcasterMachine, type BroadcasterOptions } from '../../machines/broadcaster.ts'
import { DiscoveryStarted, InterfacesChanged, LinksChanged, Listening, RoutineDue } from '../../proto/index.ts'
import { defineActor } from '../seam/index.ts'
import { AnnouncementSender, type SenderOptions } from './sender.ts'
import { ANNOUNCE_PORTS } from './wire.ts'

/** Announces this peer on the LAN. */
export const broadcaster = defineActor<BroadcasterOptions & SenderOptions>({
  kind: 'broadcaster',
  machine: broadcasterMachine,
  drivers: { udp: context => new AnnouncementSender(context) },
  options: {
    ports: ANNOUNCE_PORTS,
    interfaces: [],
    pollMs: 1_000,
    channel: 'discovery-channel/lan',
    fastMs: 1_000,
    slowMs: 20_000,
    periodMs: 120_000,
    quietMs: 60_000,
    rotateMs: 30_000,
    burstMs: [0, 500, 1_000, 2_000],
    jitterPercent: 20,
    answersPerSecond: 50,
    listenerPatienceMs: 2_000
  },
  listens: [InterfacesChanged, RoutineDue],
  recalls: [Listening, LinksChanged, DiscoveryStarted]
})
