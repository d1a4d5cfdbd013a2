import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import {
  AnnouncementHeard, AnnouncementSent, InterfacesChanged, NetworkInterface, SendAnnouncement, SendAnswer, Transport,
  type Envelope, type Message
} from '../../proto/index.ts'
import { Identity, LocalPeer } from '../identity/index.ts'
import type { Driver, DriverContext } from '../seam/index.ts'
import { AnnouncementWriter } from './announcement.ts'
import { Announcements, type AnnouncementFilter } from './announcement-filter.ts'
import { Interfaces, type InterfaceWatcher } from '../shared/interface-watcher.ts'
import { LocalNetworks, type LocalAddress } from './local-networks.ts'
import type { LanDriverOptions } from './options.ts'
import { close, lookupNothing } from './udp.ts'
import { GROUP_V4, GROUP_V6 } from './wire.ts'

export interface SenderOptions extends LanDriverOptions {
  /** Who is told of the answers that come back. @default 'discovery-channel/lan' */
  readonly channel: string
}

interface Outlet {
  readonly local: LocalAddress
  readonly socket: Socket
  ready: boolean
}

/**
 * Sends announcements, from a socket of its own on every address of the networks in use, so that each
 * leaves by that interface and has its address as its source. Answers come back to these sockets.
 */
export class AnnouncementSender implements Driver {
  readonly #context: DriverContext<SenderOptions>
  readonly #watcher: InterfaceWatcher
  readonly #filter: AnnouncementFilter
  readonly #writer: AnnouncementWriter
  readonly #outlets = new Map<string, Outlet>()
  readonly #closing = new Set<Promise<void>>()
  readonly #unlisten: () => void
  #networks = new LocalNetworks({}, [])
  #announced = ''

  constructor(context: DriverContext<SenderOptions>) {
    this.#context = context
    this.#watcher = context.services.get(Interfaces)
    this.#filter = context.services.get(Announcements)
    this.#writer = new AnnouncementWriter(context.services.get(Identity), context.services.get(LocalPeer))
    this.#filter.rehearse(this.#writer.announcement({ sequence: 0, port: 0, transport: Transport.TRANSPORT_MULTICAST }))
    this.#unlisten = this.#watcher.listen(() => this.#follow(), context.options.pollMs)
    this.#follow()
    const { interfaces } = context.options
    if (interfaces.length > 0 && this.#networks.addresses.length === 0) {
      context.log.warn({ interfaces, found: Object.keys(this.#watcher.found) }, 'none of the named interfaces is usable now')
    }
  }

  receive({ body }: Envelope): void {
    if (body instanceof SendAnnouncement) this.#announce(body)
    else if (body instanceof SendAnswer) this.#answer(body)
  }

  async stop(): Promise<void> {
    this.#unlisten()
    for (const key of this.#outlets.keys()) this.#close(key)
    await Promise.all(this.#closing)
  }

  #announce({ sequence, broadcastPort, listenPort, listenHosts }: SendAnnouncement): void {
    const result = { sequence, datagrams: 0, failed: 0 }
    let waiting = 1
    const settle = (error: Error | null): void => {
      if (error !== null) result.failed++
      if (--waiting === 0) this.#publish(new AnnouncementSent(result))
    }
    for (const { local, socket, ready } of this.#outlets.values()) {
      if (!ready) continue
      const port = reachable(local, listenHosts) ? listenPort : 0
      for (const { host, transport } of targets(local)) {
        const datagram = this.#writer.announcement({ sequence, port, transport })
        result.datagrams++
        waiting++
        this.#send(socket, datagram, broadcastPort, host, settle)
      }
    }
    // Where nothing could be sent to at all that is told too, after the machine is done with its event.
    if (waiting === 1) queueMicrotask(() => settle(null))
    else waiting--
  }

  #answer({ sequence, listenPort, listenHosts, to, maxBytes, via }: SendAnswer): void {
    const { context, local } = { context: this.#context, local: to && this.#networks.of(to.host) }
    const outlet = local ? this.#outlets.get(local.address) : undefined
    if (!to || !local || outlet === undefined || !outlet.ready) return context.count('answer-unroutable')
    const datagram = this.#writer.answer({
      sequence,
      port: reachable(local, listenHosts) ? listenPort : 0,
      transport: via === 'multicast' ? Transport.TRANSPORT_MULTICAST : Transport.TRANSPORT_BROADCAST
    }, maxBytes)
    if (datagram === undefined) return context.count('answer-too-large')
    this.#send(outlet.socket, datagram, to.port, to.host, error => {
      if (error !== null) context.count('answer-failed')
    })
  }

  #send(socket: Socket, datagram: Uint8Array, port: number, host: string, done: (error: Error | null) => void): void {
    try {
      socket.send(datagram, port, host, done)
    } catch (error) {
      queueMicrotask(() => done(error as Error))
    }
  }

  /** Opens and closes outlets so that there is one for each address; one that failed is tried again. */
  #follow(): void {
    this.#networks = new LocalNetworks(this.#watcher.found, this.#context.options.interfaces)
    const wanted = new Set(this.#networks.addresses.map(({ address }) => address))
    for (const [key, { local }] of this.#outlets) {
      const now = this.#networks.addresses.find(({ address }) => address === key)
      if (!wanted.has(key) || now?.name !== local.name || now.broadcast !== local.broadcast) this.#close(key)
    }
    for (const local of this.#networks.addresses) if (!this.#outlets.has(local.address)) this.#open(local)
    this.#tellInterfaces()
  }

  #open(local: LocalAddress): void {
    const socket = createSocket({ type: local.family === 4 ? 'udp4' : 'udp6', lookup: lookupNothing })
    const outlet: Outlet = { local, socket, ready: false }
    this.#outlets.set(local.address, outlet)
    const failed = (error: Error): void => {
      if (this.#outlets.get(local.address) !== outlet) return
      // An IPv6 address that is new is not usable for a second: not worth a warning.
      this.#context.log.debug({ err: error, address: local.address }, 'no announcements from here for now')
      this.#context.count('interface-failed')
      this.#close(local.address)
      this.#tellInterfaces()
    }
    socket.on('error', failed)
    socket.on('message', (datagram, source) => this.#hear(datagram, source))
    socket.bind({ address: local.address, port: 0, exclusive: true }, () => {
      if (this.#outlets.get(local.address) !== outlet) return
      try {
        prepare(socket, local)
        outlet.ready = true
      } catch (error) {
        return failed(error as Error)
      }
      this.#tellInterfaces()
    })
  }

  #close(key: string): void {
    const outlet = this.#outlets.get(key)
    if (outlet === undefined) return
    this.#outlets.delete(key)
    const closed = close(outlet.socket)
    this.#closing.add(closed)
    void closed.then(() => this.#closing.delete(closed))
  }

  /** Once all that are being opened are, so that those found together are announced on together. */
  #tellInterfaces(): void {
    const outlets = [...this.#outlets.values()].sort((a, b) => this.#rank(a) - this.#rank(b))
    if (outlets.some(({ ready }) => !ready)) return
    const names = [...new Set(outlets.map(({ local }) => local.name))]
    const interfaces = names.map(name => new NetworkInterface({
      name, addresses: outlets.filter(({ local }) => local.name === name).map(({ local }) => local.address)
    }))
    const told = JSON.stringify(interfaces)
    if (told === this.#announced) return
    this.#announced = told
    // On its own turn: the factory that makes drivers runs before their machine does.
    queueMicrotask(() => this.#publish(new InterfacesChanged({ interfaces }), ''))
  }

  #rank({ local }: Outlet): number {
    return this.#networks.addresses.findIndex(({ address }) => address === local.address)
  }

  #hear(datagram: Buffer, { address, port }: RemoteInfo): void {
    const heard = this.#filter.judge(datagram, { address, port }, this.#networks)
    if (heard instanceof AnnouncementHeard) this.#publish(heard, this.#context.options.channel)
    else this.#context.count(heard)
  }

  #publish(body: Message, to?: string): void {
    if (!this.#context.signal.aborted) this.#context.publish(body, to)
  }
}

/** Whether links are accepted at this address. `::` takes IPv4 too. */
function reachable({ family, address }: LocalAddress, hosts: readonly string[]): boolean {
  return hosts.some(host => host === '::' || host === address || (host === '0.0.0.0' && family === 4))
}

function targets(local: LocalAddress): { host: string; transport: Transport }[] {
  const { TRANSPORT_BROADCAST, TRANSPORT_MULTICAST } = Transport
  if (local.family === 6) return [{ host: `${GROUP_V6}%${local.name}`, transport: TRANSPORT_MULTICAST }]
  return [
    { host: GROUP_V4, transport: TRANSPORT_MULTICAST },
    // Loopback has its subnet's broadcast address only.
    ...(local.internal ? [] : [{ host: '255.255.255.255', transport: TRANSPORT_BROADCAST }]),
    ...(local.broadcast === undefined ? [] : [{ host: local.broadcast, transport: TRANSPORT_BROADCAST }])
  ]
}

function prepare(socket: Socket, local: LocalAddress): void {
  // One hop: announcements never leave the link.
  socket.setMulticastTTL(1)
  if (local.family === 6) {
    socket.setMulticastInterface(`::%${local.name}`)
    return
  }
  socket.setTTL(1)
  socket.setBroadcast(true)
  socket.setMulticastInterface(local.address)
}
