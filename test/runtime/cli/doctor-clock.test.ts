import { rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { loadOrCreateIdentity, generateIdentity } from '../../../actors/identity/index.ts'
import { signCertificate } from '../../../actors/verify-authority/index.ts'
import { ownNetwork, p2pnet } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const DAY = 86_400_000

/** A program whose clock is wrong by so many milliseconds, from its start on. */
const clockOff = (ms: number) => ({
  env: {
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`const Right = Date
      globalThis.Date = class Date extends Right {
        constructor(...args) { if (args.length === 0) super(Right.now() + ${ms}); else super(...args) }
        static now() { return Right.now() + ${ms} }
      }`)}`
  }
})

const { scratch, up } = ownPeers()

describe('the doctor names a clock that is far off', () => {
  it('where certificates do not hold by it', async () => {
    const authority = generateIdentity()
    const args = (name: string): string[] => {
      const { peerId } = loadOrCreateIdentity(scratch.of(name))
      const file = scratch.of(`${name}.cert`)
      writeFileSync(file, Buffer.from(signCertificate(authority, { peerId, notBefore: Date.now() - DAY, notAfter: Date.now() + DAY })).toString('base64'))
      return ['--trust', 'authority', '--authority', authority.peerId, '--certificate', file]
    }
    const network = ownNetwork()
    const day = () => new Date(Date.now() - 3_650 * DAY).toISOString().slice(0, 10)
    const today = day()
    const right = up(network, 'right', args('right'))
    await right.until('ready')
    const log = scratch.of('behind.p2plog')
    const behind = up(network, 'behind', [...args('behind'), '--record', log], clockOff(-3_650 * DAY))
    await Promise.all([right, behind].map(peer => peer.until('peer.refused')))
    const there = await right.ask('why behind', 'why')
    expect(there).toMatchObject({ code: 'certificate-early', initiator: 'remote', decider: { kind: 'step', name: 'authority', at: 'remote' }, advice: 'Check the clocks of both machines.' })
    // Which of the two it is shows.
    expect(there['summary']).toMatch(new RegExp(`and it is (${today}|${day()})`))
    const here = await behind.ask('why right', 'why')
    expect(here).toMatchObject({ code: 'certificate-early', initiator: 'self', endedIn: 'verifying' })
    expect(here['summary']).toMatch(/its clock is ahead of ours by 36\d\d d at least, or ours is behind; .*check the clocks of both machines\.$/)
    expect(await behind.quit()).toBe(0)
    const { stdout } = await p2pnet(['doctor', log, 'right', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ code: 'certificate-early', summary: expect.stringMatching(/its clock is ahead of ours by 36\d\d d at least/) })
  })

  it('where it went back, so that nobody believes its announcements', async () => {
    const network = ownNetwork()
    const log = scratch.of('ann.p2plog')
    // It takes no links, so that all depends on what it hears.
    const ann = up(network, 'ann', ['--no-inbound', '--record', log, '--log-level', 'debug'])
    await ann.until('ready')
    const first = up(network, 'bob')
    await first.until('ready')
    await ann.until('peer.verified')
    expect(await first.quit()).toBe(0)
    await ann.until('peer.disconnected')
    // Restored from a backup, as it were: the folder does not know of that life.
    rmSync(scratch.of('bob', 'life'))
    const second = up(network, 'bob', [], clockOff(-2 * DAY))
    await second.until('ready')
    while (!/"code":"clock-behind"/.test(ann.stderr)) await new Promise(resolve => ann.child.stderr.once('data', resolve))
    const why = await ann.ask('why bob', 'why')
    expect(why).toMatchObject({ standing: 'ignored', initiator: 'self', decider: { kind: 'guard', name: 'announcement filter', at: 'self' } })
    expect(why['summary']).toMatch(/^bob is heard at 127\.0\.0\.1:\d+ and passed over, since .*clock-behind: it says that it began at .*, and an earlier life of it, heard before, at .*; set the clock of that machine/)
    expect(await ann.quit()).toBe(0)
    const { stdout } = await p2pnet(['doctor', log, 'bob', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ code: 'clock-behind', standing: 'ignored' })
    // The machine itself finds it too, once it has the newer life in its folder again.
    writeFileSync(scratch.of('bob', 'life'), `${Date.now()}\n`)
    const own = await p2pnet(['doctor', '--json', '--interface', 'loopback', '--data', scratch.of('bob')], clockOff(-2 * DAY))
    expect(own.stdout.split('\n').find(line => line.includes('"clock"'))).toMatch(/"ok":"warn","code":"clock-behind"/)
  })
})
