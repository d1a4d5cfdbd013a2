import { peerDirectoryDefinition } from '../../../actors/peer-directory/index.ts'
import { peerExchangeDefinition } from '../../../actors/peer-exchange/index.ts'
import {
  Direction, DirectoryAddress, DirectoryFailed, DirectoryPage, DirectoryRecord, DiscoveryStarted, Endpoint, Initiator, InterfacesChanged, Listening, PeerBlocked,
  PeerClaim, PeerConnected, PeerDisconnected, PeerHeard, PeerRefused, PeersClaimed, PeerSample, PeerVerified, PolicyChanged, RecordSigned, RecordsStored,
  SampleWanted, ShareHeard, Stop
} from '../../../proto/index.ts'
import { rows, type Table } from '../../../machines/table.ts'
import type { Walks } from './walks.ts'

const endpoint = new Endpoint({ host: '192.0.2.1', port: 4_000 })
const claim = (peerId: string) => new PeerClaim({ peerId, sequence: 5, expiresAt: 9e12, endpoints: [endpoint], record: Uint8Array.of(1) })
const page = (last: boolean, durable: boolean) => new DirectoryPage({ wallTime: 1e12, last, durable, records: [new DirectoryRecord({ peerId: 'zoe', heardAt: 1e12, addresses: [new DirectoryAddress({ endpoint })] })] })

export const peerDirectoryPaths: Walks = {
  walks: [{
    input: { address: 'peer-directory/main', options: { ...peerDirectoryDefinition.options, peerId: 'mia' } },
    events: [
      page(false, true), page(true, true), page(true, false), new DirectoryFailed({ code: 'store-in-use', reason: 'another runs', wallTime: 1e12 }),
      new DiscoveryStarted(), new PeerHeard({ peerId: 'bea', via: 'broadcast', endpoints: [endpoint], acceptsInbound: true }),
      new PeerConnected({ peerId: 'bea', remote: endpoint, direction: Direction.DIRECTION_OUT }), new PeerVerified({ peerId: 'bea', steps: ['pings'] }),
      new PeerRefused({ peerId: 'bea', code: 'verify-failed', initiator: Initiator.INITIATOR_REMOTE }), new PeerDisconnected({ peerId: 'bea', code: 'lost' }),
      new PeerBlocked({ peerId: 'bea', blocked: true }), new PolicyChanged({ unblocked: ['bea'] }), new PeersClaimed({ source: 'bea', claims: [claim('bea'), claim('cid')] }),
      [new SampleWanted({ peerId: 'bea', count: 4 }), 'peer-exchange/main'], new RecordsStored({ batch: 1 }), new Stop()
    ],
    key: ({ opened, inFlight, changed }) => [opened, inFlight, changed.size > 0]
  }]
}

export const peerExchangePaths: Walks = {
  walks: [true, false].map(share => ({
    input: { address: 'peer-exchange/main', options: { ...peerExchangeDefinition.options, share } },
    events: [
      new Listening({ endpoints: [endpoint] }), new InterfacesChanged(), new RecordSigned({ record: Uint8Array.of(1) }),
      new PeerConnected({ peerId: 'bea', remote: endpoint }), new PeerVerified({ peerId: 'bea' }), new PeerDisconnected({ peerId: 'bea' }),
      new PeerSample({ peerId: 'bea', records: [Uint8Array.of(2)] }), new ShareHeard({ peerId: 'bea', claims: [claim('cid')] }), new Stop()
    ],
    key: ({ links, verified }: { links: Table<string>; verified: Table<boolean> }) => [links.size, verified.size, [...rows(verified)]]
  }))
}
