// A chat: what you type goes to everybody on the local network who runs it too.
// Run it in two terminals: npm run build && npm run ts examples/chat.ts -- --name ann
// On this machine alone: add --interface loopback
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createPeer, TextMessage } from 'p2pnet'

const { values } = parseArgs({
  options: { name: { type: 'string' }, network: { type: 'string', default: 'chat' }, interface: { type: 'string', multiple: true } }
})
const peer = createPeer({
  network: values.network,
  ...(values.name && { name: values.name }),
  ...(values.interface && { interfaces: values.interface })
})

const nameOf = (peerId: string) => peer.peers.value.find(other => other.peerId === peerId)?.name ?? peerId.slice(0, 8)
let here = new Set<string>()

peer.peers.subscribe(peers => {
  const now = new Set(peers.filter(({ level }) => level === 'enhanced').map(({ peerId, name }) => `${name} (${peerId.slice(0, 8)})`))
  for (const name of now) if (!here.has(name)) console.log(`* ${name} is here`)
  for (const name of here) if (!now.has(name)) console.log(`* ${name} has left`)
  here = now
})
peer.messages(TextMessage).subscribe(({ peerId, body }) => console.log(`${nameOf(peerId)}: ${body.text}`))

await peer.start()
console.log(`* you are ${peer.name}, on network ${peer.network}`)

const lines = createInterface({ input: process.stdin })
process.once('SIGINT', () => lines.close())
for await (const text of lines) if (text !== '') peer.broadcast(new TextMessage({ text }))
await peer.stop()
