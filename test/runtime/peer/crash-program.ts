// A peer that ends by an exception right after it was told something. Argument: log file.
import { TextMessage } from '../../../proto/index.ts'
import { createPeer } from '../../../runtime/index.ts'

const peer = createPeer({ interfaces: ['loopback'], lan: false, record: { file: process.argv[2]!, keep: '10m' } })
await peer.start()
setTimeout(() => {
  const { seq } = peer.publish(new TextMessage({ text: 'the last word' }))
  console.log(`last ${seq}`)
  throw new Error('nobody caught this')
}, 300)
