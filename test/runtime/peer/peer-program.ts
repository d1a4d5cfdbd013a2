// A peer in a process of its own: prints what happens, says what it reads. Arguments: name, network, log file.
import { createInterface } from 'node:readline'
import { TextMessage } from '../../../proto/index.ts'
import { createPeer } from '../../../runtime/index.ts'

const [name, network, record] = process.argv.slice(2) as [string, string, string]
const peer = createPeer({ name, network, record, interfaces: ['loopback'] })
peer.peers.subscribe(peers => console.log(`peers: ${peers.map(({ name: other, level }) => `${other} ${level}`).join(', ')}`))
peer.messages(TextMessage).subscribe(({ body }) => console.log(`heard: ${body.text}`))
await peer.start()
for await (const text of createInterface({ input: process.stdin })) peer.broadcast(new TextMessage({ text }))
await peer.stop()
