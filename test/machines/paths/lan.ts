import {
  AnnouncementHeard, AnnouncementSent, AnswerWanted, ChannelFailed, ChannelOpened, DiscoveryStarted, Endpoint, Instance, InterfacesChanged, LinksChanged,
  Listening, NetworkInterface, RoutineDue, Stop
} from '../../../proto/index.ts'
import { ROTATE_PORT } from '../../../machines/broadcaster.ts'
import { broadcaster, discoveryChannel } from '../../../actors/lan/index.ts'
import type { Walks } from './walks.ts'

const listening = (port: number) => new Listening({ endpoints: [new Endpoint({ host: '0.0.0.0', port })] })
const interfaces = (...addresses: string[]) => new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'eth0', addresses })] })
const wanted = new AnswerWanted({ to: new Endpoint({ host: '192.0.2.7', port: 5_000 }), maxBytes: 256, via: 'multicast' })

export const broadcasterPaths: Walks = {
  walks: [{
    input: { address: 'broadcaster/lan', options: { ...broadcaster.options, answersPerSecond: 1 } },
    events: [
      new DiscoveryStarted(), listening(4_000), listening(4_001), new Listening(), new LinksChanged({ links: 2 }), new LinksChanged(),
      interfaces('192.0.2.1'), interfaces(), wanted, new AnnouncementSent({ sequence: 1, datagrams: 2 }),
      new RoutineDue({ name: ROTATE_PORT }), new RoutineDue({ name: 'another' }), new Stop()
    ],
    key: ({ shots }) => shots
  }]
}

const heard = (change: object = {}) => new AnnouncementHeard({
  peerId: 'cid', sequence: 2, name: 'Cid', via: 'multicast', bytes: 256,
  instance: new Instance({ startedAt: 100, nonce: Uint8Array.of(1) }),
  endpoint: new Endpoint({ host: '192.0.2.7', port: 4_000 }), source: new Endpoint({ host: '192.0.2.7', port: 50_000 }), ...change
})

export const discoveryChannelPaths: Walks = {
  walks: [{
    input: { address: 'discovery-channel/lan', options: { ...discoveryChannel.options, ports: [8001, 8002], self: 'bea' } },
    events: [
      new ChannelOpened({ ports: [8001] }), new ChannelOpened({ ports: [8001, 8002] }),
      new ChannelFailed({ code: 'address-in-use', ports: [8002] }), new ChannelFailed({ code: 'listen-failed', ports: [8001, 8002] }),
      new DiscoveryStarted(),
      heard(), heard({ sequence: 1 }), heard({ sequence: 3 }), heard({ name: 'Cyd', sequence: 4 }), heard({ peerId: 'ada' }), heard({ answer: true }),
      new Stop()
    ],
    key: ({ open }) => open
  }]
}
