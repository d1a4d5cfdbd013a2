import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { bytes, cell, crop, excerpt, legible, milliseconds, widthOf } from '../../../runtime/cli/legible.ts'
import { layout, type ScreenState } from '../../../runtime/cli/up/layout.ts'
import type { PeerInfo } from '../../../runtime/peer/roster.ts'
import { needs } from '../../support/needs.ts'
import { HANGS_MS, MAIN, ownNetwork } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const peer = (change: Partial<PeerInfo> = {}): PeerInfo => ({
  peerId: 'k7q2m3ab'.padEnd(52, 'a'), name: 'bob', level: 'enhanced', path: 'tcp', address: '192.168.178.20:41234', direction: 'out',
  rttMs: 0.42, sinceMs: 0, ...change
})
const state = (change: Partial<ScreenState> = {}): ScreenState => ({
  name: 'ann', network: 'home', address: 'port 4000', peers: [peer()], lines: ['12:00:00 hello'], input: 'say', cursor: 3, now: 65_000, ...change
})

describe('the live screen', () => {
  it('shows the peers, what happened, and the input line', () => {
    expect(layout(state(), 60, 9)).toEqual({
      lines: [
        'ann · network home · 1 peer · port 4000',
        'PEER           LEVEL        RTT    FOR ID',
        'bob            enhanced 0.42 ms  1 min k7q2m3ab',
        '─'.repeat(60),
        '12:00:00 hello',
        '', '',
        '─'.repeat(60),
        '> say'
      ],
      cursor: 5
    })
  })

  it('has room for the address on 80 columns, and keeps what matters on 40', () => {
    expect(layout(state(), 80, 10).lines[2]).toBe('bob            enhanced 0.42 ms  1 min k7q2m3ab 192.168.178.20:41234')
    expect(layout(state(), 40, 10).lines[2]).toBe('bob            enhanced 0.42 ms  1 min')
  })

  it('says that nobody is there, and how many there is no room for', () => {
    expect(layout(state({ peers: [] }), 60, 10).lines[1]).toBe('nobody is connected yet')
    expect(layout(state({ peers: Array.from({ length: 20 }, () => peer()) }), 60, 12).lines[6]).toBe("and 16 more: say 'peers'")
  })

  it('wraps long lines and shows the last ones', () => {
    const { lines } = layout(state({ lines: ['first', `12:00:00 ${'word '.repeat(20).trim()}`, 'last'] }), 40, 11)
    expect(lines.slice(4, 9)).toEqual([
      'first',
      '12:00:00 word word word word word word',
      '  word word word word word word word',
      '  word word word word word word word',
      'last'
    ])
  })

  it('never takes more rows or columns than there are, whatever others call themselves', () => {
    const text = fc.string({ unit: 'binary', maxLength: 120 })
    const peers = fc.array(fc.record({ name: text, rttMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }) }), { maxLength: 12 })
    fc.assert(fc.property(peers, fc.array(text, { maxLength: 30 }), text, fc.integer({ min: 10, max: 200 }), fc.integer({ min: 2, max: 60 }),
      (some, lines, input, columns, rows) => {
        const frame = layout(state({ peers: some.map(each => peer(each)), lines: lines.map(legible), input, cursor: input.length }), columns, rows)
        expect(frame.lines.length).toBeLessThanOrEqual(rows)
        expect(frame.lines.filter(line => widthOf(line) > columns)).toEqual([])
        // oxlint-disable-next-line no-control-regex
        expect(frame.lines.filter(line => /[\u0000-\u001f\u007f-\u009f]/.test(line))).toEqual([])
        expect(frame.cursor).toBeLessThanOrEqual(columns)
      }), { numRuns: 300 })
  })

  it('takes no time for a message of megabytes', () => {
    const started = performance.now()
    layout(state({ lines: [legible('x'.repeat(4_000_000))] }), 80, 24)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('text of other peers', () => {
  it.each([
    ['plain ünïcödé 文件 👩‍👩‍👧', 'plain ünïcödé 文件 👩‍👩‍👧'],
    ['\u001b[2J\u001b]0;title\u0007', '·[2J·]0;title·'],
    ['two\r\nlines\n', 'two lines '],
    ['left\u202etfel', 'left·tfel'],
    ['\u009b31m', '·31m'],
    ['\ud800', '\ufffd']
  ])('%j has no power over the terminal', (text, shown) => expect(legible(text)).toBe(shown))

  it('is kept as its beginning where it is too long', () => {
    expect(excerpt('short', 5)).toBe('short')
    expect(excerpt('x'.repeat(4_000_000), 100)).toBe(`${'x'.repeat(99)}…`)
    expect(excerpt('🙂🙂', 3)).toBe('🙂…')
  })

  it('is cut by what it takes on the screen', () => {
    expect(crop('文件文件', 5)).toBe('文件…')
    expect(crop('abc', 3)).toBe('abc')
    expect(crop('abcd', 3)).toBe('ab…')
    expect(crop('abc', 0)).toBe('')
    expect(cell('文', 4)).toBe('文  ')
    expect(cell('12', 5, 'right')).toBe('   12')
  })
})

describe('numbers', () => {
  it.each([[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [33_554_432, '32.0 MiB'], [150 * 1024 ** 2, '150 MiB']])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text))
  it.each([[0.424, '0.42 ms'], [5, '5 ms'], [38.4, '38 ms'], [2_100, '2.1 s'], [61_000, '61 s']])('%d ms are %s', (ms, text) => expect(milliseconds(ms)).toBe(text))
})

const { scratch, up } = ownPeers()
const programs: ChildProcessWithoutNullStreams[] = []
afterEach(() => {
  for (const program of programs.splice(0)) program.kill('SIGKILL')
})

/** A program that prints for people. */
function run(file: string, args: readonly string[]) {
  const program = spawn(file, args, { stdio: 'pipe' })
  programs.push(program)
  const ended = new Promise(resolve => program.on('close', resolve))
  let output = ''
  let look = () => {}
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    look()
  })
  return {
    ended,
    output: () => output,
    type: (text: string) => program.stdin.write(text),
    shows: (text: string) => new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${text} is not shown:\n${output.slice(-2_000)}`)), HANGS_MS)
      look = () => {
        if (!output.includes(text)) return
        clearTimeout(timer)
        resolve()
      }
      look()
    })
  }
}

needs('script', 'stty')('up on a terminal', () => {
  it('paints the screen, takes what is typed, and gives the terminal back on Ctrl-C', async () => {
    const network = ownNetwork()
    const bob = up(network, 'bob')
    const command = `stty cols 60 rows 20; exec '${process.execPath}' '${MAIN}' up --interface loopback --network ${network} --name ann --data '${scratch.of('ann')}'`
    const { type, shows, ended, output } = run('script', ['-qec', command, '/dev/null'])
    await shows('open network: whoever knows')
    await shows('bob            enhanced')
    type('say hello from a terminal\r')
    expect(await bob.until('message')).toMatchObject({ text: 'hello from a terminal' })
    bob.say('say \u0007hello to a terminal')
    await shows('·hello to a terminal')
    bob.say(`say ${'z'.repeat(20_000)}`)
    await shows('zzzz')
    type('nonsense\r')
    await shows('unknown-command')
    type('\u0003')
    expect(await ended).toBe(0)
    expect(output()).toContain('\u001b[?1049h')
    const left = output().slice(output().lastIndexOf('\u001b[?1049l'))
    expect(left).toContain('disconnected from bob')
    // Of a long message only the beginning was kept.
    expect(left).toMatch(/z{1000}…/)
    expect(left.length).toBeLessThan(5_000)
  })
})

describe('up where there is no terminal', () => {
  it('tells one thing a line, in words, and takes the same commands', async () => {
    const network = ownNetwork()
    const bob = up(network, 'bob')
    const { type, shows, ended, output } = run(process.execPath, [MAIN, 'up', '--interface', 'loopback', '--network', network, '--name', 'ann', '--data', scratch.of('plain')])
    await shows('verified bob')
    type('say hello in words\n')
    await bob.until('message')
    type('quit\n')
    expect(await ended).toBe(0)
    const lines = output().trim().split('\n')
    expect(lines.filter(line => !/^\d\d:\d\d:\d\d \S/.test(line))).toEqual([])
    expect(output()).toMatch(/ann \(\w{8}\) is up on network 'test-/)
    expect(output()).toMatch(/open network: whoever knows/)
    expect(output()).toMatch(/verified bob \(\w{8}\) by pings/)
    // oxlint-disable-next-line no-control-regex
    expect(output()).not.toMatch(/\u001b/)
  })
})
