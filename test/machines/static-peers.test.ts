import { describe, expect, it } from '@jest/globals'
import { staticPeersMachine } from '../../machines/static-peers.ts'
import { DiscoveryStarted } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'

describe('static peers', () => {
  it('are told one by one when discovery starts, not before and not twice', () => {
    const peers = [{ host: '192.0.2.1', port: 4_000 }, { host: '2001:db8::1', port: 5_000, peerId: 'bea' }]
    const run = new MachineRun(staticPeersMachine, { address: 'static-peers/main', options: { peers } })
    expect(run.said).toEqual([])
    run.hear(new DiscoveryStarted())
    expect(run.take()).toMatchObject([
      { to: '', type: 'PeerHeard', body: { peerId: '', via: 'static', endpoints: [{ host: '192.0.2.1', port: 4_000 }], acceptsInbound: true } },
      { to: '', type: 'PeerHeard', body: { peerId: 'bea', via: 'static', endpoints: [{ host: '2001:db8::1', port: 5_000 }], acceptsInbound: true } }
    ])
    expect(run.state).toBe('told')
    expect(run.actor.getSnapshot().can({ type: 'DiscoveryStarted' })).toBe(false)
  })
})
