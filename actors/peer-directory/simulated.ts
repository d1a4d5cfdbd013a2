import { DirectoryPage, DirectoryRecord, RecordsStored, StoreRecords } from '../../proto/index.ts'
import type { DriverFactory } from '../seam/index.ts'
import { SimulatedHost } from '../simulated/host.ts'
import { PAGE_RECORDS } from './store-driver.ts'

const FOLDER = 'directory/'
/** A write takes so long to be on the disk, in milliseconds; what a crash of the machine finds on its way may be lost. */
const SYNC_MS = 5

/** Stands for the driver `store` in a simulation; the machine's disk is in memory. */
export const simulatedStoreDriver: DriverFactory = ({ publish, services }) => {
  const host = services.get(SimulatedHost)
  const { disk } = host
  const cancels = new Set<() => void>()
  const later = (ms: number, run: () => void): void => {
    const cancel = host.after(ms, () => {
      cancels.delete(cancel)
      run()
    })
    cancels.add(cancel)
  }

  function read(): void {
    const records = disk.list().filter(path => path.startsWith(FOLDER)).map(path => DirectoryRecord.decode(disk.read(path)!))
    const wallTime = host.wallTime()
    for (let at = 0; at === 0 || at < records.length; at += PAGE_RECORDS) {
      publish(new DirectoryPage({ wallTime, records: records.slice(at, at + PAGE_RECORDS), durable: true, last: at + PAGE_RECORDS >= records.length }))
    }
  }

  function write({ batch, records, removed }: StoreRecords): void {
    const paths = [...records.map(({ peerId }) => peerId ?? ''), ...removed].map(peerId => FOLDER + peerId)
    for (const record of records) disk.write(FOLDER + record.peerId, DirectoryRecord.encode(record).finish())
    for (const peerId of removed) disk.remove(FOLDER + peerId)
    later(SYNC_MS, () => {
      for (const path of paths) disk.sync(path)
      publish(new RecordsStored({ batch }))
    })
  }

  return {
    receive({ type, body }) {
      if (type === 'OpenDirectory') later(0, read)
      else if (body instanceof StoreRecords) write(body)
    },
    stop() {
      for (const cancel of cancels) cancel()
    }
  }
}
