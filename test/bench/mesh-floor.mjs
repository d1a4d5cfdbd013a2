// The floor under a full mesh: each process opens a mutual TLS 1.3 link to every later one and sends
// four small messages, each after the answer to the last. No discovery, no framing, no identity.
// argv: index, number of processes, listening port; stdin: `start ADDRESS,ADDRESS,…`; stdout: JSON lines.
import { createInterface } from 'node:readline'
import { connect, createServer } from 'node:tls'

const [index, count, port] = process.argv.slice(2, 5).map(Number)
const options = {
  key: process.env.FLOOR_KEY, cert: process.env.FLOOR_CERT,
  minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', rejectUnauthorized: false
}
const say = event => process.stdout.write(JSON.stringify({ ...event, time: Number(process.hrtime.bigint()) / 1e6 }) + '\n')
const roundTrips = 4
// Mutual TLS is mutual only if each side looks at the other's key.
const known = new Set(process.env.FLOOR_KEYS.split(','))
const pinned = socket => known.has(socket.getPeerX509Certificate()?.publicKey.export({ format: 'jwk' }).x) || socket.destroy()
let open = 0
const complete = () => ++open === count - 1 && say({ event: 'mesh' })

createServer({ ...options, requestCert: true }, socket => {
  let answered = 0
  pinned(socket)
  socket.setNoDelay(true).on('error', () => undefined).on('data', data => {
    socket.write(data)
    if (++answered === roundTrips) complete()
  })
}).listen(port, () => say({ event: 'ready' }))

createInterface({ input: process.stdin }).on('line', line => {
  if (!line.startsWith('start ')) return
  line.slice(6).split(',').forEach((host, other) => {
    if (other <= index) return
    let sent = 0
    const socket = connect({ ...options, host, port }, () => pinned(socket) && socket.write(`${++sent}`))
    socket.setNoDelay(true).on('error', error => say({ event: 'error', reason: error.message })).on('data', () => {
      if (sent < roundTrips) socket.write(`${++sent}`)
      else complete()
    })
  })
})
