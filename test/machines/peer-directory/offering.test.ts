import { describe, expect, it } from '@jest/globals'
import { DirectoryPage, DiscoveryStarted, PeerHeard } from '../../../proto/index.ts'
import { at, claim, DirectoryRun, record, STORE, WALL } from './directory-run.ts'

describe('the peer directory offers known peers', () => {
  it('when discovery starts, the most useful first, a few at a time and no more than it may', () => {
    const records = Array.from({ length: 200 }, (_, n) => record(`peer-${String(n).padStart(3, '0')}`, { seenAt: WALL - n * 1_000 - 1 }))
    const run = new DirectoryRun({}, records)
    run.pass(10_000)
    expect(run.offers()).toEqual([])
    run.hear(new DiscoveryStarted())
    const first = run.offers()
    expect(first.map(({ peerId }) => peerId)).toEqual(records.slice(0, 8).map(({ peerId }) => peerId))
    expect(first[0]).toMatchObject({ via: 'directory', hosts: ['5.0.0.8'] })
    run.pass(9_000)
    const all = [...first, ...run.offers()]
    expect(all.map(({ peerId }) => peerId)).toEqual(records.slice(0, 64).map(({ peerId }) => peerId))
    for (let second = 0; second < 8; second++) expect(all.filter(({ time }) => time === 10_000 + second * 1_000)).toHaveLength(8)
  })

  it('once the store is read, where discovery starts before', () => {
    const run = new DirectoryRun({}, null)
    run.hear(new DiscoveryStarted())
    run.pass(500)
    run.hear(new DirectoryPage({ wallTime: WALL, records: [record('bea')], last: true, durable: true }), STORE)
    expect(run.offers()).toMatchObject([{ time: 500, peerId: 'bea' }])
  })

  it('only while links are wanted', () => {
    const run = new DirectoryRun({ linksWanted: 2 }, Array.from({ length: 20 }, (_, n) => record(`peer-${n}`)))
    run.link('ann').link('bob')
    run.hear(new DiscoveryStarted())
    run.pass(3_600_000)
    expect(run.offers()).toEqual([])
    run.unlink('ann').pass(10_000)
    expect(run.offers().length).toBeGreaterThan(0)
  })

  it('never one that is blocked, connected, without an address or heard by itself', () => {
    const run = new DirectoryRun({}, [record('eve', { blocked: true }), record('bea'), record('cid', { addresses: [] }), record('dan')])
    run.link('bea')
    run.hear(new PeerHeard({ peerId: 'dan', via: 'broadcast', endpoints: [at('10.0.0.4')], acceptsInbound: true }))
    run.hear(new DiscoveryStarted())
    run.pass(60_000)
    expect(run.offers()).toEqual([])
  })

  it('again after growing waits where no link comes of it, and at once where one did', () => {
    const run = new DirectoryRun({ backoffMaxMs: 200_000 }, [record('bea')])
    run.hear(new DiscoveryStarted())
    run.pass(3_600_000)
    const times = run.offers().map(({ time }) => time)
    const waits = times.slice(1).map((time, n) => time - times[n]!)
    // 30 s until it has failed, then 60, 120 and 200 s, looked at every 10 s; the first time a second later.
    expect(waits.slice(0, 4)).toEqual([91_000, 150_000, 230_000, 230_000])
    expect(run.row('bea')?.failures).toBe(times.length)
    run.link('bea').unlink('bea')
    expect(run.row('bea')).toMatchObject({ failures: 0, addresses: [{ host: '5.5.5.5', via: 'link' }, { host: '5.0.0.3' }] })
  })

  it('of those by hearsay only when no other is left, few in a minute, and few at one address', () => {
    const run = new DirectoryRun({ linksWanted: 50 })
    run.link('ann')
    for (let n = 0; n < 60; n++) run.told('ann', claim(`peer-${n}`, 1, `5.${n}.1.1`))
    for (let n = 0; n < 4; n++) run.told('ann', claim(`victim-${n}`, 1, '9.9.9.9'))
    run.hear(new DiscoveryStarted())
    run.pass(59_000)
    const first = run.offers()
    expect(first).toHaveLength(6)
    expect(new Set(first.map(({ via }) => via))).toEqual(new Set(['exchange']))
    run.pass(59 * 60_000)
    const hosts = [...first, ...run.offers()].flatMap(each => each.hosts)
    expect(hosts.filter(host => host === '9.9.9.9').length).toBeLessThanOrEqual(3)
  })
})
