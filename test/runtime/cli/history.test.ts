import { describe, expect, it } from '@jest/globals'
import { Subject, filter } from 'rxjs'
import {
  classOf, Direction, Endpoint, Initiator, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerDisconnected, PeerFound, PeerRefused, PeerVerified,
  typeName, type Message, type MessageClass
} from '../../../proto/index.ts'
import type { Peer } from '../../../runtime/peer/peer.ts'
import { History } from '../../../runtime/cli/up/history.ts'

const remote = new Endpoint({ host: '192.0.2.7', port: 4000 })

function setUp() {
  const said = new Subject<{ type: string; body: Message }>()
  const bus = { of: (type: MessageClass) => said.pipe(filter(envelope => envelope.type === typeName(type))) }
  const history = new History({ bus } as unknown as Peer)
  return { history, say: (body: Message) => said.next({ type: typeName(classOf(body)), body }), said }
}

const found = (peerId = 'bob') => new PeerFound({ peerId, name: 'bob', via: 'broadcast', endpoints: [remote] })

describe('why', () => {
  it('tells of a place where nobody has answered yet, and of who did', () => {
    const { history, say } = setUp()
    expect(history.whoIsAt('192.0.2.7:4000')).toBeUndefined()
    say(new LinkEnded({ remote, code: 'dial-refused', reason: 'ECONNREFUSED', initiator: Initiator.INITIATOR_NETWORK, againMs: 500 }))
    expect(history.whoIsAt('192.0.2.7:4000')).toBe('192.0.2.7:4000')
    expect(history.summary('192.0.2.7:4000', '192.0.2.7:4000')).toMatch(/^There is no link to 192\.0\.2\.7:4000 since .*dial-refused/)
    say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_OUT, remote }))
    expect(history.whoIsAt('192.0.2.7:4000')).toBe('bob')
  })

  it('has one full stop, whatever the reason ends with', () => {
    const { history, say } = setUp()
    say(new PeerDisconnected({ peerId: 'bob', code: 'duplicate', reason: 'Another link between the same two peers was kept.', initiator: Initiator.INITIATOR_REMOTE }))
    expect(history.summary('bob', 'bob')).toMatch(/duplicate: Another link between the same two peers was kept, by remote\.$/)
  })

  it('tells each step with the state it led to', () => {
    const { history, say } = setUp()
    say(found())
    say(new LinkIdentified({ peerId: 'bob', name: 'bob', direction: Direction.DIRECTION_IN, remote }))
    say(new LinkLevelReached({ peerId: 'bob', level: Level.LEVEL_BASIC, steps: ['pings'] }))
    say(new PeerVerified({ peerId: 'bob', level: Level.LEVEL_ENHANCED, steps: ['pings'] }))
    expect(history.of('bob').map(({ state, event, detail }) => [state, event, detail])).toEqual([
      ['found', 'PeerFound', 'heard by broadcast at 192.0.2.7:4000'],
      ['identified', 'LinkIdentified', "it dialled us from 192.0.2.7:4000 and it identified itself as 'bob'"],
      ['basic', 'LinkLevelReached', 'the link is basic by pings'],
      ['enhanced', 'PeerVerified', 'verified by pings']
    ])
    expect(history.summary('bob', 'bob')).toMatch(/^bob is connected and both sides have verified each other, since \d{4}-/)
  })

  it.each([
    [found(), /^bob was heard and no link to it came about yet/],
    [new LinkEnded({ peerId: 'bob', code: 'dial-refused', reason: 'ECONNREFUSED', initiator: Initiator.INITIATOR_NETWORK, againMs: 500 }),
      /^There is no link to bob since .*: a dial failed, dial-refused: ECONNREFUSED, by network; dialled again in 500 ms; check that the peer runs and which port it listens on\.$/],
    [new PeerRefused({ peerId: 'bob', code: 'other-network', reason: 'another network', remote }), /refused, other-network: another network; give both the same --network, and the same key where there is one\.$/],
    [new PeerDisconnected({ peerId: 'bob', code: 'shutdown', reason: 'bye', initiator: Initiator.INITIATOR_REMOTE }), /disconnected, shutdown: bye, by remote\.$/]
  ])('says in one sentence how it stands and what to do', (body, sentence) => {
    const { history, say } = setUp()
    say(body)
    expect(history.summary('bob', 'bob')).toMatch(sentence)
  })

  it('knows nothing of a peer that was never heard', () => {
    expect(setUp().history.summary('bob', 'bob')).toBe('Nothing is known of bob.')
  })

  it('remembers the last 50 steps of a peer, and the last 1,000 peers', () => {
    const { history, say } = setUp()
    for (let index = 0; index < 200; index++) say(found())
    expect(history.of('bob')).toHaveLength(50)
    for (let index = 0; index < 1_000; index++) say(found(`peer-${index}`))
    expect(history.of('bob')).toEqual([])
    expect(history.of('peer-0')).toHaveLength(1)
  })

  it('leaves nothing behind when it is closed', () => {
    const { history, said } = setUp()
    expect(said.observed).toBe(true)
    history.close()
    expect(said.observed).toBe(false)
  })
})
