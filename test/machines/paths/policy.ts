import { policyKeeperDefinition } from '../../../actors/policy-keeper/index.ts'
import { defaultPolicy, toPolicyValue, type Policy } from '../../../machines/policy.ts'
import { DirectoryOpened, PeerBlocked, PolicyValue, SetPolicy } from '../../../proto/index.ts'
import type { Walks } from './walks.ts'

const own = `${'m'.repeat(51)}a`
const bea = `${'b'.repeat(51)}a`

export const policyKeeperPaths: Walks = {
  walks: [{ blocked: [] }, { blocked: ['192.0.2.1'] }].map(policy => ({
    input: { address: 'policy-keeper/main', options: { ...policyKeeperDefinition.options, ...policy, peerId: own, decides: true } },
    events: [
      new SetPolicy({ policy: toPolicyValue(defaultPolicy) }), new SetPolicy({ policy: new PolicyValue({ communication: true, blocked: ['nonsense'] }) }),
      new PeerBlocked({ peerId: bea, blocked: true }), new PeerBlocked({ peerId: bea, blocked: false }), new PeerBlocked({ peerId: own, blocked: true }),
      new DirectoryOpened({ blocked: [bea] }), new DirectoryOpened()
    ],
    key: ({ policy: { blocked } }: { policy: Policy }) => blocked.length
  }))
}
