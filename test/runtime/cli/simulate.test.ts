import { writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { p2pnet, Scratch } from './cli.ts'

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
