import { describe, expect, it } from '@jest/globals'
import { Subject, filter, type Observable } from 'rxjs'
import {
  ActorStopped, Direction, Endpoint, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerConnected, PeerDisconnected, PeerRtt, PeerVerified,
  typeName, classOf, type Envelope, type Message, type MessageClass
} from '../../../proto/index.ts'
import { AmbiguousPeerError, UnknownPeerError } from '../../../runtime/peer/errors.ts'
import { Roster } from '../../../runtime/peer/roster.ts'

function setUp() {
  const said = new Subject<Envelope>()
  const roster = new Roster({
    of: <T extends Message>(type: MessageClass<T>) =>
      said.pipe(filter(envelope => envelope.type === typeName(type))) as Observable<Envelope<string, T>>
  }, () => 1_000_000)
  const say = (body: Message, from = 'link-keeper/main', time = 0) => {
    said.next({ type: typeName(classOf(body)), seq: 1, time, from, to: '', cause: 0, body, bytes: new Uint8Array() })
  }
  return { roster, say, said }
}

const remote = new Endpoint({ host: '::1', port: 4000 })
const connected = (peerId: string, name: string) => new PeerConnected({
  peerId, name, remote, direction: Direction.DIRECTION_OUT, path: 'tcp', level: Level.LEVEL_BASIC
})

describe('the roster', () => {
  it('lists a peer from the moment it is connected until it is gone', () => {
    const { roster, say } = setUp()
    say(connected('abc', 'ann'), undefined, 250)
    expect(roster.peers.value).toEqual([{
      peerId: 'abc', name: 'ann', level: 'basic', path: 'tcp', address: '[::1]:4000', direction: 'out', rttMs: undefined, sinceMs: 1_000_250
    }])
    say(new PeerVerified({ peerId: 'abc', level: Level.LEVEL_ENHANCED }))
    say(new PeerRtt({ peerId: 'abc', rttUs: 420 }))
    expect(roster.peers.value).toMatchObject([{ level: 'enhanced', rttMs: 0.42 }])
    say(new PeerDisconnected({ peerId: 'abc' }))
    expect(roster.peers.value).toEqual([])
  })

  it('is silent about peers that are not connected', () => {
    const { roster, say } = setUp()
    const lists: number[] = []
    roster.peers.subscribe(peers => lists.push(peers.length))
    say(new PeerRtt({ peerId: 'abc', rttUs: 1 }))
    expect(lists).toEqual([0])
  })

  it('lists a peer with the round trip that its verification measured, once', () => {
    const { roster, say } = setUp()
    say(new PeerRtt({ peerId: 'abc', rttUs: 420 }))
    say(connected('abc', 'ann'))
    expect(roster.peers.value).toMatchObject([{ rttMs: 0.42 }])
    say(new PeerDisconnected({ peerId: 'abc' }))
    say(connected('abc', 'ann'))
    expect(roster.peers.value).toMatchObject([{ rttMs: undefined }])
  })

  it('lists two links of one peer, each with its own level', () => {
    const { roster, say } = setUp()
    const identified = (linkId: string, direction: Direction) => new LinkIdentified({ peerId: 'abc', name: 'ann', linkId, direction, remote })
    say(identified('l1', Direction.DIRECTION_OUT), 'peer-connection/1')
    say(identified('l2', Direction.DIRECTION_IN), 'peer-connection/2')
    say(new LinkLevelReached({ peerId: 'abc', level: Level.LEVEL_ENHANCED }), 'peer-connection/2')
    expect(roster.links.value).toMatchObject([
      { linkId: 'l1', level: 'identified', direction: 'out' }, { linkId: 'l2', level: 'enhanced', direction: 'in' }
    ])
    say(new LinkEnded({ peerId: 'abc' }), 'peer-connection/1')
    expect(roster.links.value).toMatchObject([{ linkId: 'l2' }])
  })

  it('forgets the link of a connection that failed and could not say so', () => {
    const { roster, say } = setUp()
    say(new LinkIdentified({ peerId: 'abc', linkId: 'l1', direction: Direction.DIRECTION_OUT, remote }), 'peer-connection/1')
    say(new ActorStopped({ address: 'peer-connection/1', reason: 'failed' }), 'system')
    expect(roster.links.value).toEqual([])
  })

  it('lists nobody once the link keeper is gone, which can say no more', () => {
    const { roster, say } = setUp()
    say(connected('abc', 'ann'))
    say(new ActorStopped({ address: 'link-keeper/main' }), 'system')
    expect(roster.peers.value).toEqual([])
  })

  it('finds a peer by PeerId, by name and by prefix', () => {
    const { roster, say } = setUp()
    say(connected('abc', 'ann'))
    say(connected('abd', 'bob'))
    expect(roster.find('abc')).toBe('abc')
    expect(roster.find('bob')).toBe('abd')
    expect(roster.find('abd')).toBe('abd')
    say(connected('xyz', 'abc'))
    expect(roster.find('x')).toBe('xyz')
    // A PeerId cannot be taken over by a name.
    expect(roster.find('abc')).toBe('abc')
  })

  it('finds nobody rather than somebody else', () => {
    const { roster, say } = setUp()
    say(connected('abc', 'ann'))
    say(connected('abd', 'ann'))
    expect(() => roster.find('zoe')).toThrow(UnknownPeerError)
    expect(() => roster.find('')).toThrow(UnknownPeerError)
    expect(() => roster.find('ab')).toThrow(AmbiguousPeerError)
    expect(() => roster.find('ann')).toThrow('abc, abd')
  })

  it('empties and completes its lists', () => {
    const { roster, say } = setUp()
    say(connected('abc', 'ann'))
    const heard: unknown[] = []
    roster.peers.subscribe({ next: peers => heard.push(peers.length), complete: () => heard.push('complete') })
    roster.stop()
    expect(heard).toEqual([1, 0, 'complete'])
  })
})
