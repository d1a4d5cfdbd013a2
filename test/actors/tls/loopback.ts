import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Both ends of a TCP connection over the loopback interface. */
export async function tcpPair(): Promise<[client: Socket, server: Socket]> {
  const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1' })
  const [server] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  for (const socket of [client, server]) socket.on('error', () => {})
  return [client, server]
}
