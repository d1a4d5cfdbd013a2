import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, jest } from '@jest/globals'
import { shrunkRun } from '../../../runtime/cli/simulate-shrink.ts'
import { HANGS_MS, p2pnet, Scratch } from './cli.ts'

// Two runs one after the other, each with its own deadline.
jest.setTimeout(3 * HANGS_MS)

const scratch = new Scratch()
afterAll(() => scratch.remove())

const last = (text: string) => text.trimEnd().split('\n').at(-1)!

describe('p2pnet simulate', () => {
  it('ends with seed and digest, the same in every process', async () => {
    const args = ['simulate', '--peers', '4', '--seconds', '10', '--seed', '9']
    const [people, program] = await Promise.all([p2pnet(args), p2pnet([...args, '--json'])])
    expect([people.code, program.code]).toEqual([0, 0])
    const done = JSON.parse(last(program.stdout)) as Record<string, unknown>
    expect(done).toMatchObject({ event: 'done', seed: 9, peers: 4, seconds: 10, violations: [] })
    expect(people.stdout).toMatch(/\nviolations 0\nseed 9\ndigest [0-9a-f]{32}\n$/)
    expect(last(people.stdout)).toBe(`digest ${String(done['digest'])}`)
  })

  it('runs many seeds on the cores', async () => {
    const { code, stdout } = await p2pnet(['simulate', '--peers', '3', '--seconds', '5', '--seed', '20', '--seeds', '4', '--json'])
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ event, seed }) => [event, seed])).toEqual([['seed', 20], ['seed', 21], ['seed', 22], ['seed', 23], ['done', 20]])
  })

  it('exits 1 on a violation, and says how to see it again', async () => {
    const file = scratch.of('faults.json')
    // Nothing can become well where nothing arrives in time.
    writeFileSync(file, JSON.stringify({ delayMs: { min: 60_000, mean: 60_000, max: 60_000 } }))
    const { code, stdout } = await p2pnet(['simulate', '--peers', '2', '--seconds', '5', '--seed', '3', '--faults', file])
    expect(code).toBe(1)
    expect(stdout).toMatch(/convergence: peer-\d is not linked with peer-\d/)
    expect(stdout).toContain(`again: p2pnet simulate --peers 2 --seconds 5 --seed 3 --faults ${file}`)
    expect(stdout).toMatch(/\nseed 3\ndigest [0-9a-f]{32}\n$/)
    expect(stdout).toMatch(/\nshrunk in \d+ runs to 2 peers, 0 s, 0 events: convergence after 180\.000 s and \d+ messages\nagain: p2pnet simulate --scene '/)
    const scene = /^again: p2pnet simulate --scene '(.*)'$/m.exec(stdout)![1]!
    const again = await p2pnet(['simulate', '--scene', scene, '--json'])
    expect(again.code).toBe(1)
    expect(JSON.parse(last(again.stdout))).toMatchObject({ event: 'done', peers: 2, seconds: 0, violations: [{ invariant: 'convergence' }] })
  })

  it('shrinks a failing run, and writes its log, diagram and scene to a folder', async () => {
    const faults = scratch.of('slow.json')
    writeFileSync(faults, JSON.stringify({ delayMs: { min: 60_000, mean: 60_000, max: 60_000 } }))
    const out = scratch.of('failures')
    const args = ['simulate', '--peers', '3', '--seconds', '5', '--seed', '3', '--faults', faults, '--out', out, '--json']
    const [bare, full] = await Promise.all([p2pnet([...args, '--no-shrink']), p2pnet(args)])
    expect(JSON.parse(last(bare.stdout))).not.toHaveProperty('shrunk')
    const { shrunk } = JSON.parse(last(full.stdout)) as { shrunk: { files: string[]; again: string; messages: number } }
    expect(shrunk.files).toEqual(['md', 'log', 'json'].map(name => join(out, `seed-3.${name}`)))
    expect(shrunk.again).toBe(`p2pnet simulate --scene ${shrunk.files[2]}`)
    expect(shrunk.messages).toBeLessThan(200)
    const [page, log, scene] = shrunk.files.map(file => readFileSync(file, 'utf8')) as [string, string, string]
    expect(page).toMatch(/^# convergence\n[^]*```mermaid\nsequenceDiagram\n {2}participant p0 as peer-[^]*\n```\n$/)
    expect(log).toMatch(/convergence: peer-\d is not linked with peer-\d/)
    expect(JSON.parse(scene)).toMatchObject({ peers: 2, seconds: 0 })
  })

  it('runs a scene that was shrunk in a program again, with the options of its peers: the same violation', async () => {
    // Whoever has lost its power is missed only by a keep-alive.
    const faults = { crash: { perPeerHour: 120, ms: { min: 60_000, mean: 60_000, max: 60_000 }, powerPercent: 100 } }
    const peer = { maxLanLinks: 4, tune: { 'peer-connection': { keepAliveIntervalMs: 3_600_000 } } }
    const trust = ['pings', 'secret'] as const
    const options = { peers: 4, seconds: 20, seed: 1, settleSeconds: 60, replayed: 2, limits: { maxMailbox: 2_000 }, trust, faults, peer }
    const { again, files, violation } = await shrunkRun(options, 'closed-on-both-ends', { shrink: true, shrinkRuns: 40, out: scratch.of('peers') })
    expect(again).toBe(`p2pnet simulate --scene ${files[2]}`)
    expect(JSON.parse(readFileSync(files[2]!, 'utf8'))).toMatchObject({ peer, trust, limits: { maxMailbox: 2_000 }, replayed: 2 })
    const { code, stdout } = await p2pnet([...again.split(' ').slice(1), '--json'])
    expect(code).toBe(1)
    expect((JSON.parse(last(stdout)) as { violations: unknown[] }).violations).toContainEqual(violation)
  })

  it('refuses a scene that cannot be, and says what to give', async () => {
    const [text, value] = await Promise.all([p2pnet(['simulate', '--scene', '{']), p2pnet(['simulate', '--scene', '{"peers":0}'])])
    const faults = await p2pnet(['simulate', '--scene', '{"lossPercent":20}'])
    expect(faults.code).toBe(2)
    expect(faults.stderr).toMatch(/--scene: a scene has no 'lossPercent': give faults with --faults/)
    const [peer, tuned] = await Promise.all([p2pnet(['simulate', '--scene', '{"peer":{"links":3}}']), p2pnet(['simulate', '--scene', '{"peer":{"tune":{"x":{}}}}'])])
    expect([text.code, value.code, peer.code, tuned.code]).toEqual([2, 2, 2, 2])
    expect(peer.stderr).toMatch(/--scene: peer has no 'links': it takes network, inbound/)
    expect(tuned.stderr).toMatch(/'x' is no default actor of this peer/)
    expect(text.stderr).toMatch(/--scene cannot be read as JSON/)
    expect(value.stderr).toMatch(/--scene: peers is 0: give a whole number from 1 to 60000/)
  })

  it.each([
    ['{ "lossPercent": 101 }', /faults\.lossPercent is 101: give a number from 0 to 100/],
    ['{ "losPercent": 1 }', /faults has no 'losPercent': it takes lossPercent/],
    ['{', /cannot be read as JSON/]
  ])('refuses the faults %s', async (text, line) => {
    const file = scratch.of('bad.json')
    writeFileSync(file, text)
    const { code, stderr } = await p2pnet(['simulate', '--faults', file])
    expect(code).toBe(2)
    expect(stderr).toMatch(line)
  })
})
