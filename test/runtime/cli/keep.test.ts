import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ownNetwork, p2pnet, type Running } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, up } = ownPeers()

async function replays(path: string): Promise<void> {
  const { code, stdout, stderr } = await p2pnet(['log', 'replay', path])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^no differences: \d+ inputs fed and \d+ outputs the same/)
}

/** The text on stderr, once it says so. */
async function said(peer: Running, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(peer.stderr)
    if (match !== null) return match
    await Promise.race([new Promise(resolve => peer.child.stderr.once('data', resolve)), peer.ended.then(() => { throw new Error(peer.stderr) })])
  }
}

describe('docs/logs.md', () => {
  it('says how the last minutes of a run are kept, copied and replayed', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/logs.md'), 'utf8')
    const [, command, kill, copied, after] = /^p2pnet up (--record run\.p2plog --keep \S+)\nkill -(\S+) PID +# copies it to (\S+);.*\np2pnet (log replay run\.p2plog) .*$/m.exec(page)!
    const file = (word: string) => word.endsWith('.p2plog') ? scratch.of(word) : word
    const ann = up(ownNetwork(), 'page', command!.split(' ').map(file))
    await ann.until('ready')
    ann.child.kill(`SIG${kill!}` as NodeJS.Signals)
    const [, copy] = await said(ann, /the log until now is ([^"]+\.p2plog)/)
    expect(basename(copy!).replaceAll(/\d/g, '0')).toBe(copied!.replaceAll(/\d/g, '0'))
    await replays(copy!)
    ann.child.kill('SIGKILL')
    await ann.ended
    expect((await p2pnet(after!.split(' ').map(file))).stdout).toMatch(/^no differences: /)
    for (const path of [copy!, scratch.of('run.p2plog')]) rmSync(path)
  })
})

describe('p2pnet up --record FILE --keep 1s', () => {
  it('leaves a log of the last moments when it is killed, and a copy for each SIGUSR2; all of them replay', async () => {
    const network = ownNetwork()
    const log = scratch.of('ann.p2plog')
    const ann = up(network, 'ann', ['--record', log, '--keep', '1s', '--tune', 'peer-connection.keepAliveIntervalMs=100'])
    const bob = up(network, 'bob', ['--tune', 'peer-connection.keepAliveIntervalMs=100'])
    await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
    // Old segments are dropped: the file is another one then.
    const { ino } = statSync(log)
    let dropped = false
    for (let n = 0; n < 1_000 && !dropped; n++) {
      ann.say('say still there')
      await new Promise(resolve => setTimeout(resolve, 50))
      dropped = statSync(log).ino !== ino
    }
    expect(dropped).toBe(true)
    ann.child.kill('SIGUSR2')
    const [, copy] = await said(ann, /the log until now is ([^"]+\.p2plog)/)
    await replays(copy!)
    ann.say('say the last word')
    await bob.until('message', ({ text }) => text === 'the last word')
    ann.child.kill('SIGKILL')
    await ann.ended
    await replays(log)
    expect((await p2pnet(['log', 'check', log])).code).toBe(0)
    // The log and its copy. A kill may also leave what was to replace the log, half made: the next run writes over it.
    const files = readdirSync(scratch.path).filter(name => /^ann.*p2plog/.test(name))
    expect(files.filter(name => name !== 'ann.p2plog.next')).toHaveLength(2)
    // Without a log the signal says so, and ends nothing.
    bob.child.kill('SIGUSR2')
    await said(bob, /the log was not saved: nothing is recorded/)
    expect(await bob.quit()).toBe(0)
  })
})
