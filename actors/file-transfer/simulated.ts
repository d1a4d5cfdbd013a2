import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { FileSendOptions } from '../../machines/file-send.ts'
import { safeName } from '../../machines/file-name.ts'
import {
  FileChunk, FilePrepared, FileProgress, FilePumped, FileStored, StoreOpened, type FileOffer, type Message, type PrepareFile, type PumpFile, type StoreFile
} from '../../proto/index.ts'
import { LinkFullError } from '../peer-connection/link-errors.ts'
import { Links } from '../peer-connection/links.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import { SimulatedHost } from '../simulated/host.ts'
import { ChunkRoutes } from './chunk-routes.ts'
import { failure, TransferError } from './failure.ts'
import type { FileReceiveDriverOptions } from './options.ts'

const CHUNK_BYTES = 256 * 1024
const PROGRESS_MS = 250
/** How often a link that is full is asked again, in milliseconds. */
const ROOM_MS = 10
/** Of a simulated disk, in bytes a millisecond. */
const DISK_RATE = 500_000

/** Runs work now or later, and tells the machine where it throws. */
class Work {
  readonly #context: DriverContext<unknown>
  readonly host: SimulatedHost
  readonly #timers = new Set<() => void>()

  constructor(context: DriverContext<unknown>) {
    this.#context = context
    this.host = context.services.get(SimulatedHost)
  }

  run(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#context.publish(failure(error))
    }
  }

  later(ms: number, work: () => void): void {
    const cancel = this.host.after(ms, () => {
      this.#timers.delete(cancel)
      this.run(work)
    })
    this.#timers.add(cancel)
  }

  stop(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }
}

class SimulatedSend implements Driver {
  readonly #context: DriverContext<FileSendOptions>
  readonly #work: Work
  #bytes: Uint8Array = new Uint8Array()
  #toldAt = 0

  constructor(context: DriverContext<FileSendOptions>) {
    this.#context = context
    this.#work = new Work(context)
  }

  receive({ type, body }: { readonly type: string; readonly body: Message }): void {
    if (type === 'PrepareFile') this.#work.later(0, () => this.#prepare(body as PrepareFile))
    else if (type === 'FileOffer') this.#work.run(() => this.#links.send(this.#context.options.peerId, body as FileOffer))
    else if (type === 'PumpFile') this.#work.later(0, () => this.#pump(body as PumpFile, 0))
  }

  stop(): void {
    this.#work.stop()
  }

  get #links(): Links {
    return this.#context.services.get(Links)
  }

  #prepare({ path }: PrepareFile): void {
    const bytes = this.#work.host.disk.read(path)
    if (bytes === undefined) throw new TransferError('no-file', 'there is no such file')
    this.#bytes = bytes
    this.#context.publish(new FilePrepared({ name: posix.basename(path), size: bytes.length, digest: createHash('sha256').update(bytes).digest() }))
  }

  #pump(to: PumpFile, from: number): void {
    const { publish } = this.#context
    let offset = from
    while (offset < this.#bytes.length) {
      const data = this.#bytes.subarray(offset, offset + CHUNK_BYTES)
      let welcome: boolean
      try {
        welcome = this.#links.send(to.peerId, new FileChunk({ transferId: to.transferId, offset, data }))
        offset += data.length
      } catch (error) {
        if (!(error instanceof LinkFullError)) throw error
        welcome = false
      }
      if (this.#work.host.now() - this.#toldAt >= PROGRESS_MS) {
        this.#toldAt = this.#work.host.now()
        publish(new FileProgress({ bytes: offset }))
      }
      if (!welcome) return this.#work.later(ROOM_MS, () => this.#pump(to, offset))
    }
    publish(new FileProgress({ bytes: offset }))
    publish(new FilePumped())
  }
}

class SimulatedStore implements Driver {
  readonly #context: DriverContext<FileReceiveDriverOptions>
  readonly #work: Work
  #expected: StoreFile | undefined
  #part = ''
  #pieces: Uint8Array[] = []
  #bytes = 0
  #over = false
  #toldAt = 0

  constructor(context: DriverContext<FileReceiveDriverOptions>) {
    this.#context = context
    this.#work = new Work(context)
  }

  receive({ type, body }: { readonly type: string; readonly body: Message }): void {
    if (type === 'StoreFile') this.#work.later(0, () => this.#begin(body as StoreFile))
  }

  stop(): void {
    const { services } = this.#context
    if (this.#expected !== undefined) services.get(ChunkRoutes).close(this.#expected.peerId, this.#expected.transferId)
    if (this.#part !== '') this.#work.host.disk.remove(this.#part)
    this.#work.stop()
  }

  #begin(command: StoreFile): void {
    const { services, options, actor, publish } = this.#context
    this.#expected = command
    const { disk } = this.#work.host
    const landed = disk.list().filter(path => posix.dirname(path) === options.inbox && !path.endsWith('.part'))
    const bytes = landed.reduce((sum, path) => sum + (disk.read(path)?.length ?? 0), command.size)
    if (bytes > options.maxInboxBytes) throw new TransferError('inbox-full', `the receiver's inbox holds up to ${options.maxInboxBytes} bytes in all`)
    this.#part = `${options.inbox}/.p2pnet-${actor.slice(actor.indexOf('/') + 1)}.part`
    disk.write(this.#part, new Uint8Array())
    services.get(ChunkRoutes).open(command.peerId, command.transferId, chunk => this.#work.run(() => this.#take(chunk)))
    publish(new StoreOpened())
    if (command.size === 0) this.#finish()
  }

  #take({ offset, data }: FileChunk): void {
    if (this.#over || this.#expected === undefined) return
    try {
      if (offset !== this.#bytes) throw new TransferError('bad-chunk', `a chunk at ${offset} came where ${this.#bytes} was due`)
      if (this.#bytes + data.length > this.#expected.size) throw new TransferError('bad-chunk', 'more bytes came than were offered')
    } catch (error) {
      this.#over = true
      throw error
    }
    this.#pieces.push(Uint8Array.from(data))
    this.#bytes += data.length
    if (this.#bytes === this.#expected.size) return this.#work.later(this.#bytes / DISK_RATE, () => this.#finish())
    if (this.#work.host.now() - this.#toldAt < PROGRESS_MS) return
    this.#toldAt = this.#work.host.now()
    this.#context.publish(new FileProgress({ bytes: this.#bytes }))
  }

  #finish(): void {
    const { disk } = this.#work.host
    const { digest, name } = this.#expected!
    this.#over = true
    const bytes = Buffer.concat(this.#pieces)
    if (!createHash('sha256').update(bytes).digest().equals(digest)) {
      throw new TransferError('bad-digest', 'what arrived is not what was offered: the digests differ')
    }
    this.#context.publish(new FileProgress({ bytes: this.#bytes }))
    const path = free(`${this.#context.options.inbox}/${safeName(name)}`, each => disk.read(each) === undefined)
    disk.write(path, bytes)
    disk.sync(path)
    disk.remove(this.#part)
    this.#part = ''
    this.#context.publish(new FileStored({ path }))
  }
}

function free(path: string, isFree: (path: string) => boolean): string {
  const { dir, name, ext } = posix.parse(path)
  for (let copy = 0; ; copy++) {
    const tried = copy === 0 ? path : `${dir}/${name} (${copy})${ext}`
    if (isFree(tried)) return tried
  }
}

/** Stands for the driver `file` of a sending transfer in a simulation; the machine's disk is in memory. */
export const simulatedSendDriver: DriverFactory<FileSendOptions> = context => new SimulatedSend(context)

/** Stands for the driver `file` of a receiving transfer in a simulation. */
export const simulatedStoreDriver: DriverFactory<FileReceiveDriverOptions> = context => new SimulatedStore(context)
