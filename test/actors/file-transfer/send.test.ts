import { execFileSync } from 'node:child_process'
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sendDriver } from '../../../actors/file-transfer/send-driver.ts'
import { LinkFullError, NotAcceptedError, NotConnectedError } from '../../../actors/peer-connection/index.ts'
import { FileOffer, PrepareFile, PumpFile } from '../../../proto/index.ts'
import { needs } from '../../support/needs.ts'
import { DriverRun, scratch, sha256 } from './harness.ts'

const content = Buffer.alloc(700_000, 'abcdefghijklmnopqrstuvwxyz')
let folder: ReturnType<typeof scratch>
let path: string
let run: DriverRun

beforeEach(() => {
  folder = scratch()
  path = join(folder.path, 'a.bin')
  writeFileSync(path, content)
  run = new DriverRun(sendDriver, 'file-send/t1', { transferId: 't1', peerId: 'bob', path })
})
afterEach(async () => {
  await run.stop()
  folder.remove()
})

const pump = () => run.tell(new PumpFile({ peerId: 'bob', transferId: 't1' }))
const arrived = () => Buffer.concat(run.links.chunks.map(({ data }) => data))
const turn = () => new Promise(resolve => setImmediate(resolve))

async function prepared(): Promise<void> {
  run.tell(new PrepareFile({ path }))
  await run.heard('FilePrepared')
}

/** Waits until the pump stands still for the link. */
async function held(): Promise<void> {
  while (run.links.waiting === 0) await turn()
}

describe('sending a file', () => {
  it('says what the file is', async () => {
    run.tell(new PrepareFile({ path }))
    expect(await run.heard('FilePrepared')).toMatchObject({ name: 'a.bin', size: content.length, digest: sha256(content) })
  })

  it('pumps the whole file, in order', async () => {
    await prepared()
    pump()
    await run.heard('FilePumped')
    expect(arrived().equals(content)).toBe(true)
    expect(run.links.chunks.map(({ offset }) => offset)).toEqual([0, 262_144, 524_288])
  })

  it('sends an empty file', async () => {
    writeFileSync(path, '')
    await prepared()
    pump()
    await run.heard('FilePumped')
    expect(run.links.chunks).toEqual([])
  })

  it('waits while the link wants no more', async () => {
    await prepared()
    run.links.answers.push(false)
    pump()
    await held()
    expect(run.links.chunks).toHaveLength(1)
    run.links.drain()
    await run.heard('FilePumped')
    expect(arrived().equals(content)).toBe(true)
  })

  it('sends a chunk again that a full link did not take', async () => {
    await prepared()
    run.links.answers.push(true, new LinkFullError(1))
    pump()
    await held()
    expect(run.links.chunks).toHaveLength(1)
    run.links.drain()
    await run.heard('FilePumped')
    expect(arrived().equals(content)).toBe(true)
  })

  it('fails when the link ends while it waits', async () => {
    await prepared()
    run.links.answers.push(false)
    pump()
    await held()
    run.links.drain(new NotConnectedError('bob'))
    expect((await run.heard('FileFailed')).code).toBe('not-connected')
  })

  it.each([['not-accepted', new NotAcceptedError('no')], ['not-connected', new NotConnectedError('bob')]])('fails at once with %s when the link does not take the offer', async (code, error) => {
    await prepared()
    run.links.answers.push(error)
    run.tell(new FileOffer({ transferId: 't1' }))
    expect((await run.heard('FileFailed')).code).toBe(code)
  })

  it('fails when the file becomes shorter under way', async () => {
    await prepared()
    truncateSync(path, 300_000)
    pump()
    expect((await run.heard('FileFailed')).code).toBe('file-changed')
  })

  it('sends no more than was offered when the file grows', async () => {
    await prepared()
    writeFileSync(path, Buffer.concat([content, content]))
    pump()
    await run.heard('FilePumped')
    expect(arrived().equals(content)).toBe(true)
  })

  it.each([
    ['that is not there', () => join(folder.path, 'none')],
    ['that is a folder', () => folder.path],
    ['that leads nowhere', () => {
      symlinkSync('none', join(folder.path, 'link'))
      return join(folder.path, 'link')
    }]
  ])('fails with no-file for a path %s, and tells no other peer of it', async (_which, make) => {
    run.tell(new PrepareFile({ path: make() }))
    const { code, reason } = await run.heard('FileFailed')
    expect(code).toBe('no-file')
    expect(reason).not.toContain(folder.path)
  })

  it('sends nothing more once it is stopped', async () => {
    await prepared()
    run.links.answers.push(false)
    pump()
    await held()
    const stopped = run.stop()
    run.links.drain()
    await stopped
    await turn()
    expect(run.links.chunks).toHaveLength(1)
    expect(run.said.map(({ constructor }) => constructor.name)).toEqual(['FilePrepared'])
  })

  it('closes the file when it is stopped while it opens', async () => {
    run.tell(new PrepareFile({ path }))
    await run.stop()
    expect(run.said).toEqual([])
  })
})

needs('mkfifo')('sending what is no file', () => {
  it('refuses a named pipe rather than waiting for it', async () => {
    const pipe = join(folder.path, 'pipe')
    execFileSync('mkfifo', [pipe])
    run.tell(new PrepareFile({ path: pipe }))
    expect((await run.heard('FileFailed')).code).toBe('no-file')
  })
})
