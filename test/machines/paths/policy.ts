import { policyKeeperDefinition } from '../../../actors/policy-keeper/index.ts'
import { defaultPolicy, toPolicyValue, type Policy } from '../../../machines/policy.ts'
import { inboundQueueDefinition } from '../../../actors/inbound-queue/index.ts'
import { DirectoryOpened, InboundPlaced, InboundTaken, PlaceInbound, PolicyChanged, SetName, TakeInbound, Terminated, PeerBlocked, SetPolicy } from '../../../proto/index.ts'
import type { Walks } from './walks.ts'

const own = `${'m'.repeat(51)}a`
const bea = `${'b'.repeat(51)}a`

const placed = (inboundPlacement: Policy['inboundPlacement']) => new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, inboundPlacement }) })

export const inboundQueuePaths: Walks = {
  walks: [{
    input: { address: 'inbound-queue/main', options: { ...inboundQueueDefinition.options, inboundPlacement: 'both', inboundQueueLimit: 1 } },
    events: [
      [new PlaceInbound({ peerId: 'bea', linkId: 'l1' }), 'verify-queue/one'], [new PlaceInbound({ peerId: 'cid', linkId: 'l2' }), 'verify-queue/two'],
      new TakeInbound({ linkId: 'l1' }), [new Terminated({ address: 'verify-queue/one' }), 'system'], placed('queue'), placed('event')
    ],
    key: ({ waiting, limit, placement }: { waiting: unknown[]; limit: number; placement: string }) => [Math.min(waiting.length, 2), limit, placement]
  }]
}

export const verifyQueuePaths: Walks = {
  walks: [{
    input: { address: 'verify-queue/one', parent: 'peer-connection/one', options: { peerId: 'bea', linkId: 'l1', direction: 'in' } },
    events: [new InboundPlaced(), new InboundPlaced({ code: 'queue-full', reason: 'full' }), new InboundTaken(), new InboundTaken({ refused: true, reason: 'no' })]
      .map(body => [body, 'inbound-queue/main'] as const)
  }]
}

export const policyKeeperPaths: Walks = {
  walks: [{ blocked: [] }, { blocked: ['192.0.2.1'] }].map(policy => ({
    input: { address: 'policy-keeper/main', options: { ...policyKeeperDefinition.options, ...policy, peerId: own, decides: true, authority: true } },
    events: [
      new SetPolicy({ policy: toPolicyValue(defaultPolicy) }), new SetPolicy({ policy: toPolicyValue({ ...defaultPolicy, blocked: ['nonsense'] }) }),
      new PeerBlocked({ peerId: bea, blocked: true }), new PeerBlocked({ peerId: bea, blocked: false }), new PeerBlocked({ peerId: own, blocked: true }),
      new SetName({ name: 'ann' }), new SetName(), new DirectoryOpened({ blocked: [bea] }), new DirectoryOpened()
    ],
    key: ({ policy: { blocked } }: { policy: Policy }) => blocked.length
  }))
}
