import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linkKeeper } from '../../../actors/link-keeper/index.ts'
import { DiscoveryStarted, Endpoint, PeerHeard } from '../../../proto/index.ts'
import { Kernel } from '../../../runtime/kernel/index.ts'
import { logHeader, LogWriter } from '../../../runtime/testing/index.ts'
import { orders, record, seed } from '../log/puppet.ts'
import { pack, unpack } from '../log/samples.ts'
import { HANGS_MS, MAIN, p2pnet, Scratch } from './cli.ts'

const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/logs.md'), 'utf8')
const examples = [...page.matchAll(/^p2pnet (log [^#\n]*?) *(?:#.*)?$/gm)].map(([, line]) => line!.split(' '))
const scratch = new Scratch()

async function keeperLog(path: string, name: string): Promise<void> {
  const actors = [linkKeeper({ peerId: 'b'.repeat(52), network: '00'.repeat(16) })]
  const writer = new LogWriter(path, logHeader({ seed, actors, wallTime: 0, peerId: name, name }))
  const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
  kernel.start()
  kernel.input(new DiscoveryStarted(), { from: 'host' })
  kernel.input(new PeerHeard({ peerId: 'c'.repeat(52), via: 'static', endpoints: [new Endpoint({ host: '127.0.0.1', port: 9 })], acceptsInbound: true }), { from: 'host' })
  kernel.advanceTo(200_000)
  kernel.stop('done')
  kernel.advanceTo(300_000)
  await writer.close()
}

/** A host program's module, as a user would have it built. */
const MODULE = `
import { setup } from 'xstate'
import { defineActor } from 'p2pnet/actors'
const machine = setup({}).createMachine({ initial: 'on', states: { on: {} } })
export default [{ definition: defineActor({ kind: 'lamp', machine, options: {} }), id: 'main' }]
`

beforeAll(async () => {
  await keeperLog(scratch.of('run.p2plog'), 'ada')
  await keeperLog(scratch.of('other.p2plog'), 'ada')
  mkdirSync(scratch.of('node_modules'))
  symlinkSync(root, scratch.of('node_modules', 'p2pnet'))
  symlinkSync(join(root, 'node_modules/xstate'), scratch.of('node_modules', 'xstate'))
  writeFileSync(scratch.of('my-actors.mjs'), MODULE)
})
afterAll(() => scratch.remove())

describe('docs/logs.md', () => {
  const file = (word: string) => (/\.p2plog$|^\.\//.test(word) ? scratch.of(word.replace('my-actors.js', 'my-actors.mjs')) : word)

  it.each(examples.filter(args => !args.includes('--follow') && !args.includes('--with')).map(args => [args.join(' '), args] as const))('p2pnet %s', async (_, args) => {
    const { code, stdout, stderr } = await p2pnet(args.map(file))
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).not.toBe('')
  })
})

describe('p2pnet log replay --with', () => {
  it('knows the actors that a module exports', async () => {
    const { setup } = await import('xstate')
    const { defineActor } = await import('../../../actors/seam/index.ts')
    const actors = [{ definition: defineActor({ kind: 'lamp', options: {}, machine: setup({}).createMachine({ initial: 'on', states: { on: {} } }) }) }]
    const writer = new LogWriter(scratch.of('lamp'), logHeader({ seed, actors, wallTime: 0, peerId: '', name: '' }))
    const kernel = new Kernel({ seed, actors, tap: writer, shell: { deliver() {}, actorStarted() {}, actorStopped() {} } })
    kernel.start()
    kernel.stop('done')
    await writer.close()
    const without = await p2pnet(['log', 'replay', scratch.of('lamp')])
    expect([without.code, without.stderr]).toEqual([1, expect.stringMatching(/holds an actor of kind 'lamp'/)])
    const { code, stdout } = await p2pnet(['log', 'replay', scratch.of('lamp'), '--with', scratch.of('my-actors.mjs')])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^no differences/)])
  })

  it('says what is wrong with a module, and exits with 2', async () => {
    writeFileSync(scratch.of('empty.mjs'), 'export const x = 1')
    writeFileSync(scratch.of('broken.mjs'), 'throw new Error("on purpose")')
    const says = async (module: string) => {
      const { code, stderr } = await p2pnet(['log', 'replay', scratch.of('run.p2plog'), '--with', module])
      expect(code).toBe(2)
      return stderr
    }
    expect(await says(scratch.of('none.mjs'))).toMatch(/^p2pnet: --with .*none\.mjs cannot be loaded \(Cannot find module .*\)\n$/)
    expect(await says(scratch.of('broken.mjs'))).toMatch(/^p2pnet: --with .*broken\.mjs cannot be loaded \(on purpose\)\n$/)
    expect(await says(scratch.of('empty.mjs'))).toMatch(/^p2pnet: --with .*empty\.mjs exports no actor definition: .*\(it exports x\)\n$/)
  })
})

describe('p2pnet log', () => {
  it('exits with 2 for a SEQ or a TIME that is none, and with 1 for a SEQ that is not there', async () => {
    const run = scratch.of('run.p2plog')
    for (const [args, code, says] of [
      [['trace', run, 'x'], 2, /^p2pnet: 'x' is no number of a message: give a whole number from 1 on/], [['at', run, '0'], 2, /^p2pnet: '0' is no number of a message/], [['at', run, '-3'], 2, /'-3' is no number/],
      [['trace', run, '1', '--steps', '1'], 2, /from 2 on/],
      [['show', run, '--since', 'soon'], 2, /such as 10s, 2m or 1\.5h/], [['trace', run, '99999'], 1, /there is no message 99999: the last is \d+/],
      [['join', '/no/such'], 2, /does not exist/], [['diff', run], 2, /missing required argument/]
    ] as const) {
      const ended = await p2pnet(['log', ...args])
      expect([args, ended.code, ended.stderr]).toEqual([args, code, expect.stringMatching(says)])
      expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    }
  })

  it('follows a log until SIGINT, and then exits with 0', async () => {
    const { path } = await record(scratch.of('followed'), { seed, orders })
    writeFileSync(path, pack(unpack(readFileSync(path)).flat().slice(0, -1).map(each => [each])))
    const child = spawn(process.execPath, [MAIN, 'log', 'show', path, '--follow', '--type', 'ActorFailed'], { timeout: HANGS_MS, killSignal: 'SIGKILL' })
    let shown = ''
    let told = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
      if (!told && /ActorFailed \{/.test(shown)) told = child.kill('SIGINT')
    })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(shown).not.toContain('TextMessage {')
  })
})
