import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definitions } from '../../../actors/index.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { Program } from '../../examples/run.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-processes-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.map(program => program.end()))
  programs = []
})

const log = (name: string) => join(folder, `${name}.p2plog`)
function start(...names: string[]): Program[] {
  const network = `two-processes-${process.pid}-${names[0]}`
  return programs = names.map(name => new Program(join(import.meta.dirname, 'peer-program.ts'), [name, network, log(name)]))
}

async function replays(name: string) {
  const { differences, divergence, clean, outputs } = await replay(log(name), { definitions })
  expect({ differences, divergence }).toEqual({ differences: 0, divergence: undefined })
  expect(outputs).toBeGreaterThan(20)
  return clean
}

describe('two peers in two processes', () => {
  it('meet, talk and part, end by themselves, and their logs replay without a difference', async () => {
    const [ann, bob] = start('ann', 'bob') as [Program, Program]
    await Promise.all([ann.line(/^peers: bob enhanced$/), bob.line(/^peers: ann enhanced$/)])
    ann.say('hello, bob')
    await bob.line(/^heard: hello, bob$/)
    ann.process.stdin.end()
    await ann.done()
    while (bob.lines.at(-1) !== 'peers: ') await bob.next()
    bob.process.stdin.end()
    await bob.done()
    expect(await replays('ann')).toBe(true)
    expect(await replays('bob')).toBe(true)
  })

  it('notice at once that the other was killed; what it had recorded until then replays', async () => {
    const [cid, dee] = start('cid', 'dee') as [Program, Program]
    await Promise.all([cid.line(/^peers: dee enhanced$/), dee.line(/^peers: cid enhanced$/)])
    dee.say('still there?')
    await cid.line(/^heard: still there\?$/)
    // A record reaches the file within 100 ms.
    while ((await replay(log('cid'), { definitions })).outputs <= 20) await new Promise(resolve => setTimeout(resolve, 10))
    cid.process.kill('SIGKILL')
    const killed = performance.now()
    while (dee.lines.at(-1) !== 'peers: ') await dee.next()
    expect(performance.now() - killed).toBeLessThan(5_000)
    dee.process.stdin.end()
    await dee.done()
    expect(await replays('dee')).toBe(true)
    expect(await replays('cid')).toBe(false)
  })
})
