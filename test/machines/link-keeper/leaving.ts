import { describe, expect, it } from '@jest/globals'
import {
  DiscoveryStarted, DropPeer, Endpoint, InboundSecured, Initiator, Level, LinkEnded, LinkIdentified, PongReceived, SpawnFailed, Stop, Terminated
} from '../../../proto/index.ts'
import { linkKeeperMachine } from '../../../machines/link-keeper.ts'
import { MachineRun } from '../../../runtime/testing/machine-run.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

describe('a peer that is dropped', () => {
  it('is closed with a wish, neither dialled nor admitted for a minute, then again', () => {
    const run = new KeeperRun().heard('ada')
    const address = run.inbound('ada')
    run.linked(address, 'ada')
    run.take()
    run.hear(new DropPeer({ peerId: 'ada' }))
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: address, body: { code: 'dropped', forMs: 60_000 } }])
    run.ended(address, { code: 'dropped', initiator: Initiator.INITIATOR_SELF }).gone(address)
    expect(run.of('PeerDisconnected')).toMatchObject([{ body: { code: 'dropped', initiator: Initiator.INITIATOR_SELF } }])
    run.pass(10_000)
    const again = run.inbound('ada')
    run.identified(again, 'ada', { direction: 1 })
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: again, body: { code: 'dropped', forMs: 50_000 } }])
    run.ended(again, { code: 'dropped', level: Level.LEVEL_IDENTIFIED }).gone(again)
    run.pass(60_000)
    expect(run.spawned()).toHaveLength(1)
  })

  it('stays away for as long as it is told to, by whoever dials', () => {
    const run = new KeeperRun().heard('ada')
    const address = run.inbound('ada')
    run.linked(address, 'ada')
    run.take()
    run.hear(new DropPeer({ peerId: 'ada', forMs: 1e12 }))
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: address, body: { code: 'dropped', forMs: 1e12 } }])
    run.ended(address, { code: 'dropped', initiator: Initiator.INITIATOR_SELF }).gone(address)
    run.pass(24 * 3_600_000)
    expect(run.spawned()).toEqual([])
    const again = run.inbound('ada')
    run.identified(again, 'ada', { direction: 1 })
    expect(run.of('CloseRequested').at(-1)).toMatchObject({ to: again, body: { code: 'dropped' } })
  })

  it('need not be known', () => {
    const run = new KeeperRun()
    run.hear(new DropPeer({ peerId: 'nobody' }))
    expect(run.said).toEqual([])
    const address = run.inbound('nobody')
    run.identified(address, 'nobody', { direction: 1 })
    expect(run.of('CloseRequested')).toMatchObject([{ to: address, body: { code: 'dropped', forMs: 60_000 } }])
    expect(run.of('LinkAdmitted')).toEqual([])
  })

  it('is closed too where its link has not said yet who it is, or is being verified', () => {
    const run = new KeeperRun()
    const calling = run.inbound('ada')
    run.take()
    run.hear(new DropPeer({ peerId: 'ada', forMs: 9_000 }))
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: calling, body: { code: 'dropped', forMs: 9_000 } }])
    run.identified(calling, 'ada', { direction: 1 })
    expect(run.take()).toEqual([])
    run.ended(calling, { code: 'dropped', level: 0, initiator: Initiator.INITIATOR_SELF }).gone(calling)
    expect(run.context.pending).toBe(0)
    run.pass(9_000)
    const again = run.inbound('ada')
    run.identified(again, 'ada', { direction: 1 })
    run.take()
    run.hear(new DropPeer({ peerId: 'ada' }))
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: again, body: { code: 'dropped' } }])
  })

  it('is left in peace while nothing is known of it, where a log of before has it so', () => {
    const run = new MachineRun(linkKeeperMachine, { flags: [], options: { peerId: 'mia' } })
    run.hear(new DropPeer({ peerId: 'ada' }))
    expect(run.context.peers.size).toBe(0)
  })

  it('is never this peer itself', () => {
    const run = new KeeperRun()
    for (const peerId of ['', run.context.options.peerId as string]) run.hear(new DropPeer({ peerId }))
    expect(run.context.peers.size).toBe(0)
  })
})

describe('stopping', () => {
  it('closes every link with a word and is over when all are gone', () => {
    const run = new KeeperRun().heard('zoe').heard('ada')
    const dialling = run.one()
    const linked = run.inbound('bob')
    run.linked(linked, 'bob')
    run.take()
    run.hear(new Stop({ reason: 'bye' }))
    expect(run.codes()).toEqual(expect.arrayContaining([['CloseRequested', dialling, 'shutdown'], ['CloseRequested', linked, 'shutdown']]))
    run.hear(new InboundSecured({ handle: 'late', peerId: 'eve', linkId: 'late', remote: new Endpoint({ host: 'h', port: 1 }) }), LISTENER)
    expect(run.codes()).toEqual([['RejectInbound', LISTENER, 'shutdown']])
    run.heard('xavier')
    run.hear(new DropPeer({ peerId: 'bob' }))
    run.hear(new DiscoveryStarted())
    run.ended(linked, { code: 'shutdown', initiator: Initiator.INITIATOR_SELF }).gone(linked)
    expect(run.state).toBe('closing')
    run.ended(dialling, { code: 'shutdown', level: 0, initiator: Initiator.INITIATOR_SELF }).gone(dialling)
    expect(run.done).toBe(true)
    expect(run.clock.size).toBe(0)
    expect(run.of('PeerDisconnected')).toMatchObject([{ body: { peerId: 'bob', code: 'shutdown' } }])
    expect(run.spawned()).toEqual([])
  })

  it('is over at once without links, and does not wait for ever with them', () => {
    const idle = new KeeperRun()
    idle.hear(new Stop())
    expect(idle.done).toBe(true)
    const run = new KeeperRun().heard('zoe')
    run.hear(new Stop())
    run.pass(1_500)
    expect(run.done).toBe(true)
  })
})

describe('what comes late', () => {
  it('from connections that are gone changes nothing', () => {
    const run = new KeeperRun()
    const { context } = run
    run.hear(new LinkIdentified({ peerId: 'ada' }), 'peer-connection/gone')
    run.hear(new LinkEnded({ peerId: 'ada' }), 'peer-connection/gone')
    run.hear(new PongReceived({ id: 1 }), 'peer-connection/gone#link')
    run.hear(new Terminated({ address: 'peer-connection/gone' }), 'system')
    run.hear(new SpawnFailed({ kind: 'peer-connection', id: 'gone' }), 'system')
    run.reached('peer-connection/gone', 'ada', Level.LEVEL_BASIC)
    expect(run.said).toEqual([])
    expect({ ...run.context, now: 0 }).toEqual({ ...context, now: 0 })
  })
})

describe('cost', () => {
  it('of a known peer heard again is nothing: no message, no new row', () => {
    const run = new KeeperRun()
    run.linked(run.inbound('ada'), 'ada').heard('ada')
    const { peers } = run.context
    run.take()
    run.heard('ada')
    expect(run.said).toEqual([])
    expect(run.context.peers).toBe(peers)
  })
})
