import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { filter, firstValueFrom, take, timeout, toArray } from 'rxjs'
import { fileTransfer, type FileTransferOptions } from '../../../actors/file-transfer/index.ts'
import { ShareFile, TransferDone, TransferFailed, TransferProgress, type Message, type MessageClass } from '../../../proto/index.ts'
import { createPeer } from '../../../runtime/peer/create-peer.ts'
import type { Peer } from '../../../runtime/peer/peer.ts'
import { HANGS_MS } from '../../support/lines.ts'
import { scratch } from './harness.ts'

let folder: ReturnType<typeof scratch>
let peers: Peer[]
let network: string

beforeEach(() => {
  folder = scratch()
  peers = []
  network = `files-${randomBytes(6).toString('hex')}`
})
afterEach(async () => {
  await Promise.all(peers.map(peer => peer.stop()))
  folder.remove()
})

function make(name: string, files: FileTransferOptions = { inbox: join(folder.path, name) }): Peer {
  // One of two dials, and the other waits for it: no second link comes and goes.
  const peer = createPeer({ name, network, interfaces: ['loopback'], tune: { 'link-keeper': { dialPatienceMs: 60_000 } }, actors: [fileTransfer(files)] })
  peers.push(peer)
  return peer
}

/** Starts peers and waits until each has verified each. */
async function mesh(...all: Peer[]): Promise<void> {
  await Promise.all(all.map(peer => peer.start()))
  await Promise.all(all.map(({ peers }) => firstValueFrom(peers.pipe(
    filter(others => others.filter(({ level }) => level === 'enhanced').length === all.length - 1), timeout(HANGS_MS)))))
}

const next = <T extends Message>(peer: Peer, type: MessageClass<T>, count = 1): Promise<T[]> =>
  firstValueFrom(peer.bus.of(type).pipe(take(count), toArray(), timeout(HANGS_MS))).then(envelopes => envelopes.map(({ body }) => body as T))

const share = (from: Peer, path: string, ...to: Peer[]) =>
  from.publish(new ShareFile({ path, peerIds: to.map(({ peerId }) => peerId) }), { to: 'file-share/main' })

function file(name: string, size: number): string {
  const path = join(folder.path, name)
  writeFileSync(path, '')
  truncateSync(path, size)
  return path
}

const inbox = (peer: Peer) => join(folder.path, peer.name)

describe('whole files between peers', () => {
  it('arrive at several peers at once, byte for byte', async () => {
    const [ann, bob, cyd] = [make('ann'), make('bob'), make('cyd')]
    await mesh(ann, bob, cyd)
    const content = randomBytes(2_345_678)
    writeFileSync(join(folder.path, 'gift'), content)
    const stored = Promise.all([next(bob, TransferDone), next(cyd, TransferDone)])
    share(ann, join(folder.path, 'gift'), bob, cyd)
    for (const [{ path }] of await stored as [[TransferDone], [TransferDone]]) expect(readFileSync(path).equals(content)).toBe(true)
  })

  it('cross on one link in both directions, many of one name, and none is lost or overwritten', async () => {
    const [ann, bob] = [make('ann'), make('bob')]
    await mesh(ann, bob)
    const contents = Array.from({ length: 12 }, (_, index) => Buffer.alloc(300_000 + index, index))
    const sent = contents.map((content, index) => {
      mkdirSync(join(folder.path, `from-${index}`))
      const path = join(folder.path, `from-${index}`, 'same.bin')
      writeFileSync(path, content)
      return path
    })
    const arrived = Promise.all([ann, bob].map(peer => firstValueFrom(peer.bus.of(TransferDone).pipe(
      filter(({ body }) => body.direction === 'in'), take(12), toArray(), timeout(HANGS_MS)))))
    for (const path of sent) {
      share(ann, path, bob)
      share(bob, path, ann)
    }
    for (const stored of await arrived) {
      const sizes = stored.map(({ body }) => {
        expect(readFileSync(body.path).equals(contents[body.size - 300_000]!)).toBe(true)
        return body.size
      })
      expect(sizes.sort()).toEqual(contents.map(({ length }) => length))
      expect(new Set(stored.map(({ body }) => body.path)).size).toBe(12)
    }
  })

  it.each(['sender', 'receiver'])('fail on both sides, and leave nothing, when the %s stops half way', async who => {
    const [ann, bob] = [make('ann'), make('bob')]
    await mesh(ann, bob)
    const failures = Promise.all([next(ann, TransferFailed), next(bob, TransferFailed)])
    const halfWay = next(bob, TransferProgress)
    share(ann, file('huge', 300_000_000), bob)
    await halfWay
    const stopping = (who === 'sender' ? ann : bob).stop()
    for (const [{ code, name }] of await failures as [[TransferFailed], [TransferFailed]]) {
      expect(['stopped', 'disconnected']).toContain(code)
      expect(name).toBe('huge')
    }
    await stopping
    await bob.stop()
    expect(filesIn(inbox(bob))).toEqual([])
  })

  it('fail when the link is dropped half way', async () => {
    const [ann, bob] = [make('ann'), make('bob')]
    await mesh(ann, bob)
    const failed = next(ann, TransferFailed)
    const halfWay = next(bob, TransferProgress)
    share(ann, file('huge', 300_000_000), bob)
    await halfWay
    ann.drop('bob')
    expect((await failed)[0]!.code).toMatch(/^(disconnected|not-connected)$/)
  })

  it('are refused at once where the receiver does not speak file transfer', async () => {
    const ann = make('ann')
    const plain = createPeer({ name: 'plain', network, interfaces: ['loopback'] })
    peers.push(plain)
    await mesh(ann, plain)
    const failed = next(ann, TransferFailed)
    share(ann, file('a', 10), plain)
    expect((await failed)[0]!.code).toBe('not-accepted')
  })

  it('are refused at once where there is no link', async () => {
    const [ann, bob] = [make('ann'), make('bob')]
    await mesh(ann, bob)
    const failed = next(ann, TransferFailed)
    ann.publish(new ShareFile({ path: file('a', 10), peerIds: ['z'.repeat(52)] }), { to: 'file-share/main' })
    expect((await failed)[0]!.code).toBe('not-connected')
  })

  it('are refused where they are too large, or where there is no inbox', async () => {
    const [ann, bob, cyd] = [make('ann'), make('bob', { inbox: join(folder.path, 'bob'), maxFileBytes: 100 }), make('cyd', {})]
    await mesh(ann, bob, cyd)
    const failed = next(ann, TransferFailed, 2)
    share(ann, file('big', 101), bob, cyd)
    expect((await failed).map(({ code }) => code).sort()).toEqual(['no-inbox', 'too-large'])
  })

  it('leave no actor behind', async () => {
    const [ann, bob] = [make('ann'), make('bob')]
    await mesh(ann, bob)
    const before = [ann.status().actors, bob.status().actors]
    const done = Promise.all([next(ann, TransferDone), next(bob, TransferDone)])
    share(ann, file('a', 1_000_000), bob)
    await done
    await new Promise(resolve => setImmediate(resolve))
    expect([ann.status().actors, bob.status().actors]).toEqual(before)
  })
})

function filesIn(path: string): string[] {
  mkdirSync(path, { recursive: true })
  return readdirSync(path)
}
