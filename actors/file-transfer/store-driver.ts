import { createHash, timingSafeEqual, type Hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { safeName } from '../../machines/file-name.ts'
import { FileProgress, FileStored, StoreOpened, type FileChunk, type StoreFile } from '../../proto/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import { makeFolder } from '../shared/make-folder.ts'
import { ChunkRoutes } from './chunk-routes.ts'
import { failure, TransferError } from './failure.ts'
import { InboxQuotas } from './inbox-quota.ts'
import { createPart, land, type Part } from './inbox.ts'
import { PROGRESS_MS, type FileReceiveDriverOptions } from './options.ts'

/**
 * Stores the chunks of one transfer. They are written synchronously: the disk then holds the link
 * back, and memory stays bounded.
 */
export const storeDriver: DriverFactory<FileReceiveDriverOptions> = ({ actor, options, publish, services, signal }) => {
  const routes = services.get(ChunkRoutes)
  let expected: StoreFile | undefined
  let part: Part | undefined
  let hash: Hash
  let bytes = 0
  let reportedAt = 0
  let over = false
  let giveBack = (): void => {}
  /** Settles when what is under way with the disk is through. */
  let busy: Promise<void> | undefined

  async function begin(command: StoreFile) {
    expected = command
    makeFolder(options.inbox)
    giveBack = await services.get(InboxQuotas).take(options.inbox, command.size, options.maxInboxBytes)
    if (signal.aborted) return giveBack()
    const made = await createPart(options.inbox, actor.slice(actor.indexOf('/') + 1))
    if (signal.aborted) return discard(made)
    part = made
    hash = createHash('sha256')
    reportedAt = performance.now()
    routes.open(command.peerId, command.transferId, chunk => {
      try {
        take(chunk)
      } catch (error) {
        fail(error)
      }
    })
    publish(new StoreOpened())
    if (command.size === 0) await finish()
  }

  function take(chunk: FileChunk) {
    if (over || !part || !expected) return
    if (chunk.offset !== bytes) throw new TransferError('bad-chunk', `a chunk at ${chunk.offset} came where ${bytes} was due`)
    // Nothing is no progress: it could hold a transfer open for ever.
    if (chunk.data.length === 0) throw new TransferError('bad-chunk', 'a chunk came without bytes')
    if (bytes + chunk.data.length > expected.size) throw new TransferError('bad-chunk', 'more bytes came than were offered')
    for (let written = 0; written < chunk.data.length;) {
      written += writeSync(part.file.fd, chunk.data, written, chunk.data.length - written, bytes + written)
    }
    hash.update(chunk.data)
    bytes += chunk.data.length
    if (bytes === expected.size) busy = finish().catch(fail)
    else if (performance.now() - reportedAt >= PROGRESS_MS) {
      reportedAt = performance.now()
      publish(new FileProgress({ bytes }))
    }
  }

  async function finish() {
    over = true
    if (!timingSafeEqual(hash.digest(), expected!.digest)) {
      throw new TransferError('bad-digest', 'what arrived is not what was offered: the digests differ')
    }
    publish(new FileProgress({ bytes }))
    const path = await land(part!, options.inbox, safeName(expected!.name))
    await part!.file.close()
    part = undefined
    giveBack()
    publish(new FileStored({ path }))
  }

  function fail(error: unknown) {
    over = true
    publish(failure(error))
  }

  async function discard({ file, path }: Part) {
    await file.close().catch(() => undefined)
    await unlink(path).catch(() => undefined)
  }

  return {
    receive({ type, body }) {
      if (type === 'StoreFile') busy = begin(body as StoreFile).catch(fail)
    },
    async stop() {
      if (expected) routes.close(expected.peerId, expected.transferId)
      await busy
      if (part) await discard(part)
      giveBack()
    }
  }
}
