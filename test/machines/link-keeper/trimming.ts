import { describe, expect, it } from '@jest/globals'
import { linkKeeperScoredBy } from '../../../actors/link-keeper/index.ts'
import { DISCERN_LINKS } from '../../../machines/link-keeper.ts'
import type { LinkKeeperOptions } from '../../../machines/link-keeper-context.ts'
import { rows } from '../../../machines/table.ts'
import { Endpoint, InboundSecured, Initiator, ProtectPeer, RoutineDue, TransferDone, TransferFailed, TransferStarted } from '../../../proto/index.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

const remote = Initiator.INITIATOR_REMOTE
const ROUTINES = 'routines/main'

/** The keeper of `mia` with marks; `l` and `n` are its neighbours among the letters. */
function trimming(high = 2, change: Partial<LinkKeeperOptions> = {}): KeeperRun {
  return new KeeperRun({ maxLanLinks: high, ...change })
}

const lan = (peerId: string) => ({ remote: new Endpoint({ host: '192.168.0.1', port: 1 }), name: peerId })

function linkedBy(run: KeeperRun, peerId: string, change: object = {}): string {
  const address = run.inbound(peerId)
  run.linked(address, peerId, { direction: 1, ...lan(peerId), ...change })
  run.take()
  return address
}

const dialled = (run: KeeperRun): unknown[] => run.spawned().map(({ options }) => [options['peerId'], options['needed'] ?? false])

describe('a peer with marks', () => {
  it('dials its neighbours on the ring, once it had the time to hear of them, and nobody else', () => {
    const run = trimming()
    for (const peerId of ['mz', 'zz', 'ma', 'aa', 'mn']) run.heard(peerId)
    expect(run.spawned()).toEqual([])
    run.pass(200)
    // The one below has its turn first.
    expect(dialled(run)).toEqual([['mn', true]])
    run.pass(1_000)
    expect(dialled(run)).toEqual([['ma', true]])
    run.pass(1_000)
    expect(run.spawned()).toEqual([])
  })

  it('dials some of the others up to its low mark, and takes those that come up to its high mark', () => {
    const run = trimming(4)
    for (const peerId of ['ma', 'mn']) linkedBy(run.heard(peerId), peerId)
    for (const peerId of ['pp', 'qq', 'rr', 'ss']) run.heard(peerId)
    run.pass(3_000)
    const [extra, ...none] = run.spawned()
    expect([none, ['pp', 'qq', 'rr', 'ss'].includes(String(extra?.options['peerId']))]).toEqual([[], true])
    run.linked(extra!.address, String(extra!.options['peerId']), { remote: new Endpoint({ host: '192.168.0.1', port: 1 }) })
    run.pass(10_000)
    expect(run.spawned()).toEqual([])
    linkedBy(run, 'bb')
    const fifth = run.inbound('cc')
    run.identified(fifth, 'cc', lan('cc'))
    expect(run.codes()).toEqual([['CloseRequested', fifth, 'too-many-links']])
  })

  it('that is full takes a neighbour in place of another, who is told why and left alone', () => {
    const run = trimming()
    const [, second] = ['aa', 'zz'].map(peerId => linkedBy(run.heard(peerId), peerId))
    run.heard('mn')
    run.pass(200)
    const neighbour = run.one()
    run.identified(neighbour, 'mn')
    expect(run.take().filter(({ type }) => type !== 'LinksChanged')).toMatchObject([
      { type: 'CloseRequested', to: second, body: { code: 'trimmed', refusal: false, forMs: 60_000 } },
      { type: 'LinkAdmitted', to: neighbour }
    ])
    run.ended(second!, { code: 'trimmed', initiator: Initiator.INITIATOR_SELF }).gone(second!)
    expect(run.peer('zz')!.quietUntil).toBeGreaterThanOrEqual(60_000)
    run.heard('zz').pass(59_000)
    expect(run.spawned()).toEqual([])
  })

  it('keeps a link that the other side needs before one that nobody does', () => {
    const run = trimming()
    for (const peerId of ['aa', 'zz', 'ma', 'mn']) run.heard(peerId)
    const addresses = ['aa', 'zz'].map((peerId, at) => linkedBy(run, peerId, { needed: at === 1 }))
    const neighbour = run.inbound('mn')
    run.identified(neighbour, 'mn', lan('mn'))
    expect(run.of('CloseRequested').map(({ to }) => to)).toEqual([addresses[0]])
  })

  it('tells a neighbour that calls that it needs the link', () => {
    const run = trimming().heard('mn').heard('zz')
    const called = (peerId: string): unknown => {
      run.take()
      run.hear(new InboundSecured({ handle: peerId, peerId, linkId: peerId, remote: lan(peerId).remote }), LISTENER)
      return run.spawned()[0]!.options['needed']
    }
    expect([called('mn'), called('zz')]).toEqual([true, true])
    run.heard('mz')
    expect(called('mz')).toBeUndefined()
  })

  it('never trims a protected peer, or one that a file goes to or comes from', () => {
    const run = trimming()
    for (const peerId of ['aa', 'zz', 'mn']) run.heard(peerId)
    for (const peerId of ['aa', 'zz']) linkedBy(run, peerId)
    run.hear(new ProtectPeer({ peerId: 'aa', tag: 'pinned' }))
    run.hear(new TransferStarted({ transferId: 't', peerId: 'zz' }), 'file-send/t')
    const third = run.inbound('mn')
    run.identified(third, 'mn', lan('mn'))
    expect(run.codes()).toEqual([['CloseRequested', third, 'too-many-links']])
    run.hear(new TransferDone({ transferId: 't', peerId: 'zz' }), 'file-send/t')
    run.hear(new TransferFailed({ transferId: 'unknown', peerId: 'nobody' }), 'file-send/u')
    run.gone(third)
    const again = run.inbound('mn')
    run.identified(again, 'mn', lan('mn'))
    expect(run.take().map(({ type }) => type)).toEqual(['CloseRequested', 'LinkAdmitted'])
    run.hear(new ProtectPeer({ peerId: 'aa', tag: 'pinned', release: true }))
    expect(run.peer('aa')!.tags).toEqual([])
    for (let i = 0; i < 100; i++) run.hear(new ProtectPeer({ peerId: 'aa', tag: String(i) }))
    expect(run.peer('aa')!.tags).toHaveLength(64)
  })

  it('leaves a neighbour alone for a moment that had no room for it, longer each time', () => {
    const run = trimming().heard('mn')
    for (const waitMs of [4_000, 8_000]) {
      run.pass(200)
      const address = run.one()
      run.ended(address, { code: 'too-many-links', initiator: remote, level: 2, againMs: 60_000, forMs: 60_000 }).gone(address)
      run.pass(waitMs - 1)
      expect(run.spawned()).toEqual([])
      run.pass(1)
    }
  })

  it('asks the score of a host program, and gives a settled link for a better one', () => {
    const { machine } = linkKeeperScoredBy(({ name }) => name === 'GOOD' ? 1 : 0)
    const run = new KeeperRun({ maxLanLinks: 2 }, true, machine)
    for (const peerId of ['aa', 'bb']) linkedBy(run, peerId)
    const early = run.inbound('gg')
    run.identified(early, 'gg', { ...lan('gg'), name: 'GOOD' })
    expect(run.codes()).toEqual([['CloseRequested', early, 'too-many-links']])
    run.gone(early).pass(60_000)
    const late = run.inbound('gg')
    run.identified(late, 'gg', { ...lan('gg'), name: 'GOOD' })
    expect(run.take().map(({ type }) => type).filter(type => type !== 'LinksChanged')).toEqual(['CloseRequested', 'LinkAdmitted'])
  })

  it('gives up who does not answer where it would be no neighbour', () => {
    const run = trimming(4)
    for (const peerId of ['ma', 'mn']) linkedBy(run.heard(peerId), peerId)
    run.heard('zz')
    run.pass(4_000)
    const address = run.one()
    run.ended(address, { code: 'dial-timeout', level: 0, againMs: 500 })
    run.pass(200)
    expect(run.of('CloseRequested')).toMatchObject([{ to: address }])
    run.gone(address).pass(50_000)
    expect(run.spawned()).toEqual([])
  })

  it('has marks of their own for peers of the Internet', () => {
    const wan = { via: 'exchange', endpoints: [{ host: '203.0.113.5', port: 1 }] }
    const run = new KeeperRun({ maxLanLinks: 2, maxWanLinks: 2 })
    for (const peerId of ['la', 'na']) linkedBy(run.heard(peerId), peerId)
    run.heard('nb', wan)
    run.pass(200)
    expect(dialled(run)).toEqual([['nb', true]])
  })
})

describe('the routine that discerns links', () => {
  it('forgets who was not heard for long and has no link', () => {
    const run = new KeeperRun({ staleMs: 60_000 })
    linkedBy(run.heard('ada'), 'ada')
    run.heard('old', { acceptsInbound: false })
    run.heard('kept', { acceptsInbound: false })
    run.hear(new ProtectPeer({ peerId: 'kept', tag: 'mine' }))
    run.pass(60_000)
    run.heard('new', { acceptsInbound: false })
    run.hear(new RoutineDue({ name: 'another' }), ROUTINES)
    expect(run.peer('old')).toBeDefined()
    run.hear(new RoutineDue({ name: DISCERN_LINKS }), ROUTINES)
    expect([...rows(run.context.peers)].map(({ key }: any) => key).sort()).toEqual(['ada', 'kept', 'new'])
  })
})
