import { DirectoryFailed, DirectoryPage, RecordsStored, type DirectoryRecord, type StoreRecords } from '../../proto/index.ts'
import { LocalPeer } from '../identity/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import type { DirectoryStoreError } from './errors.ts'
import type { PeerDirectoryDriverOptions } from './options.ts'
import { DirectoryStore } from './store.ts'

/** Records told at once. */
export const PAGE_RECORDS = 500

/** Keeps the directory in the data folder; without a folder, nowhere. */
export const storeDriver: DriverFactory<PeerDirectoryDriverOptions> = ({ options: { dir }, publish, services, signal, log }) => {
  let store: DirectoryStore | undefined
  // One thing after the other: what is to be written while the store opens waits.
  let turn: Promise<void> = Promise.resolve()

  const fail = (error: unknown): void => {
    const { code, message } = error as DirectoryStoreError
    log.error({ err: error }, `known peers are not remembered: ${message}`)
    publish(new DirectoryFailed({ code, reason: message, wallTime: Date.now() }))
  }

  async function open(): Promise<void> {
    if (dir === '') return publish(new DirectoryPage({ wallTime: Date.now(), last: true }))
    store = await DirectoryStore.open(dir, services.get(LocalPeer).networkTag)
    if (signal.aborted) return
    for (const page of pagesOf(store.records())) publish(page)
  }

  async function write({ batch, records, removed }: StoreRecords): Promise<void> {
    if (store === undefined) return
    await store.write(records as DirectoryRecord[], removed)
    publish(new RecordsStored({ batch }))
  }

  return {
    receive({ type, body }) {
      const work = type === 'OpenDirectory' ? open : type === 'StoreRecords' ? () => write(body as StoreRecords) : undefined
      if (work !== undefined) turn = turn.then(work).catch(fail)
    },
    async stop() {
      await turn
      await store?.close()
    }
  }
}

/** Pages of the records; one that is empty where there are none. */
export function* pagesOf(records: Iterable<DirectoryRecord>): Generator<DirectoryPage> {
  let page: DirectoryRecord[] = []
  for (const record of records) {
    if (page.length === PAGE_RECORDS) {
      yield new DirectoryPage({ wallTime: Date.now(), records: page, durable: true })
      page = []
    }
    page.push(record)
  }
  yield new DirectoryPage({ wallTime: Date.now(), records: page, durable: true, last: true })
}
