import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CallerRefused, DialEndpoint, Direction, Endpoint, InboundSecured, Initiator, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerFound, PolicyChanged, PolicyValue } from '../../../proto/index.ts'
import { diagnose } from '../../../runtime/doctor/diagnose.ts'
import { Said, ZERO } from './bus.ts'

const at = (host: string, port = 40_000) => new Endpoint({ host, port })
const blocked = (host: string, count = 1, agoMs = 0) =>
  new CallerRefused({ remote: at(host), code: 'blocked-address', reason: 'the policy here blocks 192.0.2.0/24', count, agoMs })
const failed = (host: string, code = 'alpn') => new CallerRefused({ remote: at(host), code, reason: 'the other side does not speak p2pnet/1', count: 1 })
const found = (host: string) => new PeerFound({ peerId: 'bob', name: 'bob', via: 'broadcast', endpoints: [at(host, 4_000)] })
const driver = 'listener/main#tcp'
const say = (said: Said, ...bodies: (CallerRefused | PeerFound | LinkEnded | LinkIdentified | InboundSecured)[]) => {
  for (const body of bodies) said.say(body, body instanceof CallerRefused ? driver : 'peer-connection/one', '')
  return said
}

describe('a caller that nobody knows', () => {
  it('is found by its address, with how often it called and when last', () => {
    const said = say(new Said(), blocked('192.0.2.7'))
    said.time += 60_000
    say(said, blocked('192.0.2.7', 11, 500))
    expect(said.why('192.0.2.7')).toMatchObject({
      peerId: '', standing: 'ended', summary: 'There is no link to 192.0.2.7 since 2026-01-01T00:00:00.001Z: somebody called from 192.0.2.7 12 times, the last at 2026-01-01T00:00:59.502Z '
        + 'and was turned away before TLS, blocked-address: the policy here blocks 192.0.2.0/24, decided by the policy policy-keeper.blocked here; '
        + 'unblock it here with the command unblock, or take it out of --block and --policy here.',
      history: [expect.objectContaining({ state: 'refused', event: 'CallerRefused' })]
    })
    expect(said.histories.keys).toEqual(['192.0.2.7'])
    expect(() => said.why('192.0.2.8')).toThrow(/nothing was heard/)
  })

  it('is forgotten once somebody from there proved a key', () => {
    const said = say(new Said(), failed('192.0.2.7'), new InboundSecured({ handle: 'in-1', peerId: 'bob', remote: at('192.0.2.7') }))
    expect(() => said.why('192.0.2.7')).toThrow(/nothing was heard/)
    // The address leads to whoever is known there, then.
    say(said, new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_IN, remote: at('192.0.2.7') }))
    expect(said.why('192.0.2.7')).toMatchObject({ peerId: 'bob', standing: 'opening' })
  })

  it('explains the peer that was heard at its address', () => {
    expect(say(new Said(), found('192.0.2.7'), failed('192.0.2.7')).why('bob')).toMatchObject({
      peerId: 'bob', standing: 'ended', summary: expect.stringMatching(/^There is no link to bob since .*: somebody called from 192\.0\.2\.7 at .* and was turned away in TLS, alpn:/)
    })
    expect(say(new Said(), found('192.0.2.8'), failed('192.0.2.7')).why('bob').standing).toBe('found')
  })

  it('explains it over what happened before only where the address itself is blocked', () => {
    const ended = new LinkEnded({ peerId: 'bob', remote: at('192.0.2.7', 4_000), code: 'lost', reason: 'gone', initiator: Initiator.INITIATOR_NETWORK, level: Level.LEVEL_ENHANCED })
    expect(say(new Said(), found('192.0.2.7'), ended, failed('192.0.2.7')).why('bob').cause?.code).toBe('lost')
    expect(say(new Said(), found('192.0.2.7'), ended, blocked('192.0.2.7')).why('bob').cause?.code).toBe('blocked-address')
    expect(say(new Said(), blocked('192.0.2.7'), found('192.0.2.7'), ended).why('bob').cause?.code).toBe('lost')
    const dialled = say(new Said(), failed('192.0.2.7'), found('192.0.2.7')).say(new DialEndpoint({ endpoint: at('192.0.2.7', 4_000), expectedPeerId: 'bob' }), 'peer-connection/one', 'peer-connection/one#link')
    expect(dialled.why('bob')).toMatchObject({ standing: 'opening', cause: undefined })
  })

  it('explains a peer that the link keeper leaves alone only where the address is blocked', () => {
    const ask = (said: Said) => diagnose(said.histories, 'bob', ZERO + said.time, () => ({ code: 'lan-full', until: 0 }))
    expect(ask(say(new Said(), found('192.0.2.7'), failed('192.0.2.7')))).toMatchObject({ standing: 'found', cause: { code: 'lan-full' } })
    const said = new Said().say(new PolicyChanged({ policy: new PolicyValue({ blocked: ['192.0.2.7'] }) }), 'policy-keeper/main', '')
    // It is elsewhere too, and may be dialled there.
    say(said, found('198.51.100.1'), found('192.0.2.7'), blocked('192.0.2.7'))
    expect(ask(said)).toMatchObject({ standing: 'ended', cause: { code: 'blocked-address', lifted: false } })
    said.say(new PolicyChanged({ policy: new PolicyValue({}) }), 'policy-keeper/main', '')
    expect(ask(said)).toMatchObject({ standing: 'found', cause: { code: 'lan-full' } })
  })

  it('comes after the peer that is linked from its address', () => {
    const link = 'peer-connection/one'
    const said = say(new Said(), found('192.0.2.7'))
      .say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_IN, remote: at('192.0.2.7') }), link)
      .say(new LinkLevelReached({ peerId: 'bob', level: Level.LEVEL_ENHANCED, steps: ['pings'] }), link)
    say(said, failed('192.0.2.7'))
    expect(said.why('192.0.2.7')).toMatchObject({ peerId: 'bob', standing: 'linked' })
    say(said, new LinkEnded({ peerId: 'bob', remote: at('192.0.2.7'), code: 'lost', initiator: Initiator.INITIATOR_NETWORK, level: Level.LEVEL_ENHANCED }))
    expect(said.why('192.0.2.7')).toMatchObject({ peerId: '', cause: { code: 'alpn' } })
  })

  it('and nobody who only calls itself so, is meant by an address', () => {
    const called = (name: string) => new PeerFound({ peerId: 'eve', name, via: 'broadcast', endpoints: [at('198.51.100.1', 4_000)] })
    for (const name of ['192.0.2.7', '192.0.2.7:4000', '2001:db8::1', '[2001:db8::1]:4000']) {
      expect(() => say(new Said(), called(name)).why(name)).toThrow(/nothing was heard/)
    }
    expect(say(new Said(), called('192.0.2.7'), found('192.0.2.7')).why('192.0.2.7').peerId).toBe('bob')
    // A colon alone makes no address.
    expect(say(new Said(), called('desk:2')).why('desk:2').peerId).toBe('eve')
  })

  it('counts with its whole /64 of IPv6, as the listener counts it', () => {
    const said = say(new Said(), failed('2001:db8::1'), failed('2001:db8::2', 'tls'))
    expect(said.histories.keys).toEqual(['2001:db8::2'])
    expect(said.why('2001:db8::1').history).toHaveLength(2)
  })

  it('is one of a bounded number, and displaces no peer', () => {
    const said = say(new Said({ peersMax: 3 }), found('198.51.100.1'))
    for (let i = 0; i < 2_000; i++) say(said, failed(`192.0.${i >> 8}.${i & 255}`))
    expect(said.histories.keys).toHaveLength(257)
    expect(said.why('bob').standing).toBe('found')
  })

  it('has an answer whatever is said of it', () => {
    const number = fc.constantFrom(0, 1, 2, -1, 1e300, NaN)
    const refused = fc.record({ code: fc.constantFrom('alpn', '', 'constructor'), reason: fc.string(), count: number, agoMs: number, remote: fc.option(fc.constantFrom(at('192.0.2.7'), at(''), at('::'), at('x'))) })
    fc.assert(fc.property(fc.array(refused, { maxLength: 30 }), all => {
      const said = say(new Said(), ...all.map(fields => new CallerRefused(fields)))
      for (const key of said.histories.keys) expect(said.why(key).summary).toMatch(/\.$/)
    }))
  })
})

describe('an address that the policy blocks', () => {
  it('is named before anybody calls from there, and explains the peer that is nowhere else', () => {
    const said = say(new Said(), found('192.0.2.7')).say(new PolicyChanged({ policy: new PolicyValue({ blocked: ['192.0.2.0/24'] }) }), 'policy-keeper/main', '')
    expect(said.why('192.0.2.9', ZERO).cause?.code).toBe('blocked-address')
    expect(said.why('bob')).toMatchObject({ standing: 'ignored', cause: { code: 'blocked-address', by: 'self' } })
    say(said, found('198.51.100.1'))
    expect(said.why('bob')).toMatchObject({ standing: 'found', cause: undefined })
  })

  it('is not said to be blocked any more once it is not: of a caller, and of a peer that was linked', () => {
    const policy = (...entries: string[]) => new PolicyChanged({ policy: new PolicyValue({ blocked: entries }) })
    const said = new Said().say(policy('192.0.2.0/24'), 'policy-keeper/main', '')
    say(said, found('192.0.2.7'), new LinkEnded({ peerId: 'bob', remote: at('192.0.2.7', 4_000), code: 'blocked', initiator: Initiator.INITIATOR_SELF, level: Level.LEVEL_ENHANCED }), blocked('192.0.2.9'))
    for (const who of ['bob', '192.0.2.9']) {
      expect(said.why(who)).toMatchObject({ cause: { by: 'self', lifted: false }, advice: expect.stringMatching(/^Unblock it here /) })
    }
    // Another entry went, and this one stands.
    said.say(policy('192.0.2.7', '192.0.2.9'), 'policy-keeper/main', '')
    for (const who of ['bob', '192.0.2.9']) expect(said.why(who).cause?.lifted).toBe(false)
    said.say(policy('192.0.2.8'), 'policy-keeper/main', '')
    for (const who of ['bob', '192.0.2.9']) {
      expect(said.why(who)).toMatchObject({
        standing: 'ended', cause: { by: 'self', lifted: true }, advice: 'Wait until it calls or is dialled.',
        summary: expect.stringMatching(/: the policy here blocked it then, and does no longer, decided by the policy policy-keeper\.blocked here; wait until it calls or is dialled\.$/)
      })
    }
  })

  it('is not said to be over of a peer whose link broke before it was blocked', () => {
    const lost = new LinkEnded({ peerId: 'bob', remote: at('192.0.2.7', 4_000), code: 'lost', initiator: Initiator.INITIATOR_NETWORK, level: Level.LEVEL_ENHANCED })
    const said = say(new Said(), found('192.0.2.7'), lost).say(new PolicyChanged({ policy: new PolicyValue({ blocked: ['192.0.2.0/24'] }) }), 'policy-keeper/main', '')
    expect(said.why('bob')).toMatchObject({ cause: { code: 'blocked-address', lifted: false }, advice: expect.stringMatching(/^Unblock it here /) })
  })

  it('is the other side\'s to unblock where that side blocks', () => {
    const refused = new LinkEnded({ peerId: 'bob', remote: at('192.0.2.7'), code: 'blocked', initiator: Initiator.INITIATOR_REMOTE, level: Level.LEVEL_SECURED })
    const said = say(new Said().say(new PolicyChanged({ policy: new PolicyValue({}) }), 'policy-keeper/main', ''), refused)
    expect(said.why('bob')).toMatchObject({ cause: { by: 'remote', lifted: false }, advice: expect.stringMatching(/^Unblock it there /) })
  })
})
