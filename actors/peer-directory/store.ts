import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { DirectoryHead, DirectoryRecord } from '../../proto/index.ts'
import { makeFolder } from '../shared/make-folder.ts'
import { DirectoryInUseError, DirectoryStoreError, DirectoryTakenError, DirectoryVersionError } from './errors.ts'
import { begin, end } from './store-probe.ts'

/** Of the records and their keys; raised with every change that an older version could not read. */
export const DIRECTORY_SCHEMA = 1

/** Takes a store from one schema to the next; runs within the transaction that opens it, all or none. */
export type Migration = (store: { entries(): Iterable<readonly [key: string, value: Uint8Array]>; put(key: string, value: Uint8Array): void; remove(key: string): void }) => void

/** From each schema, by its number, to the one after. */
const MIGRATIONS: Readonly<Record<number, Migration>> = {}

const HEAD = 'head'
const open = new Set<string>()

export interface StoreOptions {
  /** Reads what another process may be writing. @default false */
  readonly readOnly?: boolean
  /** For tests. @default the library's own */
  readonly schema?: number
  readonly migrations?: Readonly<Record<number, Migration>>
}

/** Where a data folder keeps its peer directory. */
export const directoryFolder = (dir: string): string => join(dir, 'directory')

/** Whether a data folder has a peer directory. */
export const hasDirectory = (dir: string): boolean => existsSync(join(directoryFolder(dir), 'data.mdb'))

/**
 * The peer directory of a data folder on disk: an LMDB environment (copy on write: a process killed at any point leaves the
 * last whole transaction). Records lie under `peer/NETWORK TAG/PEERID`. The writer of `head` is its version too, which LMDB
 * compares within the write: who was replaced finds another one there.
 */
export class DirectoryStore {
  readonly #db: RootDatabase<Uint8Array, string>
  readonly #folder: string
  readonly #prefix: string
  readonly #writer: number

  private constructor(db: RootDatabase<Uint8Array, string>, folder: string, prefix: string, writer: number) {
    this.#db = db
    this.#folder = folder
    this.#prefix = prefix
    this.#writer = writer
  }

  /**
   * Opens the store of a data folder; made where there is none, unless it is only read.
   * @param network tag of the network whose peers are meant
   * @throws DirectoryInUseError, DirectoryVersionError
   * @throws DirectoryStoreError `store-damaged` when it is no store, `store-failed` when the system does not let us
   */
  static async open(dir: string, network: Uint8Array, options: StoreOptions = {}): Promise<DirectoryStore> {
    const { readOnly = false, schema = DIRECTORY_SCHEMA, migrations = MIGRATIONS } = options
    const folder = directoryFolder(dir)
    if (!readOnly && open.has(folder)) throw new DirectoryInUseError(folder, process.pid)
    if (!readOnly) open.add(folder)
    let db: RootDatabase<Uint8Array, string> | undefined
    try {
      // Loaded when it is needed: it takes a tenth of a second.
      const lmdb = await import('lmdb')
      if (!readOnly) makeFolder(folder)
      checkFile(folder)
      const damage = readOnly ? undefined : await begin(folder)
      if (damage !== undefined) throw new Error(`it is damaged: ${damage}`)
      // Each transaction is on the disk before its promise resolves, not only before the next one.
      db = lmdb.open<Uint8Array, string>({ path: folder, noSubdir: false, encoding: 'binary', useVersions: true, overlappingSync: false, maxReaders: 126, readOnly })
      const writer = readOnly ? 0 : randomBytes(6).readUIntBE(0, 6) || 1
      if (readOnly) checkSchema(folder, headOf(db), schema)
      else take(db, folder, writer, schema, migrations)
      return new DirectoryStore(db, folder, `peer/${Buffer.from(network).toString('hex')}/`, writer)
    } catch (error) {
      await db?.close()
      if (!readOnly) {
        open.delete(folder)
        end(folder)
      }
      throw storeError(folder, error)
    }
  }

  /** Every record of the network. */
  * records(): Generator<DirectoryRecord> {
    for (const { value } of this.#db.getRange({ start: this.#prefix, end: `${this.#prefix}~` })) {
      try {
        yield DirectoryRecord.decode(value)
      } catch {
        // One record that cannot be read takes no others with it.
      }
    }
  }

  /**
   * Writes and removes records, all or none; on the disk once it resolves.
   * @throws DirectoryTakenError when another process has opened the store since
   * @throws DirectoryStoreError `store-failed`, for example on a full disk
   */
  async write(records: readonly DirectoryRecord[], removed: readonly string[]): Promise<void> {
    const db = this.#db
    try {
      // LMDB's thread does it all. A transaction that calls back would leave a process that exits meanwhile waiting for itself.
      const still = await db.ifVersion(HEAD, this.#writer, () => {
        for (const record of records) void db.put(this.#prefix + record.peerId, DirectoryRecord.encode(record).finish(), 0)
        for (const peerId of removed) void db.remove(this.#prefix + peerId)
      })
      if (!still) throw new DirectoryTakenError(this.#folder, headOf(db).pid)
      await db.flushed
    } catch (error) {
      throw storeError(this.#folder, error)
    }
  }

  async close(): Promise<void> {
    if (this.#writer > 0) open.delete(this.#folder)
    await this.#db.close()
    if (this.#writer > 0) end(this.#folder)
  }
}

/** LMDB ends the process when it is given another file (3.5). Its magic number stands in the first page, after that page's head. */
function checkFile(folder: string): void {
  const path = join(folder, 'data.mdb')
  if (!existsSync(path)) return
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(28)
    const length = readSync(file, start, 0, start.length, 0)
    if (length > 0 && (length < start.length || start.readUInt32LE(24) !== 0xbeefc0de)) throw new Error('it is not an LMDB file')
  } finally {
    closeSync(file)
  }
}

function headOf(db: RootDatabase<Uint8Array, string>): DirectoryHead {
  const bytes = db.get(HEAD)
  return bytes === undefined ? new DirectoryHead() : DirectoryHead.decode(bytes)
}

/** Six bytes: LMDB's versions are numbers that JavaScript holds exactly. */
function bytesOf(writer: number): Uint8Array {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(writer, 0, 6)
  return bytes
}

function checkSchema(folder: string, { schema: found }: DirectoryHead, schema: number): void {
  if (found > schema) throw new DirectoryVersionError(folder, found, schema)
}

/** Becomes the one writer, and brings an older store up to date; LMDB lets one process at a time do so. */
function take(db: RootDatabase<Uint8Array, string>, folder: string, writer: number, schema: number, migrations: Readonly<Record<number, Migration>>): void {
  // Reading outside of a write is what enters this process in LMDB's table of readers, where others see that it lives.
  checkSchema(folder, headOf(db), schema)
  db.transactionSync(() => {
    const head = headOf(db)
    checkSchema(folder, head, schema)
    // LMDB holds a lock for every process that has the store open, which the system takes away with the process.
    db.readerCheck()
    if (head.pid !== process.pid && new RegExp(`^\\s*${head.pid}\\s`, 'm').test(db.readerList())) throw new DirectoryInUseError(folder, head.pid)
    const own = db.getRange({ start: 'peer/', end: 'peer0' })
    if (head.schema > 0) {
      for (let from = head.schema; from < schema; from++) {
        migrations[from]?.({
          entries: () => [...own].map(({ key, value }) => [key, value] as const),
          put: (key, value) => void db.put(key, value, 0),
          remove: key => void db.remove(key)
        })
      }
    }
    void db.put(HEAD, DirectoryHead.encode(new DirectoryHead({ schema, writer: bytesOf(writer), pid: process.pid })).finish(), writer)
  })
}

function storeError(folder: string, error: unknown): DirectoryStoreError {
  if (error instanceof DirectoryStoreError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const damaged = /MDB_(INVALID|CORRUPTED|VERSION_MISMATCH|PAGE_NOTFOUND)|not an LMDB file|it is damaged|index out of range|invalid wire type/i.test(reason)
  return damaged
    ? new DirectoryStoreError('store-damaged', `the peer directory in ${folder} cannot be read (${reason}): move that folder away to begin a new one`, { cause: error })
    : new DirectoryStoreError('store-failed', `the peer directory in ${folder} cannot be used (${reason}): check that the disk has room and that the folder is yours`, { cause: error })
}
