import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals'
import { PeerDisconnected } from '../../../proto/index.ts'
import { whyFields } from '../../../runtime/cli/why.ts'
import { said, stagedPair, stopStaged } from './staged.ts'

const HOUR = 3_600_000

const folder = mkdtempSync(join(tmpdir(), 'p2pnet-doctor-clock-'))
afterEach(async () => {
  jest.restoreAllMocks()
  await stopStaged()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the doctor', () => {
  it('tells when a peer is dialled again, also after somebody has set the clock of the machine', async () => {
    const { ann, bob } = await stagedPair(folder)
    const ended = said(ann.peer, PeerDisconnected)
    ann.peer.drop(bob.peer.peerId)
    await ended
    const before = ann.peer.why('bob')
    expect(before).toMatchObject({ cause: { code: 'dropped' }, undialled: { code: 'dial-wait' } })
    const right = Date.now
    for (const step of [HOUR, -HOUR]) {
      jest.spyOn(Date, 'now').mockImplementation(() => right() + step)
      const after = ann.peer.why('bob')
      expect(after).toMatchObject({ cause: { code: 'dropped' }, undialled: { code: 'dial-wait' }, againAt: before.againAt })
      expect(whyFields(after).next).toMatch(/^it is dialled again in \d+ s$/)
      jest.restoreAllMocks()
    }
  })
})
