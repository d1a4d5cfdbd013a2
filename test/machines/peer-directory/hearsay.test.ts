import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { DirectoryContext } from '../../../machines/directory-context.ts'
import { isHearsay, type DirectoryRow } from '../../../machines/directory-row.ts'
import { rows } from '../../../machines/table.ts'
import { Direction, DirectoryPage, DiscoveryStarted, PeerConnected, PeerHeard, type DirectoryRecord } from '../../../proto/index.ts'
import { at, claim, DAY, DirectoryRun, record, WALL } from './directory-run.ts'

/** All that we know of a peer ourselves. */
function firstHand({ peerId, name, addresses, seenAt, verifiedAt, steps, refusedAt, refusedCode, blocked, failures, retryAt, source }: DirectoryRow) {
  return { peerId, name, addresses, seenAt, verifiedAt, steps, refusedAt, refusedCode, blocked, failures, retryAt, source }
}

const all = (run: DirectoryRun): DirectoryRow[] => [...rows((run.context as DirectoryContext).rows)]

describe('hearsay', () => {
  it('is kept as such, with who told it, and becomes knowledge when we are linked', () => {
    const run = new DirectoryRun().link('ann').told('ann', claim('bea', 5, '5.1.1.1'))
    expect(run.row('bea')).toMatchObject({ source: 'ann', verifiedAt: 0, addresses: [{ host: '5.1.1.1', via: 'exchange' }], record: new Uint8Array() })
    run.link('bea', '5.1.1.1')
    expect(run.row('bea')).toMatchObject({ source: '', verifiedAt: WALL })
    expect(run.context.hearsay).toBe(0)
  })

  it('is as good as its sequence: a newer record wins, in whatever order they come, and an old one changes nothing', () => {
    for (const order of [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 3, 3]]) {
      const run = new DirectoryRun().link('ann').link('bob')
      for (const [n, sequence] of order.entries()) run.told(n % 2 === 0 ? 'ann' : 'bob', claim('cid', sequence, `5.1.1.${sequence}`))
      expect(run.row('cid')).toMatchObject({ sequence: 3, addresses: [{ host: '5.1.1.3' }] })
    }
  })

  it('of one source does not fill the directory, nor does it crowd one neighbourhood', () => {
    const run = new DirectoryRun().link('ann').link('bob')
    for (let n = 0; n < 1_000; n++) run.told('ann', claim(`a-${n}`, 1, `5.${n >> 8}.${n & 255}.1`))
    expect(all(run).filter(({ source }) => source === 'ann')).toHaveLength(64)
    for (let n = 0; n < 60; n++) run.told('bob', claim(`b-${n}`, 1, `7.7.7.${n + 1}`))
    expect(all(run).filter(({ source }) => source === 'bob')).toHaveLength(32)
    for (let n = 0; n < 60; n++) run.told('bob', claim(`c-${n}`, 1, `2a02:1:2:${n}::1`))
    expect(all(run).filter(({ addresses }) => addresses[0]?.host.startsWith('2a02'))).toHaveLength(32)
  })

  it('of many sources gives way to that of one who told less', () => {
    const run = new DirectoryRun({ maxHearsay: 100, maxPerSource: 60 }).link('ann').link('eve').link('eva')
    for (let n = 0; n < 60; n++) run.told('eve', claim(`e-${n}`, 1, `5.1.${n}.1`)).told('eva', claim(`f-${n}`, 1, `5.2.${n}.1`))
    run.told('ann', claim('bea', 1, '5.3.1.1'), claim('cid', 1, '5.3.2.1'))
    expect(run.context.hearsay).toBe(100)
    expect([run.row('bea')?.source, run.row('cid')?.source]).toEqual(['ann', 'ann'])
  })

  it('a poisoned share of 100,000 addresses changes nothing that is verified, costs bounded memory and few dials', () => {
    const known = Array.from({ length: 500 }, (_, n) => record(`known-${n}`, { retryAt: WALL + 10 * DAY }))
    const run = new DirectoryRun({}, known)
    for (let n = 0; n < 5; n++) run.link(`eve-${n}`, `6.6.${n}.6`)
    run.hear(new DiscoveryStarted())
    const before = all(run).map(firstHand)
    const size = run.size
    for (let n = 0; n < 100_000; n += 20) {
      const claims = Array.from({ length: 20 }, (_, i) => claim((n + i) % 100 === 0 ? `known-${(n + i) / 100 % 500}` : `fake-${n + i}`, 9e12 + n, `${20 + ((n + i) >> 16)}.${((n + i) >> 8) & 255}.${(n + i) & 255}.1`, '9.9.9.9'))
      run.told(`eve-${(n / 20) % 5}`, ...claims)
      // Nine minutes in all.
      run.pass(108)
    }
    expect(all(run).filter(row => !isHearsay(row)).map(firstHand)).toEqual(before)
    expect(run.size).toBeLessThanOrEqual(size + 5 * 64)
    const { bySource, bySubnet, targets } = run.context as DirectoryContext
    expect([bySource.size <= 5, bySubnet.size <= 320, targets.size <= 600]).toEqual([true, true, true])
    const offers = run.offers()
    // Six a minute, with three addresses each at most, of which the one that all name counts three times.
    expect(offers.length).toBeGreaterThan(0)
    expect(offers.length).toBeLessThanOrEqual(60)
    expect(offers.flatMap(({ hosts }) => hosts).length).toBeLessThanOrEqual(60 + 3)
    expect(offers.flatMap(({ hosts }) => hosts).filter(host => host === '9.9.9.9').length).toBeLessThanOrEqual(3)
    process.stdout.write(`100,000 poisoned addresses in 9 minutes: ${run.size - size} kept, ${offers.length} peers offered\n`)
  })

  it('never changes what is known first-hand, and no bound is passed, whatever happens in whatever order', () => {
    const peer = fc.constantFrom('ann', 'bob', 'cid', 'dan', 'eve', 'fay')
    const host = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })).map(([a, b]) => `5.1.${a}.${b}`)
    const event = fc.oneof(
      fc.record({ do: fc.constant('link' as const), peer }), fc.record({ do: fc.constant('unlink' as const), peer }),
      fc.record({ do: fc.constant('hear' as const), peer, host }), fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900_000 }) }),
      fc.record({ do: fc.constant('tell' as const), source: peer, about: peer, more: fc.integer({ min: 0, max: 9 }), sequence: fc.integer({ min: 1, max: 5 }), host })
    )
    fc.assert(fc.property(fc.array(event, { maxLength: 60 }), events => {
      const run = new DirectoryRun({ maxPeers: 8, maxHearsay: 4, maxPerSource: 2, maxPerSubnet: 3 })
      run.hear(new DiscoveryStarted())
      for (const each of events) {
        const before = new Map(all(run).filter(row => !isHearsay(row)).map(row => [row.peerId, firstHand(row)]))
        if (each.do === 'link') run.link(each.peer)
        else if (each.do === 'unlink') run.unlink(each.peer)
        else if (each.do === 'wait') run.pass(each.ms)
        else if (each.do === 'hear') run.hear(new PeerHeard({ peerId: each.peer, via: 'broadcast', endpoints: [at(each.host)], acceptsInbound: true }))
        else {
          const about = each.about === each.source || each.more > 4 ? `${each.about}${each.more}` : each.about
          run.told(each.source, claim(about, each.sequence, each.host))
          for (const [peerId, row] of before) if (run.row(peerId) !== undefined) expect(firstHand(run.row(peerId)!)).toEqual(row)
          for (const [peerId, { verifiedAt }] of before) if (verifiedAt > 0) expect(run.row(peerId)).toBeDefined()
        }
        const context = run.context as DirectoryContext
        const hearsay = all(run).filter(isHearsay)
        expect(run.size).toBeLessThanOrEqual(Math.max(8, context.connected.size))
        expect(context.hearsay).toBe(hearsay.length)
        expect(hearsay.length).toBeLessThanOrEqual(4)
        expect([...rows(context.bySource)].reduce((a, b) => a + b, 0)).toBe(hearsay.length)
        expect(Math.max(0, ...rows(context.bySource))).toBeLessThanOrEqual(2)
        expect(Math.max(0, ...rows(context.bySubnet))).toBeLessThanOrEqual(3)
      }
    }), { numRuns: 200 })
  })

  it('says nothing about who is connected: what a peer tells of another never ends or makes a link', () => {
    const run = new DirectoryRun().link('ann').link('bea')
    run.hear(new DiscoveryStarted())
    run.told('ann', claim('bea', 9, '5.9.9.9'), claim('bea', 10))
    run.pass(3_600_000)
    expect(run.context.connected.size).toBe(2)
    expect(run.offers().filter(({ peerId }) => peerId === 'bea')).toEqual([])
    expect(run.row('bea')?.addresses.map(({ host }) => host)).toEqual(['5.5.5.5'])
  })

  it('that a store holds comes back as hearsay, with its counts', () => {
    const hearsay = (peerId: string): DirectoryRecord => record(peerId, { source: 'ann', verifiedAt: 0 })
    const run = new DirectoryRun({}, [hearsay('bea'), hearsay('cid'), record('dan')])
    expect([run.context.hearsay, run.row('bea')?.source]).toEqual([2, 'ann'])
    expect(new DirectoryPage({ records: [hearsay('bea')] }).records).toHaveLength(1)
    run.hear(new PeerConnected({ peerId: 'bea', remote: at('5.0.0.3'), direction: Direction.DIRECTION_IN }))
    expect(run.context.hearsay).toBe(1)
  })
})
