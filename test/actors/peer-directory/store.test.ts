import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { DirectoryStore, hasDirectory } from '../../../actors/peer-directory/index.ts'
import { DirectoryHead, DirectoryRecord, Endpoint } from '../../../proto/index.ts'
import { needs } from '../../support/needs.ts'
import { killing } from './killing.ts'

const tag = new Uint8Array(16).fill(1)
const record = (peerId: string, more: object = {}) => new DirectoryRecord({ peerId, verifiedAt: 5, steps: ['pings'], ...more })
let dir: string

beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'p2pnet-directory-')) })
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function idsIn(network = tag): Promise<string[]> {
  const store = await DirectoryStore.open(dir, network, { readOnly: true })
  const ids = [...store.records()].map(({ peerId }) => peerId)
  await store.close()
  return ids
}

describe('the store of the peer directory', () => {
  it('gives back what was written, to another process of the same network only, and is closed to other users', async () => {
    expect(hasDirectory(dir)).toBe(false)
    const store = await DirectoryStore.open(dir, tag)
    const bea = record('bea', { name: 'Bea', score: -3, addresses: [{ endpoint: new Endpoint({ host: '192.0.2.1', port: 4_000 }), via: 'link', workedAt: 7 }] })
    await store.write([bea, record('cid')], [])
    await store.write([record('dan')], ['cid', 'nobody'])
    await store.close()

    const again = await DirectoryStore.open(dir, tag)
    expect([...again.records()].map(each => DirectoryRecord.toObject(each))).toEqual([bea, record('dan')].map(each => DirectoryRecord.toObject(each)))
    await again.close()
    expect(await idsIn(new Uint8Array(16).fill(2))).toEqual([])
    expect(hasDirectory(dir)).toBe(true)
    expect(statSync(join(dir, 'directory')).mode & 0o077).toBe(0)
  })

  it('has one writer at a time: a second is told so by name, also from another process, and readers may look', async () => {
    const store = await DirectoryStore.open(dir, tag)
    await store.write([record('bea')], [])
    await expect(DirectoryStore.open(dir, tag)).rejects.toMatchObject({ name: 'DirectoryInUseError', code: 'store-in-use' })
    expect(await idsIn()).toEqual(['bea'])
    await store.close()

    const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/actors/peer-directory/victim.ts', dir, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = once(child, 'exit')
    await once(createInterface(child.stdout), 'line')
    await expect(DirectoryStore.open(dir, tag)).rejects.toMatchObject({ name: 'DirectoryInUseError', message: expect.stringContaining(`process ${child.pid}`) })
    child.kill('SIGKILL')
    await gone
    const after = await DirectoryStore.open(dir, tag)
    await after.close()
  })

  it('writes nothing any more once another process has taken it over', async () => {
    const { open } = await import('lmdb')
    const store = await DirectoryStore.open(dir, tag)
    await store.write([record('bea')], [])
    const other = open<Uint8Array, string>({ path: join(dir, 'directory'), noSubdir: false, encoding: 'binary', useVersions: true, overlappingSync: false })
    // As a process would that could not see this one, from another container.
    await other.put('head', Buffer.from(DirectoryHead.encode(new DirectoryHead({ schema: 1, pid: 77 })).finish()), 9)
    await expect(store.write([record('cid')], ['bea'])).rejects.toMatchObject({ name: 'DirectoryTakenError', code: 'store-taken', message: expect.stringContaining('process 77') })
    await other.close()
    await store.close()
    expect(await idsIn()).toEqual(['bea'])
  })

  it('is brought up to date from an older schema, all or not at all, and refuses a newer one by name', async () => {
    const old = await DirectoryStore.open(dir, tag)
    await old.write([record('bea'), record('cid')], [])
    await old.close()
    const toTwo = (fails: boolean) => ({
      1: (store: Parameters<NonNullable<NonNullable<Parameters<typeof DirectoryStore.open>[2]>['migrations']>[1]>[0]) => {
        for (const [key, value] of store.entries()) {
          const before = DirectoryRecord.decode(value)
          store.put(key, DirectoryRecord.encode(new DirectoryRecord({ ...before, name: before.peerId.toUpperCase() })).finish())
          if (fails) throw new Error('no further')
        }
      }
    })
    await expect(DirectoryStore.open(dir, tag, { schema: 2, migrations: toTwo(true) })).rejects.toThrow('no further')
    const still = await DirectoryStore.open(dir, tag)
    expect([...still.records()].map(({ name }) => name)).toEqual(['', ''])
    await still.close()
    const now = await DirectoryStore.open(dir, tag, { schema: 2, migrations: toTwo(false) })
    expect([...now.records()].map(({ name }) => name)).toEqual(['BEA', 'CID'])
    await now.close()
    for (const readOnly of [false, true]) {
      await expect(DirectoryStore.open(dir, tag, { readOnly })).rejects.toMatchObject({ name: 'DirectoryVersionError', code: 'store-version', message: expect.stringContaining('schema 2') })
    }
  })

  it('says so where the file is no store, or the folder cannot be made, and overwrites nothing', async () => {
    const file = join(dir, 'plain')
    writeFileSync(file, 'text')
    await expect(DirectoryStore.open(file, tag)).rejects.toMatchObject({ name: 'DirectoryStoreError', code: 'store-failed' })
    const store = await DirectoryStore.open(dir, tag)
    await store.close()
    const data = join(dir, 'directory', 'data.mdb')
    writeFileSync(data, Buffer.alloc(65_536, 7))
    await expect(DirectoryStore.open(dir, tag)).rejects.toMatchObject({ name: 'DirectoryStoreError', code: 'store-damaged' })
    expect(statSync(data).size).toBe(65_536)
  })

  it('is not opened again and again where a damaged page ends the process, and tells so', async () => {
    const store = await DirectoryStore.open(dir, tag)
    for (let batch = 0; batch < 5; batch++) {
      await store.write(Array.from({ length: 100 }, (_, i) => new DirectoryRecord({ peerId: `${batch}-${i}`, record: new Uint8Array(200) })), [])
    }
    await store.close()
    const data = join(dir, 'directory', 'data.mdb')
    const damaged = readFileSync(data)
    const middle = 4096 * Math.floor(damaged.length / 8192)
    damaged.fill(0, middle, middle + 4096)
    writeFileSync(data, damaged)
    const reader = `
      import { DirectoryStore } from './actors/peer-directory/index.ts'
      const store = await DirectoryStore.open(process.argv[1], new Uint8Array(16).fill(1))
      for (const _ of store.records()) continue
      await store.close()`
    const run = async (): Promise<unknown> => {
      const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', '--input-type=module', '-e', reader, dir], { stdio: 'ignore', timeout: 60_000, killSignal: 'SIGKILL' })
      return (await once(child, 'exit'))[1]
    }
    // Twice it ends the process; what it was is then found out in another one, as often as it is asked.
    for (let i = 0; i < 2; i++) expect(await run()).toMatch(/^SIG(ABRT|SEGV|BUS)$/)
    // The number of the process that went down may be another one's by now.
    const mark = join(dir, 'directory', 'unclean')
    const [, runs] = readFileSync(mark, 'utf8').split(' ')
    writeFileSync(mark, `${process.ppid} ${runs} 1\n`)
    const left = readFileSync(data)
    for (let i = 0; i < 2; i++) {
      await expect(DirectoryStore.open(dir, tag)).rejects.toMatchObject({ name: 'DirectoryStoreError', code: 'store-damaged', message: expect.stringContaining('move that folder away') })
    }
    expect(readFileSync(data).equals(left)).toBe(true)
    expect(readdirSync(join(dir, 'directory')).filter(name => name.startsWith('probe'))).toEqual([])
  }, 300_000)

  it('is opened again after as many kills in a row: they damage nothing', async () => {
    for (let i = 0; i < 4; i++) {
      const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/actors/peer-directory/victim.ts', dir, String(10 * i)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const gone = once(child, 'exit')
      const lines = createInterface(child.stdout)
      await new Promise<void>((resolve, reject) => {
        lines.on('line', line => { if (line === String(10 * i + 2)) resolve() })
        void gone.then(() => reject(new Error(`run ${i} does not open it`)))
      })
      child.kill('SIGKILL')
      await gone
    }
    const store = await DirectoryStore.open(dir, new Uint8Array(16).fill(3))
    expect([...store.records()].length).toBeGreaterThan(300)
    await store.close()
    expect(readdirSync(join(dir, 'directory')).filter(name => !name.endsWith('.mdb'))).toEqual([])
  }, 300_000)

  it('holds no process back that exits while it writes', async () => {
    for (const after of [0, 5, 20, 50]) {
      const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/actors/peer-directory/victim.ts', dir, '0', String(after)], { stdio: ['ignore', 'ignore', 'inherit'] })
      const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
      expect(await once(child, 'exit')).toEqual([0, null])
      clearTimeout(late)
    }
  }, 300_000)

  it('opens after each of 20 kills, with everything that was acknowledged', async () => {
    // It throws where one that was acknowledged is not there.
    expect((await killing(dir, 20)).kills).toBe(20)
  }, 300_000)
})

needs('procfs')('a process that is killed while it has the store tried', () => {
  it('leaves nobody at work in the folder', async () => {
    const ours = (): string[] => readdirSync('/proc').filter(name => /^\d+$/.test(name) && name !== String(process.pid)).filter(pid => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return command.includes('transactionSync') && (command.includes(dir) || readlinkSync(`/proc/${pid}/cwd`).startsWith(dir))
      } catch {
        return false
      }
    })
    let met = 0
    for (let i = 0; i < 5 || met < 3; i++) {
      const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', 'test/actors/peer-directory/victim.ts', dir, String(10 * i)], { stdio: ['ignore', 'pipe', 'pipe'] })
      let written = false
      const opened = new Promise<void>(resolve => createInterface(child.stdout).on('line', line => {
        if (line !== String(10 * i + 2)) return
        written = true
        resolve()
      }))
      const ended = once(child, 'close')
      // From the third run on, a process of its own tries the store; it may have come and gone between two looks.
      if (i < 2) await opened
      else {
        while (ours().length === 0 && !written && child.exitCode === null && child.signalCode === null) await turn()
        if (!written) met++
      }
      child.kill('SIGKILL')
      expect(await ended).toEqual([null, 'SIGKILL'])
      expect(ours()).toEqual([])
    }
  }, 300_000)
})
