import { describe, expect, it } from '@jest/globals'
import { Endpoint, InboundSecured, Initiator } from '../../../proto/index.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

const static_ = { via: 'static', instance: null }
const remote = Initiator.INITIATOR_REMOTE

describe('limits', () => {
  it('links: one more is refused with a word, and nobody more is dialled', () => {
    const run = new KeeperRun({ maxLinks: 2 })
    for (const peerId of ['aa', 'bb']) run.linked(run.inbound(peerId), peerId)
    const third = run.inbound('cc')
    run.identified(third, 'cc', { direction: 1 })
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: third, body: { code: 'too-many-links', refusal: true, forMs: 60_000 } }])
    run.heard('zoe')
    run.pass(10_000)
    expect(run.spawned()).toEqual([])
    const again = run.inbound('aa', 'in-again')
    run.identified(again, 'aa', { direction: 1, dial: 9 })
    expect(run.codes()).toEqual([['LinkAdmitted', again]])
  })

  it('links that are being dialled count as well', () => {
    const run = new KeeperRun({ maxLinks: 2 }).heard('xx').heard('yy').heard('zz')
    expect(run.spawned()).toHaveLength(2)
  })

  it('dials at once: the next waits for its turn', () => {
    const run = new KeeperRun({ maxDials: 2 }).heard('xx').heard('yy').heard('zz')
    const [first] = run.spawned()
    run.pass(1_000)
    expect(run.spawned()).toEqual([])
    run.identified(first!.address, 'xx')
    run.pass(1_000)
    expect(run.spawned()).toMatchObject([{ options: { peerId: 'zz' } }])
  })

  it('dials waiting to dial again', () => {
    const run = new KeeperRun({ maxDials: 2 })
    for (const peerId of ['xx', 'yy', 'zz']) {
      run.heard(peerId)
      run.ended(run.one(), { level: 0, code: 'dial-refused', againMs: 500 })
    }
    expect(run.of('CloseRequested')).toMatchObject([{ body: { code: 'dial-budget' } }])
  })

  it('dials of one address in 10 seconds, retries included, so that nobody is made a weapon', () => {
    const target = { endpoints: [{ host: 'victim', port: 80 }] }
    const run = new KeeperRun({ dialsPerTarget: 3 })
    for (let i = 0; i < 50; i++) run.heard(`z${String(i)}`, target)
    const spawned = run.spawned()
    expect(spawned).toHaveLength(3)
    run.ended(spawned[0]!.address, { level: 0, code: 'dial-refused', againMs: 500 })
    expect(run.codes()).toEqual([['CloseRequested', spawned[0]!.address, 'dial-budget']])
    run.pass(9_999)
    expect(run.spawned()).toEqual([])
    run.pass(1)
    expect(run.spawned()).toHaveLength(3)
  })

  it('does not count a named peer out', () => {
    const run = new KeeperRun({ dialsPerTarget: 1 })
    for (const peerId of ['aa', 'bb']) run.heard(peerId, { ...static_, endpoints: [{ host: 'one-host', port: peerId === 'aa' ? 1 : 2 }] })
    expect(run.spawned()).toHaveLength(2)
  })

  it('links not identified yet: the source with most of them loses its oldest', () => {
    const run = new KeeperRun({ maxPending: 4 })
    const crowd: string[] = []
    for (let i = 0; i < 3; i++) {
      run.pass(1)
      crowd.push(run.inbound(`a${String(i)}`, `c${String(i)}`, 'crowd'))
    }
    run.inbound('bb', 'b', 'quiet')
    run.hear(new InboundSecured({ handle: 'n', peerId: 'nn', linkId: 'n', remote: new Endpoint({ host: 'quiet', port: 9 }) }), LISTENER)
    expect(run.codes()).toMatchObject([['CloseRequested', crowd[0], 'busy'], ['SpawnActor', 'system'], ['Watch', 'system']])
    expect(run.context.pending).toBe(4)
  })

  it('a caller with our own key is turned away', () => {
    const run = new KeeperRun()
    run.hear(new InboundSecured({ handle: 'x', peerId: 'mia', linkId: 'x', remote: new Endpoint({ host: 'h', port: 1 }) }), LISTENER)
    expect(run.codes()).toEqual([['RejectInbound', LISTENER, 'self']])
  })
})

describe('a place that a person named without a PeerId', () => {
  const place = { ...static_, peerId: '', endpoints: [{ host: '192.0.2.1', port: 7 }] }

  it('is dialled for whoever answers, and bound to the peer found there', () => {
    const run = new KeeperRun()
    run.heard('', place)
    const [spawn] = run.spawned()
    expect(spawn!.options).toMatchObject({ peerId: '', persistent: true })
    run.identified(spawn!.address, 'ada')
    expect(run.of('PeerFound')).toMatchObject([{ body: { peerId: 'ada', via: 'static', endpoints: [{ host: '192.0.2.1', port: 7 }] } }])
    expect(run.peer('ada')!.links).toEqual([spawn!.address])
    expect(run.peer('@192.0.2.1 7')!.links).toEqual([])
  })

  it('is dialled again when the peer found there is linked no more, whoever dialled', () => {
    const run = new KeeperRun()
    run.heard('', place)
    const ours = run.one()
    run.identified(ours, 'ada').ended(ours, { code: 'duplicate', initiator: remote }).gone(ours)
    const theirs = run.inbound('ada')
    run.linked(theirs, 'ada', { direction: 1 })
    run.pass(5_000)
    expect(run.spawned()).toEqual([])
    run.ended(theirs).gone(theirs)
    run.pass(1_000)
    expect(run.spawned()).toMatchObject([{ options: { peerId: '', persistent: true } }])
  })

  it('goes on dialling by itself when its link is lost', () => {
    const run = new KeeperRun()
    run.heard('', place)
    const address = run.one()
    run.linked(address, 'ada').pass(250)
    run.take()
    run.ended(address, { code: 'shutdown', initiator: remote, againMs: 60_000 })
    expect(run.codes()).toEqual([['PeerDisconnected', 'shutdown'], ['LinksChanged', '']].map(part => part.filter(Boolean)))
  })

  it('is left alone when it turned out to be ourselves', () => {
    const run = new KeeperRun()
    run.heard('', place)
    const address = run.one()
    run.ended(address, { code: 'self', level: 0 }).gone(address)
    run.pass(600_000)
    expect(run.spawned()).toEqual([])
  })

  it('without an address is nothing', () => {
    expect(new KeeperRun().heard('', { endpoints: [] }).said).toEqual([])
  })
})
