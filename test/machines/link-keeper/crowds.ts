import { describe, expect, it } from '@jest/globals'
import type { LinkKeeperOptions } from '../../../machines/link-keeper-context.ts'
import { Endpoint, InboundSecured } from '../../../proto/index.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

const CROWD = 1_000

/** Somebody calls from an address: the code with which it is refused, or undefined where it is admitted and verified. */
function calls(run: KeeperRun, peerId: string, host: string): string | undefined {
  run.take()
  const remote = new Endpoint({ host, port: 4_000 })
  run.hear(new InboundSecured({ handle: peerId, peerId, linkId: peerId, remote }), LISTENER)
  const address = run.one()
  run.identified(address, peerId, { direction: 1, remote, linkId: peerId })
  const refusal = run.of('CloseRequested').find(({ to }) => to === address)
  if (refusal === undefined) {
    run.reached(address, peerId, 3).reached(address, peerId, 4)
    return undefined
  }
  run.ended(address, { code: (refusal.body as { code: string }).code, level: 2, initiator: 1 }).gone(address)
  return (refusal.body as { code: string }).code
}

/** Leaves again. */
function leaves(run: KeeperRun, peerId: string): void {
  const [address] = run.peer(peerId)!.links
  run.ended(address!).gone(address!)
}

function crowd(run: KeeperRun, hostOf: (index: number) => string, size = CROWD): number {
  let admitted = 0
  for (let index = 0; index < size; index++) if (calls(run, `crowd-${String(index)}`, hostOf(index)) === undefined) admitted++
  return admitted
}

const keeper = (options: Partial<LinkKeeperOptions> = {}): KeeperRun => new KeeperRun(options)

describe('a thousand identities', () => {
  it('of one network of the Internet get a tenth of the links, and everybody else gets theirs', () => {
    const run = keeper()
    const friends = Array.from({ length: 20 }, (_, index) => `friend-${String(index)}`)
    for (const [index, friend] of friends.entries()) expect(calls(run, friend, `198.51.${String(index)}.1`)).toBeUndefined()
    for (const friend of friends.slice(10)) leaves(run, friend)
    const admitted = crowd(run, index => `203.0.113.${String(index % 250)}`)
    expect(admitted).toBe(32)
    for (const [index, friend] of friends.slice(10).entries()) expect(calls(run, friend, `198.51.${String(10 + index)}.1`)).toBeUndefined()
    for (const friend of friends) expect(run.peer(friend)!.best).toBe(4)
    expect(calls(run, 'from-there-too', '203.0.113.9')).toBe('subnet-full')
    process.stdout.write(`of ${String(CROWD)} identities from one /24, ${String(admitted)} have a link; all ${String(friends.length)} others have theirs\n`)
  })

  it('of one address get eight', () => {
    expect(crowd(keeper(), () => '203.0.113.7', 100)).toBe(8)
    expect(crowd(keeper(), () => '2001:db8::7', 100)).toBe(8)
    expect(crowd(keeper(), index => `2001:db8:0:${index.toString(16)}::7`, 100)).toBe(32)
  })

  it('of one LAN fill the house, and leave the room that is reserved, and that of who is trusted', () => {
    const run = keeper({ maxLinks: 50, reservedLinks: 10, trusted: ['trusted-1', 'trusted-2'] })
    for (let index = 0; index < 10; index++) {
      calls(run, `friend-${String(index)}`, '192.168.0.9')
      leaves(run, `friend-${String(index)}`)
    }
    expect(crowd(run, index => `192.168.1.${String(index % 250)}`)).toBe(40)
    for (let index = 0; index < 10; index++) expect(calls(run, `friend-${String(index)}`, '192.168.0.9')).toBeUndefined()
    expect(calls(run, 'stranger', '192.168.0.10')).toBe('too-many-links')
    for (const peerId of ['trusted-1', 'trusted-2']) expect(calls(run, peerId, '192.168.1.1')).toBeUndefined()
    expect(run.context.held).toBe(50)
  })
})

describe('links by direction', () => {
  it('that came have a cap of their own, which does not keep a named peer out', () => {
    const run = keeper({ maxInbound: 2 })
    expect(['aa', 'bb', 'cc'].map((peerId, index) => calls(run, peerId, `192.168.0.${String(index)}`))).toEqual([undefined, undefined, 'too-many-links'])
    run.heard('dd', { via: 'static', instance: null })
    expect(calls(run, 'dd', '192.168.0.9')).toBeUndefined()
  })

  it('that were dialled have one too', () => {
    const run = keeper({ maxOutbound: 2 }).heard('xx').heard('yy').heard('zz')
    expect(run.spawned()).toHaveLength(2)
    expect(calls(run, 'aa', '192.168.0.1')).toBeUndefined()
  })
})
