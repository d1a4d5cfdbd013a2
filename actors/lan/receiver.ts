import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import {
  AnnouncementHeard, ChannelFailed, ChannelOpened, NetworkInterface, OpenChannel, type Envelope, type Message
} from '../../proto/index.ts'
import type { Driver, DriverContext } from '../seam/index.ts'
import { Announcements, type AnnouncementFilter } from './announcement-filter.ts'
import { Interfaces, type InterfaceWatcher } from '../shared/interface-watcher.ts'
import { LocalNetworks } from './local-networks.ts'
import type { LanDriverOptions } from './options.ts'
import { close, lookupNothing } from './udp.ts'
import { GROUP_V4, GROUP_V6 } from './wire.ts'

/** Room for the announcements of some hundred peers that all start at once, in bytes. */
const RECEIVE_BUFFER_BYTES = 512 * 1024

const REJOIN_POLLS = 30

/** One port's sockets, for each address family. */
interface Channel {
  readonly v4: Socket
  readonly v6: Socket | undefined
  /** Addresses through which the group was joined. */
  readonly joined: Set<string>
}

/**
 * Listens for announcements: on every port one socket for broadcast and IPv4 multicast and one for IPv6
 * multicast. The ports are shared with other peers of this machine; what is sent to a broadcast
 * address or a group reaches them all.
 */
export class AnnouncementReceiver implements Driver {
  readonly #context: DriverContext<LanDriverOptions>
  readonly #watcher: InterfaceWatcher
  readonly #filter: AnnouncementFilter
  readonly #channels = new Map<number, Channel>()
  readonly #closing = new Set<Promise<void>>()
  readonly #unlisten: () => void
  #networks: LocalNetworks
  #opening = Promise.resolve()
  #polls = 0

  constructor(context: DriverContext<LanDriverOptions>) {
    this.#context = context
    this.#watcher = context.services.get(Interfaces)
    this.#filter = context.services.get(Announcements)
    this.#unlisten = this.#watcher.listen(() => this.#follow(), context.options.pollMs)
    this.#networks = new LocalNetworks(this.#watcher.found, context.options.interfaces)
  }

  receive({ body }: Envelope): void {
    if (body instanceof OpenChannel) this.#opening = this.#opening.then(() => this.#open(body.ports))
  }

  async stop(): Promise<void> {
    this.#unlisten()
    for (const port of this.#channels.keys()) this.#close(port)
    await this.#opening
    await Promise.all(this.#closing)
  }

  /** Answers with a ChannelOpened for the ports that opened, then a ChannelFailed for those that did not. */
  async #open(ports: readonly number[]): Promise<void> {
    const opened: number[] = []
    const failed: number[] = []
    let why: NodeJS.ErrnoException | undefined
    await Promise.all(ports.map(async port => {
      try {
        if (!this.#channels.has(port)) await this.#openPort(port)
        opened.push(port)
      } catch (error) {
        why = error as NodeJS.ErrnoException
        failed.push(port)
      }
    }))
    if (opened.length > 0) this.#publish(new ChannelOpened({ ports: opened.sort((a, b) => a - b), interfaces: this.#interfaces() }))
    if (why !== undefined) this.#publish(failure(failed.sort((a, b) => a - b), why))
  }

  async #openPort(port: number): Promise<void> {
    const v4 = await this.#bind('udp4', '0.0.0.0', port)
    let v6: Socket | undefined
    try {
      v6 = await this.#bind('udp6', '::', port)
    } catch (error) {
      // A machine without IPv6 hears the other two.
      this.#context.log.debug({ err: error, port }, 'no IPv6 multicast on this port')
      this.#context.count('ipv6-unavailable')
    }
    if (this.#context.signal.aborted) {
      await Promise.all([v4, v6].map(socket => socket && close(socket)))
      return
    }
    const channel: Channel = { v4, v6, joined: new Set() }
    this.#channels.set(port, channel)
    for (const socket of [v4, v6]) {
      socket?.on('message', (datagram, source) => this.#hear(datagram, source))
      socket?.on('error', error => {
        if (this.#channels.get(port) !== channel) return
        this.#close(port)
        this.#publish(failure([port], error))
      })
    }
    this.#join(channel)
  }

  #bind(type: 'udp4' | 'udp6', address: string, port: number): Promise<Socket> {
    const socket = createSocket({
      type, reuseAddr: true, ipv6Only: type === 'udp6', recvBufferSize: RECEIVE_BUFFER_BYTES, lookup: lookupNothing
    })
    return new Promise((resolve, reject) => {
      socket.once('error', error => void close(socket).then(() => reject(error)))
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeAllListeners('error')
        resolve(socket)
      })
    })
  }

  #follow(): void {
    const networks = new LocalNetworks(this.#watcher.found, this.#context.options.interfaces)
    if (networks.key !== this.#networks.key) {
      this.#networks = networks
      const addresses = new Set(networks.addresses.map(({ address }) => address))
      // The system forgot what was joined through an address that is gone.
      for (const { joined } of this.#channels.values()) for (const address of joined) if (!addresses.has(address)) joined.delete(address)
    }
    // An interface that was made anew between two readings looks the same, and its groups are lost.
    const again = ++this.#polls % REJOIN_POLLS === 0
    for (const channel of this.#channels.values()) {
      if (again) channel.joined.clear()
      this.#join(channel)
    }
  }

  #join({ v4, v6, joined }: Channel): void {
    for (const { family, name, address } of this.#networks.addresses) {
      if (joined.has(address) || (family === 6 && v6 === undefined)) continue
      try {
        if (family === 4) v4.addMembership(GROUP_V4, address)
        else v6?.addMembership(GROUP_V6, `::%${name}`)
        joined.add(address)
      } catch (error) {
        // Two addresses on one interface join once: the second time is in use already.
        if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') joined.add(address)
        else this.#context.count('group-not-joined')
      }
    }
  }

  #close(port: number): void {
    const channel = this.#channels.get(port)
    if (channel === undefined) return
    this.#channels.delete(port)
    for (const socket of [channel.v4, channel.v6]) {
      if (socket === undefined) continue
      const closed = close(socket)
      this.#closing.add(closed)
      void closed.then(() => this.#closing.delete(closed))
    }
  }

  #interfaces(): NetworkInterface[] {
    const { addresses } = this.#networks
    return [...new Set(addresses.map(({ name }) => name))].map(name => new NetworkInterface({
      name, addresses: addresses.filter(each => each.name === name).map(({ address }) => address)
    }))
  }

  #hear(datagram: Buffer, { address, port }: RemoteInfo): void {
    const heard = this.#filter.judge(datagram, { address, port }, this.#networks)
    if (heard instanceof AnnouncementHeard) return this.#publish(heard)
    this.#context.count(heard)
    const ignored = this.#filter.explain(heard, datagram, { address, port })
    if (ignored !== undefined) this.#publish(ignored, '')
  }

  #publish(body: Message, to?: string): void {
    if (!this.#context.signal.aborted) this.#context.publish(body, to)
  }
}

/** Of machines/codes.ts. */
const CODES: Readonly<Record<string, string>> = { EADDRINUSE: 'address-in-use', EACCES: 'port-not-permitted' }

function failure(ports: number[], { code = '', message }: NodeJS.ErrnoException): ChannelFailed {
  return new ChannelFailed({ ports, code: CODES[code] ?? 'listen-failed', reason: message })
}
