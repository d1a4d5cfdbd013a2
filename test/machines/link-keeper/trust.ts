import { describe, expect, it } from '@jest/globals'
import { Initiator, Level, RevokeTrust, Stop, TrustRevoked, VerifyPeer } from '../../../proto/index.ts'
import { KeeperRun } from '../keeper-run.ts'

const fallen = (initiator: Initiator) => new TrustRevoked({ peerId: 'zoe', reason: 'hm', initiator, level: Level.LEVEL_IDENTIFIED })

describe('trust that is withdrawn', () => {
  it('reaches the links of the peer, is told once, and comes back with the level', () => {
    const run = new KeeperRun()
    const address = run.heard('zoe').one()
    run.linked(address, 'zoe').take()
    run.hear(new RevokeTrust({ peerId: 'zoe', reason: 'hm' }))
    expect(run.take()).toMatchObject([{ to: address, type: 'RevokeTrust', body: { reason: 'hm' } }])
    run.hear(fallen(Initiator.INITIATOR_SELF), address)
    expect(run.take()).toMatchObject([
      { to: '', type: 'TrustRevoked', body: { peerId: 'zoe', initiator: Initiator.INITIATOR_SELF } },
      { to: '', type: 'PeerDisconnected', body: { peerId: 'zoe', code: 'trust-revoked', reason: 'hm' } }
    ])
    run.hear(fallen(Initiator.INITIATOR_REMOTE), address)
    run.hear(new RevokeTrust({ peerId: 'zoe' }))
    expect(run.take()).toEqual([])
    run.hear(new VerifyPeer({ peerId: 'zoe' }))
    expect(run.take()).toMatchObject([{ to: address, type: 'VerifyPeer' }])
    run.reached(address, 'zoe', Level.LEVEL_BASIC).reached(address, 'zoe', Level.LEVEL_ENHANCED)
    expect(run.take().map(({ type }) => type).filter(type => type !== 'LinksChanged')).toEqual(['PeerConnected', 'PeerVerified'])
  })

  it('concerns nobody else, and nobody that is not there', () => {
    const run = new KeeperRun()
    run.hear(new RevokeTrust({ peerId: 'nobody' }))
    run.hear(new VerifyPeer({ peerId: 'nobody' }))
    run.hear(fallen(Initiator.INITIATOR_SELF), 'peer-connection/gone')
    expect(run.take()).toEqual([])
    const address = run.heard('zoe').one()
    run.linked(address, 'zoe')
    run.hear(new Stop())
    run.take()
    run.hear(new RevokeTrust({ peerId: 'zoe' }))
    run.hear(new VerifyPeer({ peerId: 'zoe' }))
    expect(run.take()).toEqual([])
  })
})
