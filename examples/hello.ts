// Two peers in one process find each other over the loopback interface, and one greets the other.
// Run: npm run build && npm run ts examples/hello.ts
import { createPeer, TextMessage } from 'p2pnet'
import { filter, firstValueFrom } from 'rxjs'

const network = process.argv[2] ?? 'hello'
const ann = createPeer({ name: 'ann', network, interfaces: ['loopback'] })
const bob = createPeer({ name: 'bob', network, interfaces: ['loopback'] })

const greeting = firstValueFrom(bob.messages(TextMessage))
await Promise.all([ann.start(), bob.start()])

// Links are encrypted from the first byte; `enhanced` means that both sides have verified each other.
const [peer] = await firstValueFrom(ann.peers.pipe(filter(peers => peers[0]?.level === 'enhanced')))
console.log(`ann is linked to ${peer!.name} at ${peer!.address}`)

ann.send('bob', new TextMessage({ text: 'hello, bob' }))
const { body } = await greeting
console.log(`bob hears: ${body.text}`)

await Promise.all([ann.stop(), bob.stop()])
