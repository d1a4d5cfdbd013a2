import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import { Checkpoint, TextMessage } from '../../../proto/index.ts'
import { createPeer, type Peer } from '../../../runtime/index.ts'
import { readLog } from '../../../runtime/log/index.ts'
import { parseKeep } from '../../../runtime/peer/keep.ts'
import { replay } from '../../../runtime/testing/index.ts'
import { replaySuffixes } from '../../support/suffixes.ts'
import { definitions } from '../../../actors/index.ts'
import { Program } from '../../examples/run.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-recorder-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let peers: Peer[] = []
let programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.map(program => program.end()))
  for (const peer of peers) await peer.stop()
  programs = []
  peers = []
})

const log = (name: string) => join(folder, `${name}.p2plog`)

async function replays(path: string) {
  const result = await replay(path)
  expect(result.divergence).toBeUndefined()
  expect(result.outputs).toBeGreaterThan(0)
  return result
}

/** Runs two peers that talk until a condition holds, or 40 s have passed. */
async function talk(record: object, until: () => boolean): Promise<Peer> {
  const network = `recorder-${process.pid}-${Math.random()}`
  peers = ['ann', 'bob'].map((name, index) => createPeer({
    name, network, interfaces: ['loopback'], log: 'silent', tune: { 'peer-connection': { keepAliveIntervalMs: 150 } }, ...(index === 0 && { record } as object)
  }))
  await Promise.all(peers.map(peer => peer.start()))
  const [ann, bob] = peers as [Peer, Peer]
  const began = performance.now()
  while (!until() && performance.now() - began < 40_000) {
    await new Promise(resolve => setTimeout(resolve, 20))
    if (bob.links.value.length > 0) bob.broadcast(new TextMessage({ text: 'on and on' }))
  }
  return ann
}

/** What the log opens with; nothing where it begins with the run. */
const opening = (path: string): Checkpoint | undefined => {
  if (statSync(path).size < 1_000) return undefined
  const reader = readLog(path)
  for (const _entry of reader) break
  reader.close()
  return reader.checkpoint
}

describe('createPeer({ record: { keep } })', () => {
  it('keeps the last seconds of a real peer, which replay: of the log, of a copy in the midst, and after the end', async () => {
    const path = log('ann')
    // The first checkpoint may be older than the link.
    const linked = () => opening(path)?.actors.some(({ kind }) => kind === 'peer-connection') ?? false
    const ann = await talk({ file: path, keep: '1s' }, linked)
    expect(linked()).toBe(true)
    const copy = await ann.saveLog()
    expect(copy).toMatch(/ann-\d{8}T\d{6}Z\.p2plog$/)
    expect(await ann.saveLog()).not.toBe(copy)
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    expect((await replays(copy)).ending).toBe('cut')
    await ann.stop()
    const { ending, durationMs } = await replays(path)
    expect(ending).toBe('stopped')
    expect(durationMs).toBeLessThan(8_000)
    await expect(ann.saveLog()).rejects.toThrow('nothing is recorded')
  })

  it('lets every suffix of a real run replay', async () => {
    const path = log('suffixes')
    let n = 0
    const ann = await talk(path as never, () => peers.every(({ links }) => links.value.length > 0) && n++ > 60)
    await ann.stop()
    const reader = readLog(path)
    const taken = replaySuffixes({ header: reader.header, entries: [...reader] }, { definitions, at: moment => moment % 25 === 24 })
    expect(taken.length).toBeGreaterThan(2)
  })

  it('moves the log of the run before out of the way', async () => {
    const path = log('again')
    for (const _run of [1, 2]) {
      const peer = createPeer({ interfaces: ['loopback'], lan: false, record: { file: path, keep: '64MiB' } })
      await peer.start()
      await peer.stop()
    }
    await replays(path)
    await replays(`${path}.1`)
    expect(readdirSync(folder).filter(name => name.startsWith('again'))).toEqual(['again.p2plog', 'again.p2plog.1'])
  })

  it('says which actor and key no checkpoint can hold', async () => {
    const warnings: string[] = []
    const machine = createMachine({ context: () => ({ rows: new Map() }), on: { TextMessage: {} } } as never)
    const logger = { level: 'warn', warn: (_: object, text: string) => warnings.push(text), info() {}, debug() {}, error() {}, fatal() {}, trace() {}, child: () => logger, isLevelEnabled: () => false }
    const peer = createPeer({ defaults: false, actors: [defineActor({ kind: 'rows', machine } as never)], record: { file: log('rows'), keep: '1s' }, log: logger as never })
    peers = [peer]
    await peer.start()
    // On until it was told, and for as long again: it is told once.
    for (let left = Infinity, n = 0; left > 0 && n < 1_000; left--, n++) {
      peer.publish(new TextMessage({ text: 'x' }), { to: 'rows/main' })
      await new Promise(resolve => setTimeout(resolve, 20))
      if (left === Infinity && warnings.length > 0) left = n
    }
    expect(warnings).toEqual([expect.stringMatching(/rows\/main cannot be put into a checkpoint: context\.rows is a Map/)])
  })

  it.each(['10', 'm', '10 m', '-1m', '10minutes', '64mib', '64MB', '', '0s', '1KiB', '1e3s', '99999999999999999h'])('refuses to keep %j, and says what it takes', keep => {
    expect(() => createPeer({ record: { file: log('x'), keep } })).toThrow(/is not a time or a size to keep|is too little to keep/)
    expect(existsSync(log('x'))).toBe(false)
  })

  it('takes times and sizes', () => {
    expect(['30s', '10m', '1.5h', '1024KiB', '64MiB', '1GiB'].map(parseKeep)).toEqual([
      { ms: 30_000 }, { ms: 600_000 }, { ms: 5_400_000 }, { bytes: 1_048_576 }, { bytes: 67_108_864 }, { bytes: 1_073_741_824 }
    ])
    expect(() => createPeer({ record: { file: 'x', keep: '1MiB', maxBytes: 1e6 } })).toThrow('two sizes')
  })
})

describe('a process that ends in the midst', () => {
  it('by an exception, has written all that it recorded', async () => {
    const [program] = programs = [new Program(join(import.meta.dirname, 'crash-program.ts'), [log('crash')])] as [Program]
    const seq = Number((await program.line(/^last \d+$/)).slice(5))
    await program.done().catch(() => {})
    let last = 0
    for (const entry of readLog(log('crash'))) if (entry.kind !== 'stopped') last = entry.envelope.seq
    expect(last).toBe(seq)
    expect((await replays(log('crash'))).ending).toBe('cut')
  })
})
