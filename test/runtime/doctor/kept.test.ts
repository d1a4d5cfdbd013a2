import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { LinkEnded, PeerVerified, TextMessage } from '../../../proto/index.ts'
import type { Diagnosis } from '../../../runtime/doctor/diagnosis.ts'
import { checkpointOf, until } from '../log/kept.ts'
import { fromLog, placeOf, said, stagedPeer, stopStaged } from './staged.ts'

const folder = mkdtempSync(join(tmpdir(), 'p2pnet-doctor-kept-'))
afterEach(stopStaged)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a log that begins in the middle of a run', () => {
  it('tells of the links that stood already, of what is waited for, and of the policy', async () => {
    const network = `kept-${Math.random().toString(36).slice(2)}`
    const bob = stagedPeer(folder, 'bob', { network })
    await bob.peer.start()
    const file = join(folder, 'ann.p2plog')
    const nowhere = '127.0.0.1:1'
    const ann = stagedPeer(folder, 'ann', {
      network, record: { file, keep: '1s' }, peers: [placeOf(bob.peer), nowhere], policy: { blocked: ['192.0.2.0/24'] },
      // One dial alone, before the log that is kept begins.
      tune: { 'peer-connection': { keepAliveIntervalMs: 150, backoffBaseMs: 600_000, backoffMaxMs: 600_000 } }
    })
    const begun = [said(ann.peer, PeerVerified), said(bob.peer, PeerVerified), said(ann.peer, LinkEnded)]
    await ann.peer.start()
    await Promise.all(begun)
    const live = { bob: ann.peer.why('bob'), nowhere: ann.peer.why(nowhere) }
    await until(() => {
      ann.peer.broadcast(new TextMessage({ text: 'on' }))
      const actors = checkpointOf(file)?.actors ?? []
      return actors.some(({ value = '' }) => value?.includes('enhanced')) && actors.some(({ value = '' }) => value?.includes('backoff'))
    }, 30_000)
    const log = await ann.peer.saveLog()

    const told = await fromLog(log, 'bob')
    expect(told).toMatchObject({ peerId: bob.peer.peerId, name: 'bob', standing: 'linked', rung: 'enhanced', cause: undefined })
    const details = ({ history }: Diagnosis) => history.map(({ detail }) => detail)
    expect(details(told)).toEqual(expect.arrayContaining([`we dialled it at ${placeOf(bob.peer)} and it identified itself as 'bob'`, 'the link is enhanced by pings']))
    // Nothing that was not so.
    expect(details(live.bob)).toEqual(expect.arrayContaining(details(told)))
    expect(Math.abs(told.since - live.bob.since)).toBeLessThan(1_000)
    const failed = await fromLog(log, nowhere)
    const { cause, standing, againAt } = live.nowhere
    expect(failed).toMatchObject({ standing, againAt, cause })
    expect((await fromLog(log, '192.0.2.9')).cause?.code).toBe('blocked-address')
  }, 180_000)
})
