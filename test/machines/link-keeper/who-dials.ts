import { describe, expect, it } from '@jest/globals'
import { DiscoveryStarted, Endpoint, Initiator, Instance, Listening } from '../../../proto/index.ts'
import { KeeperRun } from '../keeper-run.ts'

const newer = { instance: new Instance({ startedAt: 20, nonce: Uint8Array.of(1) }) }
const static_ = { via: 'static', instance: null }
const remote = Initiator.INITIATOR_REMOTE

describe('who dials', () => {
  it('is the lower PeerId, at once; mia dials zoe', () => {
    const run = new KeeperRun().heard('zoe')
    const [spawn] = run.spawned()
    expect(spawn!.options).toMatchObject({ direction: 'out', peerId: 'zoe', self: 'mia', network: 'aa', endpoints: [{ host: 'host-zoe', port: 1 }], persistent: false })
    expect(run.clock.size).toBe(0)
  })

  it('watches what it starts', () => {
    const run = new KeeperRun().heard('zoe')
    const watched = run.of('Watch').map(({ body }) => body.address)
    expect(watched).toEqual([run.one()])
  })

  it('is the higher one too, when the lower has not come within a second', () => {
    const run = new KeeperRun().heard('ada')
    run.pass(999)
    expect(run.spawned()).toEqual([])
    run.pass(1)
    expect(run.one()).toMatch(/^peer-connection\/[0-9A-Za-z]{8}$/)
  })

  it('is nobody more when the lower one came', () => {
    const run = new KeeperRun().heard('ada')
    run.inbound('ada')
    expect(run.clock.size).toBe(0)
    run.heard('ada')
    run.pass(10_000)
    expect(run.spawned()).toEqual([])
  })

  it('is always the one that takes no links itself', () => {
    const run = new KeeperRun({ acceptsInbound: false }).heard('ada')
    expect(run.spawned()).toHaveLength(1)
    run.hear(new Listening({ endpoints: [new Endpoint({ host: '::', port: 4_000 })] }))
    run.heard('abe')
    expect(run.spawned()).toEqual([])
    run.hear(new Listening({ endpoints: [] }))
    run.heard('amy')
    expect(run.spawned()).toHaveLength(1)
  })

  it('is not us where the other takes no links', () => {
    const run = new KeeperRun().heard('zoe', { acceptsInbound: false })
    run.pass(5_000)
    expect(run.spawned()).toEqual([])
  })

  it('is we at once where a person named the peer, for as long as it takes', () => {
    const run = new KeeperRun().heard('ada', { ...static_, acceptsInbound: false })
    expect(run.spawned()).toMatchObject([{ options: { peerId: 'ada', persistent: true } }])
  })

  it('is nobody before discovery starts, then everybody who was heard', () => {
    const run = new KeeperRun({}, false).heard('zoe').heard('ada')
    run.pass(2_000)
    expect(run.of('PeerFound')).toHaveLength(2)
    expect(run.spawned()).toEqual([])
    expect(run.state).toEqual({ open: 'waiting' })
    run.hear(new DiscoveryStarted())
    expect(run.spawned()).toMatchObject([{ options: { peerId: 'zoe' } }])
    run.pass(1_000)
    expect(run.spawned()).toMatchObject([{ options: { peerId: 'ada' } }])
  })

  it('accepts links before discovery starts', () => {
    const run = new KeeperRun({}, false)
    run.linked(run.inbound('ada'), 'ada')
    expect(run.of('PeerVerified')).toHaveLength(1)
  })

  it('is nobody for one that was heard of itself', () => {
    expect(new KeeperRun().heard('mia').said).toEqual([])
  })
})

describe('a peer that is heard', () => {
  it('is announced once, however often it is heard', () => {
    const run = new KeeperRun().heard('zoe').heard('zoe').heard('zoe', { endpoints: [{ host: 'other', port: 2 }] })
    expect(run.of('PeerFound')).toMatchObject([{ to: '', body: { peerId: 'zoe', name: 'ZOE', via: 'broadcast', endpoints: [{ host: 'host-zoe', port: 1 }] } }])
    const [address] = run.spawned()
    expect(run.of('EndpointsFound')).toEqual([])
    run.heard('zoe', { endpoints: [{ host: 'third', port: 3 }] })
    expect(run.of('EndpointsFound')).toMatchObject([{ to: address!.address, body: { endpoints: [{ host: 'third', port: 3 }, { host: 'other', port: 2 }, { host: 'host-zoe', port: 1 }] } }])
  })

  it('is announced again after it was gone', () => {
    const run = new KeeperRun().heard('zoe')
    const address = run.one()
    run.linked(address, 'zoe').ended(address, { code: 'shutdown', initiator: remote }).gone(address)
    run.pass(2_001)
    run.take()
    run.heard('zoe')
    expect(run.of('PeerFound')).toHaveLength(1)
    expect(run.spawned()).toHaveLength(1)
  })

  it('is not brought back by what was on its way when it said goodbye, but by a new life', () => {
    const run = new KeeperRun().heard('zoe')
    const address = run.one()
    run.linked(address, 'zoe').ended(address, { code: 'shutdown', initiator: remote }).gone(address)
    run.heard('zoe')
    run.pass(1_999)
    expect(run.spawned()).toEqual([])
    run.heard('zoe', newer)
    expect(run.spawned()).toHaveLength(1)
  })

  it('is dialled where its new life listens, not where the old one did', () => {
    const run = new KeeperRun({}, false).heard('zoe')
    run.heard('zoe', { ...newer, endpoints: [{ host: 'host-zoe', port: 99 }] })
    expect(run.peer('zoe')!.places).toEqual([{ host: 'host-zoe', port: 99 }])
  })

  it('cuts a wait short when it is heard again, at most every 5 seconds', () => {
    const run = new KeeperRun().heard('zoe')
    const address = run.one()
    run.ended(address, { code: 'dial-refused', level: 0, againMs: 60_000 })
    run.heard('zoe')
    run.pass(4_999)
    run.heard('zoe')
    expect(run.of('EndpointsFound')).toEqual([])
    run.pass(1)
    run.heard('zoe')
    expect(run.of('EndpointsFound')).toMatchObject([{ to: address }])
    run.take()
    run.heard('zoe', newer)
    expect(run.of('EndpointsFound')).toHaveLength(1)
  })

  it('is dialled beside the stale link when it has started anew', () => {
    const run = new KeeperRun().heard('zoe')
    const old = run.one()
    run.linked(old, 'zoe')
    run.take()
    run.heard('zoe', newer)
    const fresh = run.one()
    run.heard('zoe', newer)
    expect(run.spawned()).toEqual([])
    run.linked(fresh, 'zoe', { ...newer, dial: 0 })
    expect(run.of('CloseRequested')).toEqual([])
    run.pong(fresh, run.of('SendPing')[0]!.body.id)
    expect(run.codes().at(-1)).toEqual(['CloseRequested', old, 'superseded'])
  })

  it('takes the place of who was heard longest ago and has no link, when too many are known', () => {
    const run = new KeeperRun({ maxKnown: 3, dialPatienceMs: 60_000 }, false)
    run.linked(run.inbound('aa'), 'aa')
    run.pass(250)
    for (const peerId of ['bb', 'cc']) {
      run.pass(1)
      run.heard(peerId)
    }
    run.hear(new DiscoveryStarted())
    expect(run.clock.size).toBe(2)
    run.heard('dd')
    expect(run.peer('bb')).toBeUndefined()
    expect([run.peer('aa'), run.peer('cc'), run.peer('dd')].every(row => row !== undefined)).toBe(true)
    expect(run.clock.size).toBe(2)
  })

  it('is not taken where nobody can be forgotten, but a named one is', () => {
    const run = new KeeperRun({ maxKnown: 1 })
    run.linked(run.inbound('aa'), 'aa')
    run.heard('zoe')
    expect(run.peer('zoe')).toBeUndefined()
    run.heard('zoe', static_)
    expect(run.peer('zoe')).toBeDefined()
  })
})
