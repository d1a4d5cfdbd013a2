import { createSocket, type Socket } from 'node:dgram'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { GROUP_V4, GROUP_V6 } from '../../../actors/lan/wire.ts'
import type { LocalAddress } from '../../../actors/lan/local-networks.ts'
import { listenErrorOf } from '../../../actors/listener/listen-error.ts'
import { fine, wrong, type Check, type CheckCode } from './check.ts'

/** Whether links can be accepted there; nothing stays bound. */
export async function checkListen({ host, port }: { readonly host: string; readonly port: number }): Promise<Check> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, ...(host !== '' && { host }), exclusive: true }, resolve)
    })
    return fine('listen', `TCP ${host === '' ? 'at every address' : `at ${host}`}, ${port === 0 ? 'a free port' : `port ${port}`}`)
  } catch (error) {
    const { code, message } = listenErrorOf(error as NodeJS.ErrnoException, host || '::', port)
    return wrong('listen', 'fail', code as CheckCode, message)
  } finally {
    server.close()
  }
}

/** Whether announcements can be heard on each port, beside other peers of this machine. */
export async function checkPorts(ports: readonly number[]): Promise<Check> {
  const closed: string[] = []
  let code: CheckCode = 'listen-failed'
  for (const port of ports) {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    try {
      await bound(socket, '0.0.0.0', port)
    } catch (error) {
      const failed = listenErrorOf(error as NodeJS.ErrnoException, '0.0.0.0', port)
      code = failed.code as CheckCode
      closed.push(`${port} (${failed.code})`)
    } finally {
      socket.close()
    }
  }
  if (closed.length === 0) return fine('ports', `UDP ${ports.join(', ')} can be opened`)
  return wrong('ports', closed.length < ports.length ? 'warn' : 'fail', code, `UDP ${closed.join(', ')} cannot be opened${closed.length < ports.length ? '; the others serve' : ''}`)
}

const WAYS = { broadcast: 'no-broadcast', multicast: 'no-multicast', 'multicast-ipv6': 'no-multicast-ipv6' } as const

/** Whether what is sent by broadcast and multicast from an address comes back to this machine; one datagram each, at a port that nobody listens on. */
export async function checkEcho(local: LocalAddress, echoMs: number): Promise<Check[]> {
  const ways: (keyof typeof WAYS)[] = local.family === 6 ? ['multicast-ipv6'] : local.broadcast === undefined ? ['multicast'] : ['broadcast', 'multicast']
  return Promise.all(ways.map(async way => {
    const check = `${way} on ${local.name}`
    try {
      const ms = await echoed(local, way, echoMs)
      if (ms !== undefined) return fine(check, `a datagram from ${local.address} came back in ${ms.toFixed(1)} ms`)
      return wrong(check, 'warn', WAYS[way], `a datagram from ${local.address} did not come back within ${echoMs} ms`)
    } catch (error) {
      return wrong(check, 'warn', WAYS[way], `a datagram from ${local.address} could not be sent (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
    }
  }))
}

async function echoed({ family, name, address, broadcast }: LocalAddress, way: keyof typeof WAYS, echoMs: number): Promise<number | undefined> {
  const type = family === 6 ? 'udp6' : 'udp4'
  const heard = createSocket({ type, reuseAddr: true, ...(family === 6 && { ipv6Only: true }) })
  const sends = createSocket({ type, ...(family === 6 && { ipv6Only: true }) })
  try {
    await bound(heard, family === 6 ? '::' : '0.0.0.0', 0)
    await bound(sends, address, 0)
    const group = family === 6 ? `${GROUP_V6}%${name}` : GROUP_V4
    if (way === 'broadcast') sends.setBroadcast(true)
    else {
      const from = family === 6 ? `::%${name}` : address
      heard.addMembership(family === 6 ? GROUP_V6 : GROUP_V4, from)
      sends.setMulticastInterface(from)
      sends.setMulticastTTL(1)
    }
    const { port } = heard.address()
    const probe = Buffer.concat([Buffer.from('p2pnet doctor '), randomBytes(8)])
    const sentAt = performance.now()
    return await new Promise<number | undefined>((resolve, reject) => {
      // What is there by then counts, though this process was too busy to read it.
      const timer = setTimeout(() => setImmediate(() => resolve(undefined)), echoMs)
      heard.on('message', datagram => {
        if (!probe.equals(datagram)) return
        clearTimeout(timer)
        resolve(performance.now() - sentAt)
      })
      sends.send(probe, port, way === 'broadcast' ? broadcast : group, error => {
        if (error === null) return
        clearTimeout(timer)
        reject(error)
      })
    })
  } finally {
    heard.close()
    sends.close()
  }
}

function bound(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.bind({ address, port }, resolve)
  })
}
