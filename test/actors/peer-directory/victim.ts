// Writes to a peer directory until it is killed, or exits after so many milliseconds: says `open`, then the number of each
// batch once it is on the disk.
import { DirectoryStore } from '../../../actors/peer-directory/index.ts'
import { DirectoryAddress, DirectoryRecord, Endpoint } from '../../../proto/index.ts'
import { BATCH, peerOf, TAG } from './batches.ts'

const store = await DirectoryStore.open(process.argv[2]!, TAG)
process.stdout.write('open\n')
if (process.argv[4] !== undefined) {
  setTimeout(() => {
    // The main thread is busy until it exits, so that nothing calls it back.
    const end = performance.now() + 20
    while (performance.now() < end) continue
    process.exit(0)
  }, Number(process.argv[4]))
}
for (let batch = Number(process.argv[3]); ; batch++) {
  const records = Array.from({ length: BATCH }, (_, at) => new DirectoryRecord({
    peerId: peerOf(batch, at), verifiedAt: batch + 1, steps: ['pings'], name: `batch ${batch}`, record: new Uint8Array(200).fill(batch),
    addresses: [new DirectoryAddress({ endpoint: new Endpoint({ host: `10.0.${at}.1`, port: 4_000 }), via: 'link', workedAt: batch })]
  }))
  await store.write(records, [peerOf(batch - 1, BATCH - 1)])
  process.stdout.write(`${batch}\n`)
}
