import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { undialled } from '../../machines/link-undialled.ts'
import { DropPeer, Endpoint, Initiator, PeerHeard } from '../../proto/index.ts'
import { KeeperRun } from './keeper-run.ts'

const why = (run: KeeperRun, key: string) => undialled(run.context, key, run.clock.now())
const codeOf = (run: KeeperRun, key: string) => why(run, key)?.code
const far = { via: 'exchange' }

describe('why a peer is not dialled', () => {
  it('says nothing of who is linked, dialled, about to be, or not known', () => {
    const run = new KeeperRun({ maxLinks: 3 }).heard('xx').heard('aa')
    expect(run.spawned()).toHaveLength(1)
    run.linked(run.inbound('bb'), 'bb')
    for (const key of ['xx', 'aa', 'bb', 'zz']) expect([key, why(run, key)]).toEqual([key, undefined])
    expect(why(new KeeperRun({}, false).heard('xx'), 'xx')).toBeUndefined()
  })

  it('names the limit: of all links, of those dialled from here, of dials', () => {
    const full = new KeeperRun({ maxLinks: 1 })
    full.linked(full.inbound('aa'), 'aa')
    expect(codeOf(full.heard('xx'), 'xx')).toBe('links-full')
    const outbound = new KeeperRun({ maxOutbound: 1 }).heard('xx')
    outbound.linked(outbound.one(), 'xx')
    expect(codeOf(outbound.heard('yy'), 'yy')).toBe('outbound-full')
    const dials = new KeeperRun({ maxDials: 1 }).heard('xx').heard('yy')
    expect([codeOf(dials, 'xx'), codeOf(dials, 'yy')]).toEqual([undefined, 'dials-full'])
    const target = new KeeperRun({ dialsPerTarget: 0 }).heard('xx')
    expect(why(target, 'xx')).toEqual({ code: 'dial-budget', until: 10_000 })
  })

  it('names the marks of the local network, and of all others', () => {
    for (const [options, code, change] of [[{ maxLanLinks: 2 }, 'lan-full', {}], [{ maxWanLinks: 2 }, 'wan-full', far]] as const) {
      const run = new KeeperRun(options)
      // Both neighbours on the ring stand, and this one is between neither of them and us.
      for (const peerId of ['lx', 'nx']) {
        run.heard(peerId, change)
        run.linked(run.inbound(peerId), peerId)
      }
      expect(codeOf(run.heard('zz', change), 'zz')).toBe(code)
      // A neighbour is sought, however many there are.
      expect(codeOf(run.heard('mz', change), 'mz')).toBeUndefined()
    }
  })

  it('says until when it is left alone', () => {
    const run = new KeeperRun({ refusalMs: 60_000 }).heard('xx')
    run.ended(run.one(), { peerId: 'xx', code: 'blocked', initiator: Initiator.INITIATOR_REMOTE, forMs: 90_000 })
    expect(why(run, 'xx')).toEqual({ code: 'dial-wait', until: 90_000 })
    run.pass(90_001)
    expect(why(run, 'xx')?.code).not.toBe('dial-wait')
  })

  it('goes by the place that a person named, where the peer was found', () => {
    const run = new KeeperRun()
    run.hear(new PeerHeard({ via: 'static', endpoints: [new Endpoint({ host: 'host-xx', port: 1 })] }), 'static-peers/main#static')
    const link = run.one()
    run.linked(link, 'xx')
    run.hear(new DropPeer({ peerId: 'xx' }), 'host')
    run.ended(link, { peerId: 'xx', code: 'dropped', initiator: Initiator.INITIATOR_SELF }).gone(link)
    expect(why(run, 'xx')).toEqual({ code: 'dial-wait', until: 60_000 })
    run.take()
    run.pass(60_000)
    expect(run.spawned()).toHaveLength(1)
    expect(why(run, 'xx')).toBeUndefined()
  })

  it('says who cannot be dialled at all', () => {
    const run = new KeeperRun().heard('xx', { acceptsInbound: false })
    expect(codeOf(run, 'xx')).toBe('no-inbound')
    expect(codeOf(run.heard('yy', { endpoints: [] }), 'yy')).toBe('no-address')
    // Who takes no links has no address to tell.
    expect(codeOf(run.heard('zz', { endpoints: [], acceptsInbound: false }), 'zz')).toBe('no-inbound')
    // Of who called and was never heard, that is not known.
    const called = run.inbound('ww')
    run.linked(called, 'ww')
    run.ended(called, { peerId: 'ww' }).gone(called)
    expect(codeOf(run, 'ww')).toBe('no-address')
  })

  it('is never said of somebody who is dialled when heard again', () => {
    const peerId = fc.constantFrom('aa', 'bb', 'cc', 'nn', 'xx', 'yy', 'zz')
    const step = fc.record({ peerId, what: fc.constantFrom('heard', 'inbound', 'linked', 'ended', 'refused', 'pass') })
    const limit = fc.constantFrom(0, 1, 2, 3)
    const options = fc.record({ maxLinks: fc.constantFrom(1, 2, 3, 300), maxOutbound: limit, maxLanLinks: limit, maxDials: fc.constantFrom(1, 2, 100), dialsPerTarget: fc.constantFrom(1, 2, 64) })
    fc.assert(fc.property(options, fc.array(step, { maxLength: 40 }), (limits, steps) => {
      const run = new KeeperRun(limits)
      for (const { peerId, what } of steps) {
        const [first] = run.peer(peerId)?.links ?? []
        if (what === 'heard') run.heard(peerId)
        else if (what === 'inbound') run.linked(run.inbound(peerId), peerId, { direction: 1 })
        else if (what === 'pass') run.pass(2_500)
        else if (first === undefined) continue
        else if (what === 'linked') run.linked(first, peerId)
        else run.ended(first, what === 'ended' ? { peerId } : { peerId, code: 'not-allowed', initiator: Initiator.INITIATOR_REMOTE, level: 0 }).gone(first)
      }
      for (const peerId of ['aa', 'bb', 'cc', 'nn', 'xx', 'yy', 'zz']) {
        run.take()
        // Being heard brings an address.
        if ([undefined, 'no-address'].includes(codeOf(run, peerId))) continue
        run.heard(peerId)
        expect(run.spawned().filter(({ options }) => options['peerId'] === peerId)).toEqual([])
      }
    }), { numRuns: 200 })
  })
})
