import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Code } from '../../../machines/codes.ts'
import {
  ActorStopped, DialEndpoint, DialFailed, DialOpened, Direction, Endpoint, InboundSecured, Initiator, Instance, InterfacesChanged, Level, LinkAdmitted, LinkEnded,
  LinkIdentified, LinkLevelReached, LinkSecured, NetworkInterface, PeerDisconnected, PeerFound, PeerIgnored, PeerPending, PeerVerified, PolicyChanged, PolicyValue, RejectInbound, TrustRevoked, type Message
} from '../../../proto/index.ts'
import { diagnose } from '../../../runtime/doctor/diagnose.ts'
import { historiesDefaults } from '../../../runtime/doctor/histories.ts'
import { Said, ZERO } from './bus.ts'

const remote = new Endpoint({ host: '192.0.2.7', port: 4000 })
const elsewhere = new Endpoint({ host: '192.0.2.8', port: 4000 })
const one = 'peer-connection/one'
const two = 'peer-connection/two'
const { INITIATOR_NETWORK, INITIATOR_REMOTE, INITIATOR_SELF } = Initiator

const found = (peerId = 'bob') => new PeerFound({ peerId, name: peerId, via: 'broadcast', endpoints: [remote] })
const ended = (fields: Partial<LinkEnded>) => new LinkEnded({ peerId: 'bob', remote, code: 'lost', reason: 'gone', initiator: INITIATOR_NETWORK, ...fields } as LinkEnded)

/** A link that we dialled and that is enhanced. */
function linked(said = new Said(), connection = one): Said {
  return said.say(found())
    .say(new DialEndpoint({ endpoint: remote, expectedPeerId: 'bob', attempt: 1 }), connection, `${connection}#link`)
    .say(new DialOpened({ attempt: 1 }), `${connection}#link`, connection)
    .say(new LinkSecured({ attempt: 1, peerId: 'bob', remote, direction: Direction.DIRECTION_OUT }), `${connection}#link`, connection)
    .say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_OUT, remote, instance: new Instance({ startedAt: ZERO }) }), connection)
    .say(new LinkAdmitted(), 'link-keeper/main', connection)
    .say(new LinkLevelReached({ peerId: 'bob', level: Level.LEVEL_BASIC, steps: ['pings'] }), connection)
    .say(new LinkLevelReached({ peerId: 'bob', level: Level.LEVEL_ENHANCED, steps: ['pings'] }), connection)
    .say(new PeerVerified({ peerId: 'bob', level: Level.LEVEL_ENHANCED, steps: ['pings'] }), 'link-keeper/main', '')
}

/** One dial of the place that fails. */
function dial(said: Said, { code = 'dial-refused', againMs = 500, peerId = 'bob', connection = one, endpoint = remote } = {}): Said {
  return said.say(new DialEndpoint({ endpoint, expectedPeerId: peerId, attempt: 1 }), connection, `${connection}#link`)
    .say(new DialFailed({ attempt: 1, code, reason: code }), `${connection}#link`, connection)
    .say(ended({ peerId, remote: endpoint, code, reason: code, againMs }), connection)
}

describe('the doctor', () => {
  it('tells each step with the state it led to', () => {
    const { history, summary, standing, cause } = linked().why('bob')
    expect(history.map(({ state, event, detail }) => [state, event, detail])).toEqual([
      ['found', 'PeerFound', 'heard by broadcast at 192.0.2.7:4000'],
      ['identified', 'LinkIdentified', "we dialled it at 192.0.2.7:4000 and it identified itself as 'bob'"],
      ['basic', 'LinkLevelReached', 'the link is basic by pings'],
      ['enhanced', 'LinkLevelReached', 'the link is enhanced by pings'],
      ['enhanced', 'PeerVerified', 'verified by pings']
    ])
    expect(summary).toMatch(/^bob is connected and both sides have verified each other, since \d{4}-/)
    expect([standing, cause]).toEqual(['linked', undefined])
  })

  it('says how far a link has come that is being opened', () => {
    const said = new Said().say(found()).say(new DialEndpoint({ endpoint: remote, expectedPeerId: 'bob' }), one, `${one}#link`)
    expect(said.why('bob')).toMatchObject({ standing: 'opening', rung: 'dialing', summary: expect.stringMatching(/^bob is being dialled, since/) })
    said.say(new DialOpened(), `${one}#link`, one)
    expect(said.why('bob').rung).toBe('securing')
    said.say(new LinkSecured({ peerId: 'bob', remote, direction: Direction.DIRECTION_OUT }), `${one}#link`, one)
    expect(said.why('bob').rung).toBe('identifying')
    said.say(new LinkIdentified({ peerId: 'bob', direction: Direction.DIRECTION_OUT, remote }), one)
    expect(said.why('bob').rung).toBe('admitting')
    said.say(new LinkAdmitted(), 'link-keeper/main', one).say(new PeerPending({ peerId: 'bob', step: 'ask', reason: 'a person is asked', initiator: INITIATOR_SELF }), one, '')
    const waits = { rung: 'pending', summary: expect.stringMatching(/^bob is being verified: the step ask waits for a decision here, since/) }
    expect(said.why('bob')).toMatchObject(waits)
    // Also where somebody decided too late before.
    const again = new Said().say(ended({ code: 'pending-timeout', initiator: INITIATOR_SELF, level: Level.LEVEL_IDENTIFIED }), two)
    again.say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_IN, remote }), one).say(new PeerPending({ peerId: 'bob', step: 'ask', initiator: INITIATOR_SELF }), one, '')
    expect(again.why('bob')).toMatchObject(waits)
  })

  it('names the place, the state, what decided and what to do', () => {
    const { summary, cause, advice, againAt, standing } = dial(new Said().say(found())).why('bob')
    expect(summary).toBe('There is no link to bob since 2026-01-01T00:00:00.004Z: a dial of 192.0.2.7:4000 ended in \'dialing\', dial-refused: dial-refused, ' +
      'decided by the network; it is dialled again in 500 ms; check that the peer runs and which port it listens on.')
    expect(cause).toMatchObject({ code: 'dial-refused', by: 'network', rung: 'dialing', place: '192.0.2.7:4000', times: 1 })
    expect(advice).toBe('Check that the peer runs and which port it listens on.')
    expect([standing, againAt]).toEqual(['waiting', ZERO + 4 + 500])
  })

  it('says whose timeout and whose policy it was', () => {
    const late = dial(new Said(), { code: 'dial-timeout' }).why('bob')
    expect(late.cause?.decider).toEqual({ kind: 'timeout', name: 'peer-connection.dialTimeoutMs', at: 'self' })
    const full = new Said().say(ended({ code: 'too-many-links', initiator: INITIATOR_REMOTE, level: Level.LEVEL_IDENTIFIED, forMs: 60_000 }), one).why('bob')
    expect(full.cause).toMatchObject({ decider: { kind: 'policy', name: 'link-keeper.maxLinks', at: 'remote' }, notBefore: ZERO + 60_001 })
    expect(full.summary).toMatch(/decided by the policy link-keeper\.maxLinks at the other side; it asked not to be dialled for another 60 s; raise --max-links/)
    const step = new Said().say(ended({ code: 'step-timeout', initiator: INITIATOR_SELF, step: 'guest-list', level: Level.LEVEL_IDENTIFIED }), one).why('bob')
    expect(step.summary).toContain('decided by the step guest-list here')
    const foreign = new Said().say(ended({ code: 'from-the-future', initiator: INITIATOR_REMOTE, level: Level.LEVEL_BASIC }), one).why('bob')
    expect(foreign.summary).toContain('from-the-future: gone, decided by a policy at the other side that it did not name')
  })

  it('counts what happens again and again once, and keeps what was before', () => {
    const said = new Said().say(found())
    for (let i = 0; i < 1_000; i++) dial(said)
    const { history, cause, summary } = said.why('bob')
    expect(history.map(({ state }) => state)).toEqual(['found', 'retrying'])
    expect(cause?.times).toBe(1_000)
    expect(summary).toContain("1000 dials of 192.0.2.7:4000 ended in 'dialing'")
    expect(history[1]!.detail).toMatch(/; 1000 times since 2026-01-01T00:00:00\.004Z$/)
  })

  it('tells of every place that was tried in one round', () => {
    const said = new Said()
      .say(new DialEndpoint({ endpoint: elsewhere, expectedPeerId: 'bob' }), one, `${one}#link`)
      .say(new DialEndpoint({ endpoint: remote, expectedPeerId: 'bob' }), one, `${one}#link`)
      .say(new DialFailed({ code: 'dial-refused', reason: 'ECONNREFUSED' }), `${one}#link`, one)
      .say(ended({ code: 'dial-refused', againMs: 500 }), one)
    expect(said.why('bob').history.map(({ detail }) => detail)).toEqual([
      "192.0.2.8:4000 failed in 'dialing', dial-timeout: The address did not answer in time; the next place was tried",
      "a dial of 192.0.2.7:4000 failed in 'dialing', dial-refused: gone, by network; dialled again in 500 ms"
    ])
  })

  it('takes what broke a link for the cause, not the dials that failed since', () => {
    const said = linked().say(ended({ code: 'keepalive-timeout', level: Level.LEVEL_ENHANCED, againMs: 500 }), one)
    dial(dial(said, { code: 'dial-unreachable' }), { code: 'dial-unreachable' })
    const { cause, summary } = said.why('bob')
    expect(cause).toMatchObject({ code: 'keepalive-timeout', rung: 'enhanced', dialsSince: 2, decider: { kind: 'timeout', at: 'self' } })
    expect(summary).toMatch(/the link to 192\.0\.2\.7:4000 ended in 'enhanced', keepalive-timeout.*; 2 dials have failed since; it is dialled again in/)
    dial(said, { code: 'other-network' })
    expect(said.why('bob').cause?.code).toBe('other-network')
  })

  it('sees that the interface went', () => {
    const there = new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'eth0', addresses: ['192.0.2.1'] }), new NetworkInterface({ name: 'lo', addresses: ['127.0.0.1'] })] })
    const gone = new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'lo', addresses: ['127.0.0.1'] })] })
    const said = linked(new Said().say(there)).say(gone).say(ended({ code: 'keepalive-timeout', level: Level.LEVEL_ENHANCED }), one)
    expect(said.why('bob')).toMatchObject({ cause: { code: 'interface-gone', reason: expect.stringMatching(/^eth0 \(192\.0\.2\.1\) of this machine went down at 2026/) } })
    said.say(there)
    expect(said.why('bob').cause?.code).toBe('keepalive-timeout')
    const v6 = new Endpoint({ host: 'fe80::2%eth1', port: 4000 })
    const both = (names: string[]) => new InterfacesChanged({ interfaces: names.map(name => new NetworkInterface({ name, addresses: [`fe80::1%${name}`] })) })
    for (const [left, code] of [['eth0', 'interface-gone'], ['eth1', 'keepalive-timeout']] as const) {
      const far = new Said().say(both(['eth0', 'eth1'])).say(both([left])).say(ended({ code: 'keepalive-timeout', remote: v6, level: Level.LEVEL_ENHANCED }), one)
      expect(far.why('bob').cause?.code).toBe(code)
    }
    // Another one has nothing to do with it.
    const other = new InterfacesChanged({ interfaces: [new NetworkInterface({ name: 'eth0', addresses: ['192.0.2.1'] })] })
    expect(linked(new Said().say(there)).say(other).say(ended({ code: 'keepalive-timeout', level: Level.LEVEL_ENHANCED }), one).why('bob').cause?.code).toBe('keepalive-timeout')
  })

  it('does not take the end of the lesser of two links for the end', () => {
    const said = linked()
    said.say(new LinkSecured({ peerId: 'bob', remote, direction: Direction.DIRECTION_IN }), `${two}#link`, two)
      .say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_IN, remote }), two)
      .say(ended({ code: 'duplicate', initiator: INITIATOR_REMOTE, level: Level.LEVEL_IDENTIFIED }), two)
    expect(said.why('bob')).toMatchObject({ standing: 'linked', cause: undefined })
    said.say(ended({ code: 'shutdown', reason: 'bye', initiator: INITIATOR_REMOTE, level: Level.LEVEL_ENHANCED }), one)
      .say(new PeerDisconnected({ peerId: 'bob', code: 'shutdown', reason: 'bye', initiator: INITIATOR_REMOTE }), 'link-keeper/main', '')
    expect(said.why('bob').summary).toMatch(/^There is no link to bob since .*shutdown: bye, decided by a person at the other side \(stop\)\.$/)
  })

  it('does not go back behind a link that stood', () => {
    const said = linked(dial(new Said(), { code: 'other-network' })).say(ended({ code: 'superseded', initiator: INITIATOR_REMOTE, level: Level.LEVEL_ENHANCED }), one)
    expect(said.why('bob').cause?.code).toBe('superseded')
  })

  it('knows a place where nobody has answered, and who did', () => {
    const said = new Said()
    expect(() => said.why('192.0.2.7:4000')).toThrow(/nothing was heard of '192\.0\.2\.7:4000'/)
    dial(said, { peerId: '' })
    expect(said.why('192.0.2.7:4000')).toMatchObject({ peerId: '', summary: expect.stringMatching(/^There is no link to 192\.0\.2\.7:4000 since .*dial-refused/) })
    said.say(new DialEndpoint({ endpoint: remote }), one, `${one}#link`)
      .say(new LinkSecured({ peerId: 'bob', remote, direction: Direction.DIRECTION_OUT }), `${one}#link`, one)
      .say(ended({ code: 'other-network', reason: 'another network', initiator: INITIATOR_REMOTE, level: Level.LEVEL_SECURED }), one)
    const { peerId, cause, history } = said.why('192.0.2.7:4000')
    expect([peerId, cause?.code, cause?.rung]).toEqual(['bob', 'other-network', 'identifying'])
    expect(history.map(({ state }) => state)).toEqual(['retrying', 'disconnected'])
  })

  it('knows whom the listener turned away', () => {
    const said = new Said().say(new InboundSecured({ handle: 'in-1', peerId: 'bob', remote }), 'listener/main#tcp')
      .say(new RejectInbound({ handle: 'in-1', code: 'self', reason: 'no' }), 'link-keeper/main', 'listener/main#tcp')
    expect(said.why('bob')).toMatchObject({ standing: 'ended', cause: { code: 'self', inbound: true, by: 'self', rung: 'admitting' } })
  })

  it('knows who was only passed over, and means others first by a name', () => {
    const ignored = new PeerIgnored({ peerId: 'stranger', name: 'bob', remote, via: 'broadcast', code: 'other-network', reason: 'it is of another network' })
    const said = new Said().say(ignored)
    expect(said.why('bob')).toMatchObject({
      peerId: 'stranger', standing: 'ignored', cause: { code: 'other-network', by: 'self' },
      summary: 'bob is heard at 192.0.2.7:4000 and passed over, since 2026-01-01T00:00:00.001Z: other-network: it is of another network, ' +
        'decided by the guard otherNetwork here; give both the same --network, and the same key where there is one.'
    })
    said.say(found()).say(new PeerIgnored({ ...ignored, peerId: '', name: '' } as PeerIgnored))
    expect(said.why('bob')).toMatchObject({ peerId: 'bob', standing: 'found' })
    expect(said.why('192.0.2.7:4000')).toMatchObject({ peerId: '', standing: 'ignored' })
  })

  it('knows whom the policy blocks, though nobody says anything of them', () => {
    const peerId = 'a'.repeat(52)
    const policy = (blocked: string[]) => new PolicyChanged({ policy: new PolicyValue({ inbound: true, blocked }) })
    const said = new Said().say(policy([peerId, '192.0.2.0/24', '2001:db8::/32']), 'policy-keeper/main', '')
    expect(said.why(peerId)).toMatchObject({
      standing: 'ignored', cause: { code: 'blocked', by: 'self', decider: { kind: 'policy', name: 'policy-keeper.blocked', at: 'self' } },
      summary: expect.stringMatching(/^aaaaaaaa is passed over: blocked: .*, decided by the policy policy-keeper\.blocked here; unblock it here/)
    })
    for (const place of ['192.0.2.7:4000', '[2001:db8::1]:4000']) expect(said.why(place).cause?.code).toBe('blocked-address')
    expect(() => said.why('198.51.100.1:4000')).toThrow(/nothing was heard/)
    said.say(policy([]), 'policy-keeper/main', '')
    expect(() => said.why(peerId)).toThrow(/nothing was heard/)
    said.say(ended({ peerId, code: 'lost', level: Level.LEVEL_ENHANCED, againMs: 0 }), one)
    said.say(policy([peerId]), 'policy-keeper/main', '')
    expect(said.why(peerId)).toMatchObject({ standing: 'ignored', cause: { code: 'blocked' } })
    said.say(policy([]), 'policy-keeper/main', '')
    expect(said.why(peerId).cause?.code).toBe('lost')
  })

  it('has an answer to whatever is said, in bounded memory', () => {
    const text = fc.constantFrom('bob', 'ann', '', 'blocked', 'dial-refused', 'keepalive-timeout', 'duplicate', 'a:b:c', '\u001b[2J')
    const number = fc.constantFrom(0, 1, 2, 3, 4, -1, 1e300, NaN)
    const place = fc.option(fc.constantFrom(remote, elsewhere, new Endpoint({ host: '::', port: 0 })))
    const types = [DialEndpoint, DialFailed, DialOpened, LinkSecured, LinkIdentified, LinkAdmitted, LinkEnded, LinkLevelReached, PeerFound, PeerIgnored, PeerPending, PeerVerified,
      PeerDisconnected, RejectInbound, InboundSecured, TrustRevoked, ActorStopped, InterfacesChanged] as unknown as readonly (new (fields: object) => Message)[]
    const message = fc.record({ type: fc.nat(types.length - 1), peerId: text, code: text, reason: text, name: text, step: text, level: number, direction: number, initiator: number, againMs: number,
      forMs: number, remote: place, endpoint: place, expectedPeerId: text, handle: text, instance: fc.option(number.map(startedAt => new Instance({ startedAt }))), address: fc.constantFrom(one, two), from: fc.constantFrom(one, two, `${one}#link`, ''), to: fc.constantFrom(one, two, '') })
    fc.assert(fc.property(fc.array(message, { maxLength: 60 }), messages => {
      const said = new Said({ peersMax: 3, notesMax: 5 })
      for (const { type, from, to, ...fields } of messages) said.say(new types[type]!(fields), from, to)
      expect(said.histories.keys.length).toBeLessThanOrEqual(3)
      for (const key of said.histories.keys) {
        const { summary, history } = said.why(key)
        expect(summary).toMatch(/\.$/)
        expect(history.length).toBeLessThanOrEqual(5)
      }
    }), { numRuns: 300 })
  })

  it('tells of trust that was withdrawn', () => {
    const said = linked().say(new TrustRevoked({ peerId: 'bob', reason: 'seen elsewhere', initiator: INITIATOR_REMOTE, level: Level.LEVEL_IDENTIFIED }), one)
    expect(said.why('bob')).toMatchObject({ standing: 'linked', rung: 'withdrawn', summary: expect.stringMatching(/^bob has a link and no trust, since .*\(seen elsewhere\)/) })
  })

  it('sees that a clock is ahead', () => {
    const said = new Said().say(new LinkIdentified({ peerId: 'bob', remote, instance: new Instance({ startedAt: ZERO + 3 * 86_400_000 }) }), one)
      .say(ended({ code: 'certificate-expired', reason: 'it was valid until yesterday', initiator: INITIATOR_SELF, step: 'authority', level: Level.LEVEL_IDENTIFIED }), one)
    expect(said.why('bob').summary).toMatch(/decided by the step authority here, and its clock is ahead of ours by 3 d at least, or ours is behind; have it issued anew/)
  })

  it('takes what others tell of a clock for the cause only where there is no other', () => {
    const ahead = new PeerIgnored({ peerId: 'bob', name: '', remote, via: 'exchange', code: 'clock-ahead', reason: 'it signed its record tomorrow' })
    const said = new Said().say(ahead)
    expect(said.why('bob')).toMatchObject({ standing: 'ignored', cause: { code: 'clock-ahead' } })
    dial(said, { againMs: 0 }).say(ahead)
    expect(said.why('bob')).toMatchObject({ standing: 'ended', cause: { code: 'dial-refused' } })
  })

  it('asks the link keeper about who is not dialled', () => {
    const ask = (said: Said, code: Code, until = 0) => diagnose(said.histories, 'bob', ZERO + said.time, () => ({ code, until }))
    const lan = ask(new Said().say(found()), 'lan-full')
    expect(lan).toMatchObject({ standing: 'found', advice: 'Raise --max-lan-links here for more links.', cause: { code: 'lan-full', decider: { name: 'link-keeper.maxLanLinks', at: 'self' } } })
    expect(lan.summary).toMatch(/^bob was heard, since .*, and is not dialled: lan-full: .*, decided by the policy link-keeper\.maxLanLinks here; raise --max-lan-links/)
    // What went wrong before stays the cause.
    const lost = linked().say(ended({ level: Level.LEVEL_ENHANCED }), one)
    expect(ask(lost, 'links-full')).toMatchObject({
      cause: { code: 'lost' }, undialled: { code: 'links-full' },
      summary: expect.stringMatching(/, lost: gone, decided by the network; it is not dialled now: links-full: .*, decided by the policy link-keeper\.maxLinks here; check the network/)
    })
    expect(ask(lost, 'dial-wait', ZERO + lost.time + 50_000).summary).toContain('; it is dialled again in 50 s; check the network')
    expect(ask(new Said().say(found()), 'no-inbound').cause).toMatchObject({ by: 'remote', decider: { name: 'policy-keeper.inbound', at: 'remote' } })
    // Nobody is asked while there is a link, or one is tried.
    for (const said of [linked(), dial(new Said())]) expect(ask(said, 'links-full').undialled).toBeUndefined()
  })

  it('finds a peer by PeerId, the start of one, or name', () => {
    const said = new Said().say(found('abc1')).say(found('abc2'))
    expect(said.histories.find('abc1')).toBe('abc1')
    expect(() => said.histories.find('abc')).toThrow(/fits 2 peers, abc1, abc2/)
    expect(() => said.histories.find('')).toThrow(/nothing was heard/)
    expect(() => said.histories.find('__proto__')).toThrow(/nothing was heard/)
  })

  it('remembers the last notes of a peer, and the last peers: bounded, whatever happens', () => {
    const said = new Said()
    for (let i = 0; i < 200; i++) dial(said, { endpoint: new Endpoint({ host: '192.0.2.7', port: 4000 + i }) })
    expect(said.why('bob').history).toHaveLength(historiesDefaults.notesMax)
    said.say(found('carol'))
    for (let i = 0; i < historiesDefaults.peersMax; i++) said.say(found(`peer-${i}`))
    expect(said.histories.keys).toHaveLength(historiesDefaults.peersMax)
    expect(() => said.why('carol')).toThrow(/nothing was heard/)
    // It is dialled yet.
    expect(said.why('bob').standing).toBe('waiting')
    said.say(ended({}), one)
    for (let i = 0; i < historiesDefaults.peersMax; i++) said.say(found(`later-${i}`))
    expect(() => said.why('bob')).toThrow(/nothing was heard/)
  })

  it('follows no connection that is gone', () => {
    const said = linked().say(new ActorStopped({ address: one }), 'system', '')
    expect(said.why('bob').standing).toBe('found')
    const flood = new Said()
    for (let i = 0; i < 5_000; i++) flood.say(new DialEndpoint({ endpoint: remote, expectedPeerId: 'bob' }), `peer-connection/${i}`, `peer-connection/${i}#link`)
    expect(flood.histories.of('bob')!.attempts.size).toBeLessThanOrEqual(2_048)
  })

  it('leaves nothing behind when it is closed', () => {
    const { histories, said } = new Said()
    expect(said.observed).toBe(true)
    histories.close()
    expect(said.observed).toBe(false)
  })
})
