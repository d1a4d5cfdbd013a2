import { describe, expect, it } from '@jest/globals'
import { Endpoint, Initiator, Instance, Level, SpawnFailed } from '../../../proto/index.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

const newer = { instance: new Instance({ startedAt: 20, nonce: Uint8Array.of(1) }) }
const static_ = { via: 'static', instance: null }
const remote = Initiator.INITIATOR_REMOTE

describe('links of one pair', () => {
  it('are announced once, as a pair', () => {
    const run = new KeeperRun()
    const address = run.inbound('ada')
    run.identified(address, 'ada', { direction: 1 })
    expect(run.codes()).toEqual([['LinkAdmitted', address]])
    run.reached(address, 'ada', Level.LEVEL_BASIC).reached(address, 'ada', Level.LEVEL_ENHANCED)
    expect(run.take()).toMatchObject([
      { type: 'PeerConnected', to: '', body: { peerId: 'ada', name: 'ADA', direction: 1, path: 'tcp', level: Level.LEVEL_BASIC, linkId: address, remote: { host: 'host-ada' } } },
      { type: 'PeerVerified', to: '', body: { peerId: 'ada', steps: ['pings'], level: Level.LEVEL_ENHANCED } }
    ])
    run.pass(249)
    expect(run.take()).toEqual([])
    run.pass(1)
    expect(run.take()).toMatchObject([{ type: 'LinksChanged', to: '', body: { links: 1 } }])
    run.ended(address, { code: 'lost' }).gone(address)
    expect(run.take()).toMatchObject([
      { type: 'PeerDisconnected', body: { peerId: 'ada', code: 'lost', reason: 'broken', initiator: Initiator.INITIATOR_NETWORK } },
      { type: 'LinksChanged', body: { links: 0 } }
    ])
  })

  it('are counted together where several come at once, and told at once when one goes', () => {
    const run = new KeeperRun()
    const [ada, bob] = ['ada', 'bob'].map(peerId => {
      const address = run.inbound(peerId)
      run.linked(address, peerId)
      return address
    })
    expect(run.of('LinksChanged')).toEqual([])
    run.pass(250)
    expect(run.of('LinksChanged')).toMatchObject([{ body: { links: 2 } }])
    run.ended(ada!, { code: 'lost' }).gone(ada!)
    expect(run.of('LinksChanged').at(-1)).toMatchObject({ body: { links: 1 } })
    run.ended(bob!, { code: 'lost' }).gone(bob!)
    expect(run.of('LinksChanged').at(-1)).toMatchObject({ body: { links: 0 } })
  })

  it('by opposite dials: the one of the lower PeerId stays, the other goes when both sides have it enhanced', () => {
    const run = new KeeperRun().heard('zoe')
    const ours = run.one()
    const theirs = run.inbound('zoe')
    run.linked(theirs, 'zoe', { direction: 1 })
    run.take()
    run.identified(ours, 'zoe')
    expect(run.codes()).toEqual([['LinkAdmitted', ours]])
    run.reached(ours, 'zoe', Level.LEVEL_BASIC).reached(ours, 'zoe', Level.LEVEL_ENHANCED)
    const ping = run.of('SendPing')
    expect(ping).toMatchObject([{ to: `${ours}#link` }])
    run.pong(ours, 77)
    run.pong(theirs, ping[0]!.body.id)
    expect(run.of('CloseRequested')).toEqual([])
    run.take()
    run.pong(ours, ping[0]!.body.id)
    expect(run.codes()).toEqual([['CloseRequested', theirs, 'duplicate']])
    run.ended(theirs, { code: 'duplicate', initiator: Initiator.INITIATOR_SELF }).gone(theirs)
    expect(run.said).toEqual([])
  })

  it('that lose when they are identified are closed at once', () => {
    const run = new KeeperRun().heard('zoe')
    const ours = run.one()
    run.identified(ours, 'zoe')
    const theirs = run.inbound('zoe')
    run.identified(theirs, 'zoe', { direction: 1 })
    expect(run.codes()).toEqual([['CloseRequested', theirs, 'duplicate']])
  })

  it('stay where the winner fails', () => {
    const run = new KeeperRun().heard('zoe')
    const ours = run.one()
    const theirs = run.inbound('zoe')
    run.linked(theirs, 'zoe', { direction: 1 }).identified(ours, 'zoe')
    run.take()
    run.ended(ours, { code: 'ping-timeout', step: 'pings', level: Level.LEVEL_IDENTIFIED })
    expect(run.codes()).toEqual([['PeerRefused', 'ping-timeout']])
    expect(run.peer('zoe')!.best).toBe(Level.LEVEL_ENHANCED)
  })

  it('in one direction: the later dial wins, as its dialer gave up on the former', () => {
    const run = new KeeperRun()
    const first = run.inbound('ada', 'in-1')
    const second = run.inbound('ada', 'in-2')
    run.linked(first, 'ada', { direction: 1, dial: 5 }).identified(second, 'ada', { direction: 1, dial: 6 })
    expect(run.codes().at(-1)).toEqual(['LinkAdmitted', second])
    const third = run.inbound('ada', 'in-3')
    run.identified(third, 'ada', { direction: 1, dial: 4 })
    expect(run.codes()).toEqual([['CloseRequested', third, 'duplicate']])
    const tie = run.inbound('ada', 'in-4')
    run.identified(tie, 'ada', { direction: 1, dial: 6, linkId: '' })
    expect(run.codes()).toEqual([['CloseRequested', tie, 'duplicate']])
  })

  it('of an older life are not admitted beside the newer', () => {
    const run = new KeeperRun()
    run.linked(run.inbound('ada', 'in-1'), 'ada', newer)
    const stale = run.inbound('ada', 'in-2')
    run.identified(stale, 'ada', { dial: 99 })
    expect(run.codes()).toEqual([['CloseRequested', stale, 'superseded']])
    const twin = run.inbound('ada', 'in-3')
    run.identified(twin, 'ada', { instance: new Instance({ startedAt: 20, nonce: Uint8Array.of(0) }) })
    expect(run.codes()).toEqual([['CloseRequested', twin, 'superseded']])
  })

  it('that still dial are given up where the lower PeerId has come', () => {
    const run = new KeeperRun().heard('ada', static_)
    const ours = run.one()
    run.identified(run.inbound('ada'), 'ada', { direction: 1 })
    expect(run.of('CloseRequested')).toMatchObject([{ to: ours, body: { code: 'duplicate' } }])
  })

  it('that wait to dial again are given up when another is there', () => {
    const run = new KeeperRun().heard('zoe')
    const ours = run.one()
    run.ended(ours, { level: 0, code: 'dial-refused', againMs: 500 })
    const theirs = run.inbound('zoe')
    run.identified(theirs, 'zoe', { direction: 1 })
    expect(run.codes().at(-1)).toEqual(['CloseRequested', ours, 'duplicate'])
    const other = new KeeperRun().heard('zoe')
    const dialled = other.one()
    other.identified(dialled, 'zoe')
    other.identified(other.inbound('zoe', 'in-1'), 'zoe', { ...newer, direction: 1 })
    other.take()
    other.ended(dialled, { againMs: 500 })
    expect(other.codes().at(-1)).toEqual(['CloseRequested', dialled, 'duplicate'])
  })

  it('do not announce a disconnection while one carries on', () => {
    const run = new KeeperRun()
    const first = run.inbound('ada', 'in-1')
    const second = run.inbound('ada', 'in-2')
    run.linked(first, 'ada', { direction: 1, dial: 1 }).linked(second, 'ada', { direction: 1, dial: 2 })
    run.take()
    run.ended(first)
    expect(run.said).toEqual([])
  })
})

describe('after a link ended', () => {
  it('the one that was dialled dials after its patience, if nobody came back', () => {
    const run = new KeeperRun().heard('zoe')
    run.ended(run.one(), { level: 0, code: 'busy', againMs: 500 })
    const inbound = new KeeperRun().heard('ada')
    const address = inbound.inbound('ada')
    inbound.linked(address, 'ada').ended(address).gone(address)
    inbound.take()
    inbound.pass(999)
    expect(inbound.spawned()).toEqual([])
    inbound.pass(1)
    expect(inbound.spawned()).toHaveLength(1)
  })

  it('nobody dials where the peer is being stopped', () => {
    const run = new KeeperRun().heard('ada')
    const address = run.inbound('ada')
    run.linked(address, 'ada').ended(address, { code: 'shutdown', initiator: Initiator.INITIATOR_SELF })
    run.pass(60_000)
    expect(run.spawned()).toEqual([])
  })

  it('a peer that nobody answers for is gone until it is heard again', () => {
    const run = new KeeperRun().heard('zoe')
    const address = run.one()
    run.ended(address, { level: 0, code: 'dial-refused' }).gone(address)
    run.pass(60_000)
    expect(run.spawned()).toEqual([])
    run.heard('zoe')
    expect(run.of('PeerFound')).toHaveLength(1)
    expect(run.spawned()).toHaveLength(1)
  })

  it('a refusal is announced with step, code and reason, and the peer is left alone for a minute', () => {
    const run = new KeeperRun().heard('ada')
    const address = run.inbound('ada')
    run.identified(address, 'ada', { direction: 1 })
    run.take()
    run.ended(address, { peerId: 'ada', code: 'verify-failed', step: 'secret', reason: 'wrong key', level: Level.LEVEL_IDENTIFIED, initiator: remote, remote: new Endpoint({ host: 'h', port: 1 }) }).gone(address)
    expect(run.take()).toMatchObject([{ type: 'PeerRefused', to: '', body: { peerId: 'ada', step: 'secret', code: 'verify-failed', reason: 'wrong key', initiator: remote, remote: { host: 'h', port: 1 } } }])
    run.heard('ada')
    run.pass(59_999)
    expect(run.spawned()).toEqual([])
    run.pass(1)
    expect(run.spawned()).toHaveLength(1)
  })

  it('of somebody who never said who it was, a refusal is announced too', () => {
    const run = new KeeperRun()
    const address = run.inbound('ada')
    run.ended(address, { peerId: 'ada', code: 'other-network', level: Level.LEVEL_SECURED, initiator: Initiator.INITIATOR_SELF }).gone(address)
    expect(run.of('PeerRefused')).toMatchObject([{ body: { peerId: 'ada', code: 'other-network' } }])
    expect(run.context.links.size).toBe(0)
    expect(run.context.peers.size).toBe(0)
  })

  it('the wish of the other side is kept', () => {
    const run = new KeeperRun().heard('ada')
    const address = run.inbound('ada')
    run.linked(address, 'ada').ended(address, { code: 'idle', initiator: remote, forMs: 600_000 }).gone(address)
    run.heard('ada')
    run.pass(599_999)
    expect(run.spawned()).toEqual([])
    run.pass(1)
    expect(run.spawned()).toHaveLength(1)
  })

  it('a connection that failed counts as ended', () => {
    const run = new KeeperRun()
    const address = run.inbound('ada')
    run.linked(address, 'ada').pass(250)
    run.take()
    run.gone(address, true)
    expect(run.codes()).toEqual([['PeerDisconnected', 'internal'], ['LinksChanged']])
    expect(run.context).toMatchObject({ held: 0, connected: 0, pending: 0, dialing: 0 })
  })

  it('a connection that could not be started is tried again', () => {
    const run = new KeeperRun().heard('zoe')
    const [, id = ''] = run.one().split('/')
    run.hear(new SpawnFailed({ kind: 'peer-connection', id, code: 'actor-limit' }), 'system')
    run.gone(`peer-connection/${id}`)
    run.pass(1_000)
    expect(run.spawned()).toHaveLength(1)
    const inbound = new KeeperRun()
    const [, other = ''] = inbound.inbound('ada').split('/')
    inbound.hear(new SpawnFailed({ kind: 'peer-connection', id: other }), 'system')
    expect(inbound.of('RejectInbound')).toMatchObject([{ to: LISTENER, body: { handle: 'in-ada', code: 'busy' } }])
    expect(inbound.context.pending).toBe(0)
  })
})
