// The other process of the link benchmark: it takes what the first one sends and says when it has it all.
import { createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { generateIdentity } from '../../actors/identity/index.ts'
import { handshake, secureInbound } from '../../actors/tls/index.ts'
import { listen } from '../actors/peer-connection/link-sides.ts'
import { benchSide, type Expect } from './link-parts.ts'

const say = (message: unknown): void => void process.send?.(message)

let left = { link: 0, tls: 0 }
let decode = false
let decoded = 0

function took(over: 'link' | 'tls', count: number): void {
  if (left[over] <= 0) return
  left[over] -= count
  if (left[over] <= 0) say('done')
}

const side = benchSide('b')
for (const type of ['TextMessage', 'FileChunk']) {
  side.links.subscribe(type, (_, message) => {
    if (decode) decoded += Object.keys(message.body).length
    took('link', 1)
  })
}

const identity = generateIdentity()
const server = createServer(socket => {
  const tls = secureInbound(socket.setNoDelay(true), identity)
  handshake(tls, { timeoutMs: 5000 }).then(() => serve(tls), () => {})
}).listen(0, '127.0.0.1')

// A message of 8 bytes is a ping; everything else is counted.
function serve(socket: TLSSocket): void {
  socket.on('data', chunk => {
    if (chunk.length === 8) socket.write(chunk)
    else took('tls', chunk.length)
  })
}

process.on('message', (expect: Expect) => {
  decode = expect.decode === true
  left = { ...left, [expect.over]: expect.count }
  say('ready')
})
process.on('disconnect', () => process.exit(0))

const link = await listen(side)
await new Promise(resolve => (server.listening ? resolve(0) : server.once('listening', resolve)))
say({ peerId: side.peerId, link: link.port, tls: (server.address() as { port: number }).port })
