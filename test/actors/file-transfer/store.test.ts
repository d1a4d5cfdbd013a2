import { existsSync, readFileSync, readlinkSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { inboxDriver } from '../../../actors/file-transfer/inbox-driver.ts'
import { InboxQuota, InboxQuotas } from '../../../actors/file-transfer/inbox-quota.ts'
import { partName } from '../../../actors/file-transfer/leftovers.ts'
import { storeDriver } from '../../../actors/file-transfer/store-driver.ts'
import { Services } from '../../../actors/seam/index.ts'
import { FileChunk, StoreFile } from '../../../proto/index.ts'
import { needs } from '../../support/needs.ts'
import { DriverRun, scratch, sha256 } from './harness.ts'

const content = Buffer.from('the quick brown fox jumps over the lazy dog')
let inbox: ReturnType<typeof scratch>
let runs: DriverRun[]

beforeEach(() => {
  inbox = scratch()
  runs = []
})
afterEach(async () => {
  await Promise.all(runs.map(run => run.stop()))
  inbox.remove()
})

function start(folder = inbox.path, id = 'ann-t1', options: object = {}, services?: Services): DriverRun {
  const run = new DriverRun(storeDriver, `file-receive/${id}`, { inbox: folder, maxInboxBytes: 1_000_000_000, ...options }, services)
  runs.push(run)
  return run
}

const command = (change: object = {}) =>
  new StoreFile({ peerId: 'ann', transferId: 't1', name: 'fox.txt', size: content.length, digest: sha256(content), ...change })
const chunk = (offset: number, data: Uint8Array, transferId = 't1') => new FileChunk({ transferId, offset, data })

async function opened(change: object = {}): Promise<DriverRun> {
  const run = start()
  run.tell(command(change))
  await run.heard('StoreOpened')
  return run
}

describe('storing a file', () => {
  it('stores what arrives under its name, for its owner alone, once it is whole', async () => {
    const run = await opened()
    run.links.arrive('ann', chunk(0, content.subarray(0, 20)))
    expect(inbox.files()).toEqual([expect.stringMatching(/^\.p2pnet-ann-t1-\d+-[0-9a-f]{8}-[0-9a-f]{8}\.part$/)])
    run.links.arrive('ann', chunk(20, content.subarray(20)))
    const { path } = await run.heard('FileStored')
    expect(path).toBe(join(inbox.path, 'fox.txt'))
    expect(readFileSync(path)).toEqual(content)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(inbox.files()).toEqual(['fox.txt'])
  })

  it('stores an empty file', async () => {
    const run = await opened({ size: 0, digest: sha256(Buffer.alloc(0)) })
    const { path } = await run.heard('FileStored')
    expect(readFileSync(path)).toHaveLength(0)
  })

  it('makes the inbox where there is none', async () => {
    const run = start(join(inbox.path, 'a', 'b'))
    run.tell(command({ size: 0, digest: sha256(Buffer.alloc(0)) }))
    expect((await run.heard('FileStored')).path).toBe(join(inbox.path, 'a', 'b', 'fox.txt'))
  })

  it('never overwrites: a name that is taken gets a number, also by a link that leads nowhere', async () => {
    writeFileSync(join(inbox.path, 'fox.txt'), 'mine')
    symlinkSync('/nowhere/at/all', join(inbox.path, 'fox (1).txt'))
    const run = await opened()
    run.links.arrive('ann', chunk(0, content))
    expect((await run.heard('FileStored')).path).toBe(join(inbox.path, 'fox (2).txt'))
    expect(readFileSync(join(inbox.path, 'fox.txt'), 'utf8')).toBe('mine')
    expect(existsSync('/nowhere/at/all')).toBe(false)
  })

  it('gives two files of one name, arriving together, two names', async () => {
    const [one, two] = [start(inbox.path, 'ann-t1'), start(inbox.path, 'ann-t2')]
    for (const run of [one, two]) {
      run.tell(command())
      await run.heard('StoreOpened')
      run.links.arrive('ann', chunk(0, content))
    }
    const paths = [(await one.heard('FileStored')).path, (await two.heard('FileStored')).path]
    expect(paths.sort()).toEqual([join(inbox.path, 'fox (1).txt'), join(inbox.path, 'fox.txt')])
  })

  it.each(['../../escape.txt', '/tmp/escape.txt', 'C:\\escape.txt', '..', '.ssh'])('stays in the inbox when the name is %j', async name => {
    const run = await opened({ name })
    run.links.arrive('ann', chunk(0, content))
    const { path } = await run.heard('FileStored')
    expect(path.slice(0, path.lastIndexOf('/'))).toBe(inbox.path)
    expect(inbox.files()).toEqual([path.slice(inbox.path.length + 1)])
    expect(inbox.files()[0]).not.toMatch(/^\./)
  })

  it.each([
    ['a chunk comes twice', [chunk(0, content.subarray(0, 9)), chunk(0, content.subarray(0, 9))]],
    ['a chunk is left out', [chunk(0, content.subarray(0, 9)), chunk(18, content.subarray(18))]],
    ['the first chunk is not the first', [chunk(9, content)]],
    ['a chunk has a negative offset', [chunk(-1, content)]],
    ['a chunk has no number for an offset', [chunk(NaN, content)]],
    ['a chunk has no bytes', [chunk(0, content.subarray(0, 0))]],
    ['more comes than was offered', [chunk(0, Buffer.concat([content, content]))]]
  ])('fails with bad-chunk when %s', async (_when, chunks) => {
    const run = await opened()
    for (const each of chunks) run.links.arrive('ann', each)
    expect((await run.heard('FileFailed')).code).toBe('bad-chunk')
    run.links.arrive('ann', chunk(0, content))
    await run.stop()
    expect(run.said.filter(body => 'code' in body)).toHaveLength(1)
    expect(inbox.files()).toEqual([])
  })

  it('keeps nothing when the digest is another', async () => {
    const run = await opened({ digest: sha256(Buffer.from('something else')) })
    run.links.arrive('ann', chunk(0, content))
    expect((await run.heard('FileFailed')).code).toBe('bad-digest')
    await run.stop()
    expect(inbox.files()).toEqual([])
  })

  it('keeps nothing when the digest has another length', async () => {
    const run = await opened({ digest: new Uint8Array(3) })
    run.links.arrive('ann', chunk(0, content))
    expect((await run.heard('FileFailed')).code).not.toBe('')
    await run.stop()
    expect(inbox.files()).toEqual([])
  })

  it('ignores chunks of other peers and of other transfers', async () => {
    const run = await opened()
    run.links.arrive('eve', chunk(0, Buffer.alloc(10)))
    run.links.arrive('ann', chunk(0, Buffer.alloc(10), 't2'))
    run.links.arrive('ann', chunk(0, content))
    expect(readFileSync((await run.heard('FileStored')).path)).toEqual(content)
  })

  it('removes what has come so far, and its descriptor, when it is stopped', async () => {
    const run = await opened()
    run.links.arrive('ann', chunk(0, content.subarray(0, 20)))
    await run.stop()
    expect(inbox.files()).toEqual([])
    expect(run.links.handlers).toBe(0)
    expect(descriptorsBelow(inbox.path)).toEqual([])
  })

  it('leaves nothing when it is stopped while it opens', async () => {
    const run = start()
    run.tell(command())
    await run.stop()
    expect(inbox.files()).toEqual([])
    expect(descriptorsBelow(inbox.path)).toEqual([])
  })

  it('leaves either the whole file or nothing when it is stopped while it finishes', async () => {
    const run = await opened()
    run.links.arrive('ann', chunk(0, content))
    await run.stop()
    for (const name of inbox.files()) expect(readFileSync(join(inbox.path, name))).toEqual(content)
    expect(inbox.files().filter(name => name.endsWith('.part'))).toEqual([])
    expect(descriptorsBelow(inbox.path)).toEqual([])
  })

  it('says that the inbox cannot be used without telling the sender where it is', async () => {
    const file = join(inbox.path, 'a-file')
    writeFileSync(file, '')
    const run = start(join(file, 'inbox'))
    run.tell(command())
    const { code, reason } = await run.heard('FileFailed')
    expect(code).not.toBe('')
    expect(reason).not.toContain(inbox.path)
  })
})

needs('root', 'mount', 'umount')('on a disk that is full', () => {
  it('fails with disk-full and keeps nothing', async () => {
    const { spawnSync } = await import('node:child_process')
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'p2pnet-test', inbox.path]).status).toBe(0)
    try {
      const big = Buffer.alloc(256 * 1024, 1)
      const run = start()
      run.tell(command({ size: big.length, digest: sha256(big) }))
      await run.heard('StoreOpened')
      run.links.arrive('ann', chunk(0, big))
      expect((await run.heard('FileFailed')).code).toBe('disk-full')
      await run.stop()
      expect(inbox.files()).toEqual([])
    } finally {
      spawnSync('umount', [inbox.path])
    }
  })
})

/** Descriptors that this process has open below a folder; none where the system does not tell. */
function descriptorsBelow(folder: string): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  }).filter(target => target.startsWith(folder))
}

describe('an inbox', () => {
  // One peer's, whose transfers share the quota.
  let quota: InboxQuota
  beforeEach(() => { quota = new InboxQuota() })
  const withRoom = (id: string, maxInboxBytes: number): DriverRun => {
    const services = new Services()
    services.provide(InboxQuotas, quota)
    return start(inbox.path, id, { maxInboxBytes }, services)
  }

  it('takes no more than its quota: what lies there, what is on its way and what is offered', async () => {
    writeFileSync(join(inbox.path, 'old'), Buffer.alloc(1_000))
    const first = withRoom('ann-t1', 1_100)
    first.tell(command({ size: 60 }))
    await first.heard('StoreOpened')
    const second = withRoom('ann-t2', 1_100)
    second.tell(command({ transferId: 't2', size: 50 }))
    expect(await second.heard('FileFailed')).toMatchObject({ code: 'inbox-full', reason: expect.stringContaining('1100 bytes') })
    // Its room is free again once it has failed.
    await first.stop()
    const third = withRoom('ann-t3', 1_100)
    third.tell(command({ transferId: 't3', size: 50 }))
    await third.heard('StoreOpened')
    expect(inbox.files().filter(name => name.endsWith('.part'))).toHaveLength(1)
  })

  it('is asked by many at once, and promises no room twice', async () => {
    const runs = Array.from({ length: 20 }, (_, n) => withRoom(`ann-t${n}`, 100))
    runs.forEach((run, n) => run.tell(command({ transferId: `t${n}`, size: 30 })))
    const codes = await Promise.all(runs.map(run => Promise.race([run.heard('StoreOpened').then(() => 'opened'), run.heard('FileFailed').then(({ code }) => code)])))
    expect(codes.filter(code => code === 'opened')).toHaveLength(3)
    expect(codes.filter(code => code === 'inbox-full')).toHaveLength(17)
  })

  it('is cleared at the start of what a killed process left on its way, and of nothing else', async () => {
    const { pid } = (await import('node:child_process')).spawnSync(process.execPath, ['-e', '0'])
    const mine = partName('ann-t1')
    const kept = ['fox.txt', '.p2pnet-notes.part', mine, `.p2pnet-t-${process.ppid}-00000000-00000000.part`]
    for (const name of [...kept, `.p2pnet-ann-t1-${pid}-01234567-89abcdef.part`, `.p2pnet-x-${process.pid}-00000000-00000000.part`]) writeFileSync(join(inbox.path, name), 'x')
    const run = new DriverRun(inboxDriver, 'file-share/main', { inbox: inbox.path })
    await run.stop()
    expect(inbox.files().sort()).toEqual(kept.sort())
    await new DriverRun(inboxDriver, 'file-share/main', { inbox: join(inbox.path, 'none') }).stop()
  })
})
