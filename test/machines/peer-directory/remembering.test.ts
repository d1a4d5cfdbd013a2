import { describe, expect, it } from '@jest/globals'
import {
  Direction, DirectoryFailed, DirectoryPage, Initiator, PeerBlocked, PeerConnected, PeerDisconnected, PeerHeard, PeerRefused, SampleWanted, Stop,
  type PeerSample, type StoreRecords
} from '../../../proto/index.ts'
import { at, claim, DAY, DirectoryRun, record, STORE, WALL } from './directory-run.ts'

const writes = (run: DirectoryRun) => run.of('StoreRecords').map(({ time, body }) => ({ time, ids: body.records.map(({ peerId }) => peerId), removed: body.removed }))

describe('the peer directory remembers', () => {
  it('a peer with its addresses and how each was learnt, when it was seen and verified, and by what steps', () => {
    const run = new DirectoryRun()
    run.hear(new PeerHeard({ peerId: 'bea', name: 'Bea', via: 'broadcast', endpoints: [at('10.0.0.2')], acceptsInbound: true }))
    run.pass(100)
    run.link('bea', '10.0.0.3')
    run.pass(1_000)
    const [{ body }] = run.of('StoreRecords') as unknown as [{ body: StoreRecords }]
    expect(body.records).toMatchObject([{
      peerId: 'bea', name: 'BEA', heardAt: WALL + 100, seenAt: WALL + 100, verifiedAt: WALL + 100, steps: ['pings'], failures: 0, source: '',
      addresses: [
        { endpoint: { host: '10.0.0.3', port: 4_000 }, via: 'link', workedAt: WALL + 100 }, { endpoint: { host: '10.0.0.2', port: 4_000 }, via: 'broadcast', heardAt: WALL, workedAt: 0 }
      ]
    }])
  })

  it('not the port from which it was dialled, not itself, and not places that a person names', () => {
    const run = new DirectoryRun()
    run.hear(new PeerConnected({ peerId: 'bea', remote: at('10.0.0.2', 51_234), direction: Direction.DIRECTION_IN }))
    run.hear(new PeerHeard({ peerId: 'mia', via: 'broadcast', endpoints: [at('10.0.0.9')], acceptsInbound: true }))
    run.hear(new PeerHeard({ peerId: '', via: 'static', endpoints: [at('10.0.0.8')], acceptsInbound: true }))
    expect(run.row('bea')?.addresses).toEqual([])
    expect(run.size).toBe(1)
  })

  it('many changes with one write, at least half a second after the first, and the next once that is on the disk', () => {
    const run = new DirectoryRun({ flushMs: 1 })
    for (let n = 0; n < 10; n++) run.link(`peer-${n}`).pass(10)
    run.pass(399)
    expect(writes(run)).toEqual([])
    run.pass(1)
    expect(writes(run)).toMatchObject([{ time: 500, ids: expect.arrayContaining(['peer-0', 'peer-9']), removed: [] }])
    run.link('late')
    run.pass(5_000)
    expect(writes(run)).toHaveLength(1)
    run.stored().pass(500)
    expect(writes(run).at(-1)).toMatchObject({ time: 6_000, ids: ['late'] })
  })

  it('no more in one write than it may', () => {
    const run = new DirectoryRun({ batchMax: 4 })
    for (let n = 0; n < 10; n++) run.link(`peer-${n}`)
    for (let n = 0; n < 3; n++) {
      run.pass(1_000)
      run.stored()
    }
    expect(writes(run).map(({ ids }) => ids.length)).toEqual([4, 4, 2])
  })

  it('nothing new of a peer that goes on being heard the same, so that nothing is written', () => {
    const run = new DirectoryRun()
    const heard = () => run.hear(new PeerHeard({ peerId: 'bea', name: 'Bea', via: 'multicast', endpoints: [at('10.0.0.2')], acceptsInbound: true }))
    heard()
    run.pass(1_000)
    run.stored()
    for (let n = 0; n < 50; n++) {
      run.pass(10_000)
      heard()
    }
    expect(writes(run)).toHaveLength(1)
  })

  it('what was told before the store was read, on top of what the store has', () => {
    const run = new DirectoryRun({}, null)
    run.pass(300)
    run.hear(new PeerHeard({ peerId: 'bea', via: 'broadcast', endpoints: [at('10.0.0.2')], acceptsInbound: true }))
    run.link('cid')
    run.pass(100)
    run.hear(new DirectoryPage({ wallTime: WALL, records: [record('bea', { name: 'Bea' })], durable: true }), STORE)
    run.hear(new DirectoryPage({ wallTime: WALL, records: [record('dan')], durable: true, last: true }), STORE)
    expect(run.row('bea')).toMatchObject({ name: 'Bea', heardAt: WALL - 100, verifiedAt: WALL - DAY, addresses: [{ host: '10.0.0.2' }, { host: '5.0.0.3' }] })
    expect(run.row('cid')).toMatchObject({ verifiedAt: WALL - 100 })
    expect(run.of('DirectoryOpened')).toMatchObject([{ to: '', body: { peers: 3, durable: true, code: '' } }])
  })

  it('refusals with their code, and a person who blocks a peer', () => {
    const run = new DirectoryRun({}, [record('bea')])
    run.hear(new PeerRefused({ peerId: 'bea', code: 'verify-failed', initiator: Initiator.INITIATOR_REMOTE }))
    expect(run.row('bea')).toMatchObject({ refusedAt: WALL, refusedCode: 'verify-failed', failures: 1, retryAt: WALL + 60_000 })
    run.hear(new PeerRefused({ peerId: 'stranger', code: 'verify-failed' }))
    expect(run.row('stranger')).toBeUndefined()
    run.hear(new PeerBlocked({ peerId: 'eve', blocked: true }))
    expect(run.row('eve')?.blocked).toBe(true)
    run.hear(new PeerBlocked({ peerId: 'eve', blocked: false }))
    expect(run.row('eve')?.blocked).toBe(false)
  })

  it('that trust in a peer was withdrawn here; what the other side thinks of us changes nothing', () => {
    const run = new DirectoryRun().link('bea').link('cid')
    run.told('bea', claim('bea', 5, '5.1.1.1')).told('cid', claim('cid', 5, '5.1.1.2'))
    run.hear(new PeerDisconnected({ peerId: 'bea', code: 'trust-revoked', initiator: Initiator.INITIATOR_SELF }))
    run.hear(new PeerDisconnected({ peerId: 'cid', code: 'trust-revoked', initiator: Initiator.INITIATOR_REMOTE }))
    expect(run.row('bea')).toMatchObject({ verifiedAt: 0, steps: [], refusedAt: WALL, refusedCode: 'trust-revoked' })
    expect(run.row('cid')).toMatchObject({ verifiedAt: WALL, refusedAt: 0 })
    run.hear(new SampleWanted({ peerId: 'zoe', count: 9 }), 'peer-exchange/main')
    expect(run.of('PeerSample').at(-1)?.body.records).toHaveLength(1)
  })

  it('no more peers than it may: the least useful goes first, verified and connected ones stay', () => {
    const run = new DirectoryRun({ maxPeers: 100 })
    for (let n = 0; n < 60; n++) run.link(`verified-${n}`).unlink(`verified-${n}`)
    run.link('linked')
    for (let n = 0; n < 500; n++) run.hear(new PeerHeard({ peerId: `heard-${n}`, via: 'broadcast', endpoints: [at('10.0.0.2')], acceptsInbound: true }))
    expect(run.size).toBe(100)
    for (let n = 0; n < 60; n++) expect(run.row(`verified-${n}`)).toBeDefined()
    expect(run.row('heard-499')).toBeDefined()
    expect(run.row('heard-0')).toBeUndefined()
    run.pass(8 * DAY)
    for (let n = 0; n < 99; n++) run.link(`new-${n}`).unlink(`new-${n}`)
    expect(run.size).toBe(100)
    expect(run.row('linked')).toBeDefined()
    for (let n = 0; n < 99; n++) expect(run.row(`new-${n}`)).toBeDefined()
  })

  it('nobody for ever: who was verified a month, others a day, and who is connected or blocked goes on', () => {
    const run = new DirectoryRun({}, [record('old', { seenAt: WALL - 31 * DAY, heardAt: WALL - 31 * DAY }), record('bea'), record('heard', { verifiedAt: 0 }), record('eve', { blocked: true })])
    expect(run.row('old')).toBeUndefined()
    run.link('cid')
    run.pass(DAY)
    expect(run.row('heard')).toBeUndefined()
    run.pass(31 * DAY)
    expect([run.row('bea'), run.row('cid')?.seenAt, run.row('eve')?.blocked]).toEqual([undefined, WALL + 32 * DAY, true])
    expect(writes(run).flatMap(({ removed }) => removed)).toContain('old')
  })

  it('to the last: when it stops it writes what is left, after what is under way, and says when it was', () => {
    const run = new DirectoryRun()
    run.link('bea').pass(1_000)
    run.link('cid')
    run.hear(new Stop({ reason: 'over' }))
    run.stored()
    expect(writes(run).at(-1)?.ids.sort()).toEqual(['bea', 'cid'])
    expect(run.done).toBe(false)
    run.stored()
    expect(run.done).toBe(true)
    const late = new DirectoryRun()
    late.link('bea').hear(new Stop())
    late.pass(1_500)
    expect(late.done).toBe(true)
  })

  it('in memory alone where there is no folder, or its store cannot be used, and says why', () => {
    for (const opening of [new DirectoryPage({ wallTime: WALL, last: true }), new DirectoryFailed({ code: 'store-in-use', reason: 'by process 7', wallTime: WALL })]) {
      const run = new DirectoryRun({}, null)
      run.pass(100)
      run.link('bea')
      run.hear(opening, STORE)
      run.link('cid').pass(3_600_000)
      expect(writes(run)).toEqual([])
      expect([run.row('bea')?.verifiedAt, run.row('cid')?.verifiedAt]).toEqual([WALL, WALL])
      expect(run.of('DirectoryOpened')).toMatchObject([{ body: { durable: false, code: opening instanceof DirectoryFailed ? 'store-in-use' : '' } }])
      run.hear(new Stop())
      expect(run.done).toBe(true)
    }
    const taken = new DirectoryRun()
    taken.link('bea').pass(1_000)
    taken.hear(new DirectoryFailed({ code: 'store-taken', wallTime: WALL }), STORE)
    taken.link('cid').pass(DAY)
    expect(writes(taken)).toHaveLength(1)
  })

  it('the word of a peer on itself, for others: of those that were verified and seen of late', () => {
    const run = new DirectoryRun({}, [record('gone', { seenAt: WALL - 2 * DAY, record: Uint8Array.of(9), expiresAt: WALL + DAY }), record('silent')])
    for (const peerId of ['bea', 'cid', 'dan']) run.link(peerId).told(peerId, claim(peerId, 5, '5.1.1.1'))
    run.hear(new PeerBlocked({ peerId: 'dan', blocked: true }))
    const asked = (peerId: string, count: number) => {
      run.take()
      run.hear(new SampleWanted({ peerId, count }), 'peer-exchange/main')
      const [said] = run.take()
      expect(said).toMatchObject({ to: 'peer-exchange/main', type: 'PeerSample', body: { peerId } })
      return (said!.body as PeerSample).records
    }
    expect(asked('zoe', 10)).toEqual([Uint8Array.of(5, 7), Uint8Array.of(5, 7)])
    expect(asked('bea', 10)).toHaveLength(1)
    expect(asked('zoe', 1)).toHaveLength(1)
    run.pass(2 * DAY)
    expect(asked('zoe', 10)).toEqual([])
  })
})
