import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { FileChunk, FilePrepared, FileProgress, FilePumped, type FileOffer, type PrepareFile, type PumpFile } from '../../proto/index.ts'
import type { FileSendOptions } from '../../machines/file-send.ts'
import { LinkFullError } from '../peer-connection/link-errors.ts'
import { Links } from '../peer-connection/links.ts'
import type { DriverFactory } from '../seam/index.ts'
import { failure, TransferError } from './failure.ts'
import { PROGRESS_MS } from './options.ts'

/** Bytes in a chunk: large enough that its frame costs nothing, small enough that other messages get between. */
const CHUNK_BYTES = 256 * 1024

/** Reads one file and pumps it into a link, at the pace at which the link drains. */
export const sendDriver: DriverFactory<FileSendOptions> = ({ options, publish, services, signal }) => {
  let file: FileHandle | undefined
  let size = 0
  let preparing: Promise<void> | undefined

  async function prepare({ path }: PrepareFile) {
    // Not blocking, so that a named pipe is refused rather than waited for.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stat = await file.stat()
    if (!stat.isFile()) throw new TransferError('no-file', 'only regular files can be sent')
    size = stat.size
    const hash = createHash('sha256')
    for await (const piece of read(file, size)) hash.update(piece.data)
    publish(new FilePrepared({ name: basename(path), size, digest: hash.digest() }))
  }

  function offer(body: FileOffer) {
    try {
      services.get(Links).send(options.peerId, body)
    } catch (error) {
      fail(error)
    }
  }

  async function pump({ peerId, transferId }: PumpFile) {
    const links = services.get(Links)
    let reportedAt = performance.now()
    for await (const { offset, data } of read(file!, size)) {
      await push(links, peerId, new FileChunk({ transferId, offset, data }))
      if (performance.now() - reportedAt < PROGRESS_MS) continue
      reportedAt = performance.now()
      publish(new FileProgress({ bytes: offset + data.length }))
    }
    publish(new FileProgress({ bytes: size }))
    publish(new FilePumped())
  }

  /** Hands a chunk to the link, and waits for as long as the link wants to. */
  async function push(links: Links, peerId: string, chunk: FileChunk) {
    for (let taken = false; !taken && !signal.aborted;) {
      try {
        taken = true
        if (links.send(peerId, chunk)) return
      } catch (error) {
        // Others have filled it.
        if (!(error instanceof LinkFullError)) throw error
        taken = false
      }
      await links.drained(peerId)
    }
  }

  async function* read(from: FileHandle, length: number) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let offset = 0; offset < length && !signal.aborted;) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(CHUNK_BYTES, length - offset), offset)
      if (bytesRead === 0) throw new TransferError('file-changed', 'the file became shorter while it was sent')
      yield { offset, data: buffer.subarray(0, bytesRead) }
      offset += bytesRead
    }
  }

  const fail = (error: unknown) => publish(failure(error))
  return {
    receive({ type, body }) {
      if (type === 'PrepareFile') preparing = prepare(body as PrepareFile).catch(fail)
      else if (type === 'FileOffer') offer(body as FileOffer)
      else if (type === 'PumpFile') pump(body as PumpFile).catch(fail)
    },
    async stop() {
      // An open() that is under way still brings a file to close.
      await preparing
      await file?.close()
    }
  }
}
