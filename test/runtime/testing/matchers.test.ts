import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { logMatchers, readLog } from '../../../runtime/testing/index.ts'
import { puppet, record, seed } from '../log/puppet.ts'
import { pack, scratch, unpack } from '../log/samples.ts'

expect.extend(logMatchers)

const dir = scratch()
const options = { definitions: [puppet] }
let log: string
let bytes: Uint8Array
/** The same with another text in the order that has it wait. */
let tampered: Uint8Array

beforeAll(async () => {
  log = (await record(dir.path('run'), { seed, orders: [{ after: 0, to: 'puppet/a', text: 'a' }, { after: 5, to: 'puppet/a', text: 'w' }, { after: 50, to: 'puppet/b', text: 'a' }] })).path
  bytes = readFileSync(log)
  const [head, ...records] = unpack(bytes).flat()
  const input = records.filter(({ input: each }) => each?.type === 'TextMessage')[0]!.input!
  input.body = Uint8Array.from(input.body!, (byte, at) => at === input.body!.length - 1 ? 'd'.charCodeAt(0) : byte)
  tampered = pack([[head!, ...records]])
})

/** What a failed matcher says. */
async function said(assertion: () => void | Promise<void>): Promise<string> {
  try {
    await assertion()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it did not fail')
}

describe('toReplay', () => {
  it('takes a path, bytes, and an opened log', async () => {
    await expect(log).toReplay(options)
    await expect(bytes).toReplay(options)
    await expect(readLog(log)).toReplay(options)
  })

  it('shows where a log and its replay differ', async () => {
    await expect(tampered).not.toReplay(options)
    expect(await said(() => expect(tampered).toReplay(options))).toMatch(/expected the log to replay\n\nreplay and log differ at message \d+.*puppet\/a/)
  })

  it('says of a damaged log where it is damaged', async () => {
    const damaged = Uint8Array.from(bytes, (byte, at) => at === bytes.length - 9 ? byte ^ 1 : byte)
    expect(await said(() => expect(damaged).toReplay(options))).toMatch(/and it is damaged: /)
  })

  it('fails, negated, for a log that does', async () => {
    expect(await said(() => expect(log).not.toReplay(options))).toMatch(/not to replay, and it does: 4 inputs, and \d+ outputs/)
  })

  it('is no judgement where the actors are not known', async () => {
    await expect(expect(log).not.toReplay()).rejects.toThrow(/puppet/)
  })
})

describe('toReach', () => {
  it('holds for a state that an actor came to, and for several in that order', () => {
    expect(log).toReach('puppet/a', 'waiting', options)
    expect(bytes).toReach('puppet/*', ['ready', 'waiting', 'ready'], options)
    expect(log).not.toReach('puppet/b', 'waiting', options)
    expect(log).not.toReach('puppet/a', ['waiting', 'waiting', 'waiting'], options)
  })

  it('tells what was seen instead', async () => {
    const never = await said(() => expect(log).toReach('puppet/a', ['waiting', 'gone'], options))
    expect(never).toContain(`expected ${log} to bring puppet/a to reach waiting, then gone`)
    expect(never).toContain('of these waiting came, and not gone after it')
    expect(never).toMatch(/puppet\/a was in\n {2}ready \(0\.000 s\)\n {2}waiting \(message \d+, 0\.005 s\)\n {2}ready \(0\.035 s\)$/)
    expect(await said(() => expect(log).toReach('puppet/z', 'waiting', options))).toContain('there is no such actor; there are puppet/a, puppet/b')
  })

  it('tells, negated, the step in which it happened', async () => {
    expect(await said(() => expect(log).not.toReach('puppet/a', 'waiting', options)))
      .toMatch(/puppet\/a did:\n {2}message \d+, TextMessage from host to puppet\/a, at 0\.005 s\n {2}puppet\/a from ready to waiting/)
  })

  it('does not claim anything about what a tampered log no longer shows', () => {
    expect(() => expect(tampered).not.toReach('puppet/b', 'waiting', options)).toThrow(/does not replay, so that it is not known/)
  })
})

describe('toNever', () => {
  it('holds where no step is such', () => {
    expect(log).toNever({ actor: 'puppet/b', state: 'waiting' }, options)
    expect(log).toNever({ type: 'ActorFailed' }, options)
    expect(log).not.toNever({ actor: 'puppet/*', state: 'waiting' }, options)
    expect(log).not.toNever({ type: 'LinksChanged', from: 'puppet/a', to: '' }, options)
    expect(log).toNever(({ failed }) => failed, options)
  })

  it('shows the first step that is', async () => {
    expect(await said(() => expect(log).toNever({ state: 'waiting' }, options)))
      .toMatch(/never to hold \{"state":"waiting"\}, and it does:\n {2}message \d+, TextMessage from host to puppet\/a/)
    expect(await said(() => expect(log).not.toNever({ type: 'ActorFailed' }, options))).toMatch(/none of its \d+ steps is that/)
    expect(() => expect(tampered).toNever({ type: 'ActorFailed' }, options)).toThrow(/does not replay/)
  })
})
