import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { HANGS_MS, p2pnet, type Event, type Running } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, start } = ownPeers()
const env = { TMPDIR: scratch.of('tmp') }
beforeAll(() => mkdirSync(env.TMPDIR))

const leftovers = () => readdirSync(env.TMPDIR)

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A killed child of a killed parent may wait to be reaped.
    return !existsSync(`/proc/${pid}/status`) || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The show is over, and what is typed is said: each part of it may take its time. */
async function live(demo: Running): Promise<void> {
  for (const part of ['demo.ready', 'demo.mesh', 'demo.file', 'demo.stored', 'demo.live']) await demo.until(part)
}

async function allGone(pids: readonly number[]): Promise<void> {
  const deadline = Date.now() + HANGS_MS
  while (pids.some(alive)) {
    if (Date.now() > deadline) throw new Error(`still alive: ${pids.filter(alive).join(', ')}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

describe('p2pnet demo', () => {
  it('--exit --json: three peers mesh, talk, share a file, stop, and their logs replay without a difference', async () => {
    const logs = scratch.of('logs')
    const { code, stdout, stderr } = await p2pnet(['demo', '--exit', '--json', '--record', logs], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const events = stdout.trim().split('\n').map(line => JSON.parse(line) as Event)
    const of = (name: string) => events.filter(({ event }) => event === `demo.${name}`)

    expect(of('peer').map(({ name }) => name)).toEqual(['alice', 'bob', 'carol'])
    for (const { address } of of('peer')) expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(of('link').map(({ between }) => (between as string[]).join(' ')).sort()).toEqual(['alice bob', 'alice carol', 'bob carol'])
    for (const { foundMs, connectedMs, verifiedMs } of of('link')) {
      expect(foundMs).toBeGreaterThanOrEqual(0)
      expect(connectedMs).toBeGreaterThanOrEqual(foundMs)
      expect(verifiedMs).toBeGreaterThanOrEqual(connectedMs)
    }
    expect(of('mesh')[0]!.ms).toBe(Math.max(...of('link').map(({ verifiedMs }) => verifiedMs as number)))
    expect(of('message')).toHaveLength(6)
    expect(of('stored').map(({ to, same }) => [to, same])).toEqual([['bob', true], ['carol', true]])
    const { size } = of('file')[0]!
    expect(of('summary')[0]!.peers).toEqual([
      expect.objectContaining({ name: 'alice', links: 2, sent: 2 * size, received: 0, rttMs: expect.any(Number) }),
      expect.objectContaining({ name: 'bob', links: 2, sent: 0, received: size }),
      expect.objectContaining({ name: 'carol', links: 2, sent: 0, received: size })
    ])
    expect(of('stopped').map(({ name, exit }) => [name, exit])).toEqual([['alice', 0], ['bob', 0], ['carol', 0]])
    expect(of('replay').map(({ name, differences }) => [name, differences])).toEqual([['alice', 0], ['bob', 0], ['carol', 0]])
    for (const { inputs, outputs } of of('replay')) expect(Math.min(inputs, outputs)).toBeGreaterThan(10)
    expect(events.at(-1)).toMatchObject({ event: 'demo.done', differences: 0 })

    expect(leftovers()).toEqual([])
    await allGone(of('peer').map(({ pid }) => pid as number))
    expect(readdirSync(logs).sort()).toEqual(['alice.p2plog', 'bob.p2plog', 'carol.p2plog'])
    expect(statSync(`${logs}/alice.p2plog`).mode & 0o777).toBe(0o600)
    expect((await p2pnet(['log', 'replay', `${logs}/carol.p2plog`])).code).toBe(0)
  })

  it('is legible on 50 columns and without colours', async () => {
    const { code, stdout } = await p2pnet(['demo', '--exit'], { env })
    expect(code).toBe(0)
    expect(stdout.split('\n').filter(line => line.length > 50)).toEqual([])
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    for (const word of ['full mesh', 'as sent', 'Summary', '0 differences']) expect(stdout).toContain(word)
  })

  it('goes on until Ctrl-C: what is typed is said by alice, then all stop in order', async () => {
    const demo = start(['demo', '--json'], { env, detached: true })
    await live(demo)
    demo.say('are you all there?')
    for (const name of ['bob', 'carol']) {
      expect(await demo.until('demo.message', ({ to, text }) => to === name && text === 'are you all there?')).toMatchObject({ from: 'alice' })
    }
    demo.say('@bob you alone')
    expect(await demo.until('demo.message', ({ text }) => text === 'you alone')).toMatchObject({ from: 'alice', to: 'bob' })
    for (const line of ['@dave hello', '@bob', 'x'.repeat(70_000)]) await demo.ask(line, 'demo.unsaid')
    demo.child.stdin.end()
    // As a terminal does: to the whole foreground group, of which the peers are no part.
    process.kill(-demo.child.pid!, 'SIGINT')
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    expect(demo.events.filter(({ event }) => event === 'demo.stopped').map(({ exit }) => exit as number)).toEqual([0, 0, 0])
    expect(demo.events.at(-1)).toMatchObject({ event: 'demo.done', differences: 0 })
  })

  it('fails with the words of a peer that dies, and exits 1', async () => {
    const demo = start(['demo', '--json'], { env })
    await live(demo)
    const { pid } = await demo.until('demo.peer', ({ name }) => name === 'bob')
    process.kill(pid as number, 'SIGKILL')
    expect(await demo.ended).toEqual({ code: 1, signal: null })
    expect(demo.stderr).toMatch(/^p2pnet: bob is gone: it ended with SIGKILL/)
    await allGone(demo.events.filter(({ event }) => event === 'demo.peer').map(event => event.pid as number))
    expect(leftovers()).toEqual([])
  })

  it('leaves no peer behind when it is killed', async () => {
    const demo = start(['demo', '--json'], { env })
    await demo.until('demo.mesh')
    const pids = demo.events.filter(({ event }) => event === 'demo.peer').map(({ pid }) => pid as number)
    expect(pids.filter(alive)).toHaveLength(3)
    demo.child.kill('SIGKILL')
    await demo.ended
    await allGone(pids)
  })
})
