import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { PairNetwork, type Side } from './pair-network.ts'

const choices = fc.infiniteStream(fc.nat(1_000))
/** What a pair may need to settle, in milliseconds: patience and some retries, but no keep-alive. */
const SETTLE_MS = 4_000

/** Nobody who had an enhanced link is ever without one. */
function check(sides: readonly Side[]): void {
  for (const side of sides) {
    const usable = side.usable().length
    if (usable > 0) side.enhanced = true
    else if (side.enhanced) throw new Error(`${side.peerId} is without an enhanced link`)
  }
}

/** Lets everything move in the order that the choices give, with time passing in between. */
function settle(network: PairNetwork, sides: readonly Side[], next: () => number, ms = SETTLE_MS): void {
  const until = network.time + ms
  for (;;) {
    const choice = next()
    const moved = choice % 20 === 0 ? false : network.step(choice)
    if (!moved) {
      if (network.time >= until && !network.step(0)) return
      if (network.time < until) network.pass(1 + choice % 100)
    }
    check(sides)
  }
}

/** The pair has one link, the same on both sides, and has announced itself once. */
function expectOneLink(a: Side, b: Side): void {
  expect(a.usable().map(({ id }) => id)).toHaveLength(1)
  expect(a.open().map(({ id }) => id)).toEqual(a.usable().map(({ id }) => id))
  expect(b.open().map(({ id }) => id)).toEqual(a.open().map(({ id }) => id))
  for (const side of [a, b]) {
    const counts = ['PeerConnected', 'PeerVerified', 'PeerDisconnected', 'PeerRefused', 'DeadLetter', 'ActorFailed'].map(type => side.of(type).length)
    expect(counts).toEqual([1, 1, 0, 0, 0, 0])
    expect(side.of('LinksChanged').map(({ body }) => (body as { links: number }).links)).toEqual([1])
    expect(side.kernel.inspect().actors.filter(({ kind }) => kind === 'peer-connection')).toHaveLength(1)
  }
}

const run = (options: { static: boolean; both: boolean }) => fc.property(choices, stream => {
  const network = new PairNetwork()
  const a = network.add('ada', 1)
  const b = network.add('bea', 2)
  const next = () => stream.next().value as number
  const change = options.static ? { via: 'static' } : {}
  for (const side of [a, b]) side.start()
  a.hear(b, change)
  if (options.both) b.hear(a, change)
  settle(network, [a, b], next)
  expectOneLink(a, b)
})

describe('two peers that find each other', () => {
  it('have exactly one link in the end when both dial at once, in whatever order things happen', () => {
    fc.assert(run({ static: true, both: true }), { numRuns: 200 })
  })

  it('have exactly one link when both are heard on the LAN', () => {
    fc.assert(run({ static: false, both: true }), { numRuns: 80 })
  })

  it('have exactly one link when only one hears the other', () => {
    fc.assert(run({ static: false, both: false }), { numRuns: 20 })
  })

  it('dial once when the lower PeerId hears the other in time', () => {
    const network = new PairNetwork()
    const a = network.add('ada', 1)
    const b = network.add('bea', 2)
    for (const side of [a, b]) side.start()
    a.hear(b)
    b.hear(a)
    settle(network, [a, b], () => 1)
    expect(a.of('DialEndpoint')).toHaveLength(1)
    expect(b.of('DialEndpoint')).toEqual([])
    expectOneLink(a, b)
  })

  it('have one link when each knows the other by two addresses and as a place without a PeerId', () => {
    fc.assert(fc.property(choices, stream => {
      const network = new PairNetwork()
      const a = network.add('ada', 1)
      const b = network.add('bea', 2)
      for (const side of [a, b]) side.start()
      a.hear(b, { peerId: '', via: 'static' })
      b.hear(a, { peerId: '', via: 'static' })
      a.hear(b)
      b.hear(a)
      settle(network, [a, b], () => stream.next().value as number)
      expectOneLink(a, b)
    }), { numRuns: 80 })
  })

  it('link again when the one link breaks, whoever dialled it', () => {
    fc.assert(fc.property(choices, stream => {
      const network = new PairNetwork()
      const a = network.add('ada', 1)
      const b = network.add('bea', 2)
      const next = () => stream.next().value as number
      for (const side of [a, b]) side.start()
      a.hear(b)
      b.hear(a)
      settle(network, [a, b], next)
      network.cut(a.usable()[0]!)
      a.enhanced = b.enhanced = false
      settle(network, [a, b], next)
      for (const side of [a, b]) {
        expect(side.usable()).toHaveLength(1)
        expect(side.open()).toHaveLength(1)
        expect(side.of('PeerConnected')).toHaveLength(2)
        expect(side.of('PeerDisconnected')).toHaveLength(1)
      }
    }), { numRuns: 40 })
  })

  it('let the newer instance win over the stale link of a peer that started anew', () => {
    fc.assert(fc.property(choices, fc.boolean(), (stream, lowerRestarts) => {
      const network = new PairNetwork()
      const names = lowerRestarts ? ['bea', 'ada'] : ['ada', 'bea']
      const stays = network.add(names[0]!, 1)
      const old = network.add(names[1]!, 2)
      const next = () => stream.next().value as number
      for (const side of [stays, old]) side.start()
      stays.hear(old)
      old.hear(stays)
      settle(network, [stays, old], next)
      const stale = stays.usable()[0]!
      // Its machine loses power: nobody says that the link is gone.
      const anew = network.add(names[1]!, 3)
      anew.start()
      stays.hear(anew)
      anew.hear(stays)
      settle(network, [stays, anew], next)
      expect(stays.usable()).toHaveLength(1)
      expect(stays.usable()[0]).not.toBe(stale)
      expect(anew.usable()).toEqual(stays.usable())
      expect(stays.open()).toHaveLength(1)
      expect(stays.of('LinkEnded').some(({ body }) => (body as { code: string }).code === 'superseded')).toBe(true)
      expect([stays.of('PeerConnected').length, stays.of('PeerDisconnected').length]).toEqual([1, 0])
    }), { numRuns: 40 })
  })
})
