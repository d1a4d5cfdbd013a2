import { policyKeeperDefinition } from '../../../actors/policy-keeper/index.ts'
import { defaultPolicy, toPolicyValue, type Policy } from '../../../machines/policy.ts'
import { RESUMES } from '../../../machines/resume.ts'
import { inboundQueueDefinition } from '../../../actors/inbound-queue/index.ts'
import { DirectoryOpened, InboundPlaced, InboundReopened, InboundTaken, NameChanged, PlaceInbound, PolicyChanged, SetName, TakeInbound, Terminated, PeerBlocked, SetPolicy } from '../../../proto/index.ts'
import type { Walks } from './walks.ts'

const own = `${'m'.repeat(51)}a`
const bea = `${'b'.repeat(51)}a`

const placed = (inboundPlacement: Policy['inboundPlacement']) => new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, inboundPlacement }) })

export const inboundQueuePaths: Walks = {
  walks: [0, 1].map(incarnation => ({
    input: { address: 'inbound-queue/main', incarnation, flags: [RESUMES], options: { ...inboundQueueDefinition.options, inboundPlacement: 'both', inboundQueueLimit: 1 } },
    events: [
      [new PlaceInbound({ peerId: 'bea', linkId: 'l1' }), 'verify-queue/one'], [new PlaceInbound({ peerId: 'cid', linkId: 'l2' }), 'verify-queue/two'], [new PlaceInbound({ peerId: 'dan', linkId: 'l3', again: true }), 'verify-queue/three'],
      new TakeInbound({ linkId: 'l1' }), [new Terminated({ address: 'verify-queue/one' }), 'system'], placed('queue'), placed('event')
    ],
    key: ({ waiting, limit, placement }: { waiting: unknown[]; limit: number; placement: string }) => [Math.min(waiting.length, 2), limit, placement]
  }))
}

export const verifyQueuePaths: Walks = {
  walks: [{
    input: { address: 'verify-queue/one', parent: 'peer-connection/one', options: { peerId: 'bea', linkId: 'l1', direction: 'in' } },
    events: [new InboundPlaced(), new InboundPlaced({ code: 'queue-full', reason: 'full' }), new InboundTaken(), new InboundTaken({ refused: true, reason: 'no' }), new InboundReopened()]
      .map(body => [body, 'inbound-queue/main'] as const)
  }]
}

const policyOf = (blocked: readonly string[]) => new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, blocked }) })

export const policyKeeperPaths: Walks = {
  walks: [{ incarnation: 0, blocked: [] }, { incarnation: 0, blocked: ['192.0.2.1'] }, { incarnation: 1, blocked: [] }].map(({ incarnation, blocked }) => ({
    input: {
      address: 'policy-keeper/main', incarnation, flags: [RESUMES], options: { ...policyKeeperDefinition.options, blocked, peerId: own, decides: true, authority: true }
    },
    events: [
      new SetPolicy({ policy: toPolicyValue(defaultPolicy) }), new SetPolicy({ policy: toPolicyValue({ ...defaultPolicy, blocked: ['nonsense'] }) }),
      new PeerBlocked({ peerId: bea, blocked: true }), new PeerBlocked({ peerId: bea, blocked: false }), new PeerBlocked({ peerId: own, blocked: true }),
      new SetName({ name: 'ann' }), new SetName(), new DirectoryOpened({ blocked: [bea] }), new DirectoryOpened(),
      [policyOf([bea]), 'system'], [policyOf([]), 'policy-keeper/main'], [new NameChanged({ name: 'ann' }), 'system'], [new NameChanged({ name: 'ann' }), 'policy-keeper/main']
    ],
    key: ({ policy: { blocked } }: { policy: Policy }) => blocked.length
  }))
}
