import {
  AnnouncementHeard, AnnouncementSent, ChannelOpened, Endpoint, Instance, InterfacesChanged, NetworkInterface, OpenChannel, SendAnnouncement,
  SendAnswer, type Envelope
} from '../../proto/index.ts'
import { Identity, LocalPeer } from '../identity/index.ts'
import { proves, type Proof, type SimulatedIdentity } from '../identity/simulated.ts'
import { BlockedAddresses } from '../policy-keeper/blocked-addresses.ts'
import { serviceKey, type Driver, type DriverContext, type DriverFactory, type Services } from '../seam/index.ts'
import { SimulatedHost, type SimulatedDatagram, type SimulatedDatagramSocket, type SimulatedInterface } from '../simulated/host.ts'
import type { LanDriverOptions } from './options.ts'
import type { SenderOptions } from './sender.ts'
import { ANNOUNCEMENT_BYTES, GROUP_V4 } from './wire.ts'

const HOSTS_MAX = 8
const PEERS_MAX = 1024

/** What an announcement's datagram holds. */
interface SimulatedAnnouncement {
  readonly what: string
  readonly network: string
  readonly name: string
  readonly startedAt: number
  readonly nonce: Uint8Array
  readonly sequence: number
  readonly port: number
  readonly answer: boolean
  readonly via: 'broadcast' | 'multicast'
  readonly proof: Proof
}

interface Verified {
  readonly startedAt: number
  readonly nonce: string
  readonly sequence: number
  readonly hosts: string[]
}

/** Drops announcements by the rules of the real filter, cheapest first; its rate limits are left out. */
class SimulatedFilter {
  readonly #services: Services
  readonly #network: string
  readonly #peers = new Map<string, Verified>()

  constructor(services: Services) {
    this.#services = services
    this.#network = services.get(LocalPeer).network
  }

  judge({ payload, source, corrupt }: SimulatedDatagram): AnnouncementHeard | string {
    const told = payload as SimulatedAnnouncement
    if (told.proof === undefined) return 'malformed'
    if (told.network !== this.#network) return 'network'
    const { peerId } = told.proof
    const nonce = Buffer.from(told.nonce).toString('hex')
    if (peerId === this.#services.get(Identity).peerId) {
      return nonce === Buffer.from(this.#services.get(LocalPeer).instance.nonce).toString('hex') ? 'self' : 'same-identity'
    }
    const known = this.#peers.get(peerId)
    const life = known === undefined ? 1 : told.startedAt - known.startedAt || (nonce === known.nonce ? 0 : nonce > known.nonce ? 1 : -1)
    let hosts = [source.host]
    if (known !== undefined && life <= 0) {
      if (life < 0 || told.sequence < known.sequence) return 'stale'
      if (told.sequence === known.sequence) {
        if (known.hosts.includes(source.host) || known.hosts.length >= HOSTS_MAX) return 'repeated'
        hosts = [...known.hosts, source.host]
      }
    }
    if (corrupt || !proves(told.proof, statement(told))) return 'forged'
    if (known === undefined && this.#peers.size >= PEERS_MAX) this.#peers.delete(this.#peers.keys().next().value as string)
    this.#peers.set(peerId, { startedAt: told.startedAt, nonce, sequence: told.sequence, hosts })
    return new AnnouncementHeard({
      peerId,
      instance: new Instance({ startedAt: told.startedAt, nonce: told.nonce }),
      sequence: told.sequence,
      name: told.name,
      endpoint: new Endpoint({ host: source.host, port: told.port }),
      source: new Endpoint(source),
      via: told.via,
      bytes: ANNOUNCEMENT_BYTES,
      answer: told.answer
    })
  }
}

function statement({ startedAt, sequence, port, answer }: Pick<SimulatedAnnouncement, 'startedAt' | 'sequence' | 'port' | 'answer'>): string {
  return `announcement ${startedAt} ${sequence} ${port} ${answer}`
}

const Filter = serviceKey('simulated-announcements', services => new SimulatedFilter(services))

function hear(context: DriverContext<LanDriverOptions>, datagram: SimulatedDatagram, to?: string): void {
  if (context.services.get(BlockedAddresses).blocks(datagram.source.host)) return context.count('blocked-address')
  const heard = context.services.get(Filter).judge(datagram)
  if (heard instanceof AnnouncementHeard) context.publish(heard, to)
  else context.count(heard)
}

function interfacesOf({ services, options }: DriverContext<LanDriverOptions>): SimulatedInterface[] {
  return services.get(SimulatedHost).network.interfaces().filter(({ name }) => options.interfaces.length === 0 || options.interfaces.includes(name))
}

function tell(interfaces: readonly SimulatedInterface[]): NetworkInterface[] {
  return interfaces.map(({ name, address }) => new NetworkInterface({ name, addresses: [address] }))
}

class SimulatedSender implements Driver {
  readonly #context: DriverContext<SenderOptions>
  readonly #host: SimulatedHost
  readonly #local: LocalPeer
  readonly #identity: SimulatedIdentity
  readonly #socket: SimulatedDatagramSocket
  readonly #unwatch: () => void

  constructor(context: DriverContext<SenderOptions>) {
    this.#context = context
    this.#host = context.services.get(SimulatedHost)
    this.#local = context.services.get(LocalPeer)
    this.#identity = context.services.get(Identity) as SimulatedIdentity
    this.#socket = this.#host.network.bind(0, datagram => hear(context, datagram, context.options.channel))
    const follow = (): void => context.publish(new InterfacesChanged({ interfaces: tell(interfacesOf(context)) }), '')
    // The real one looks at its interfaces once a poll.
    this.#unwatch = this.#host.network.watch(() => void this.#host.after(context.options.pollMs, follow))
    this.#host.after(0, follow)
  }

  receive({ body }: Envelope): void {
    if (body instanceof SendAnnouncement) this.#announce(body)
    else if (body instanceof SendAnswer) this.#answer(body)
  }

  stop(): void {
    this.#unwatch()
    this.#socket.close()
  }

  #announce({ sequence, broadcastPort, listenPort, listenHosts }: SendAnnouncement): void {
    let datagrams = 0
    let failed = 0
    for (const { name, address, broadcast } of interfacesOf(this.#context)) {
      const multicast = this.#announcement(sequence, reachable(address, listenHosts) ? listenPort : 0, false, 'multicast')
      for (const [payload, host] of [[multicast, GROUP_V4], [{ ...multicast, via: 'broadcast' }, broadcast]] as const) {
        datagrams++
        if (!this.#socket.send(payload, ANNOUNCEMENT_BYTES, { host, port: broadcastPort }, name)) failed++
      }
    }
    this.#host.after(0, () => this.#context.publish(new AnnouncementSent({ sequence, datagrams, failed })))
  }

  #answer({ sequence, listenPort, listenHosts, to, via }: SendAnswer): void {
    const out = to && interfacesOf(this.#context).find(({ broadcast }) => sameSubnet(broadcast, to.host))
    if (!to || out === undefined || out === null) return this.#context.count('answer-unroutable')
    const port = reachable(out.address, listenHosts) ? listenPort : 0
    const payload = this.#announcement(sequence, port, true, via === 'multicast' ? 'multicast' : 'broadcast')
    if (!this.#socket.send(payload, ANNOUNCEMENT_BYTES, { host: to.host, port: to.port }, out.name)) this.#context.count('answer-failed')
  }

  #announcement(sequence: number, port: number, answer: boolean, via: 'broadcast' | 'multicast'): SimulatedAnnouncement {
    const { network, name, instance: { startedAt, nonce } } = this.#local
    return { what: answer ? 'Announcement (answer)' : 'Announcement', network, name, startedAt, nonce, sequence, port, answer, via, proof: this.#identity.prove(statement({ startedAt, sequence, port, answer })) }
  }
}

function reachable(address: string, hosts: readonly string[]): boolean {
  return hosts.some(host => host === '::' || host === '0.0.0.0' || host === address)
}

/** Simulated subnets have masks of 24 bits. */
function sameSubnet(broadcast: string, host: string): boolean {
  return broadcast.slice(0, broadcast.lastIndexOf('.')) === host.slice(0, host.lastIndexOf('.'))
}

class SimulatedReceiver implements Driver {
  readonly #context: DriverContext<LanDriverOptions>
  readonly #sockets = new Map<number, SimulatedDatagramSocket>()
  #stopped = false

  constructor(context: DriverContext<LanDriverOptions>) {
    this.#context = context
  }

  receive({ body }: Envelope): void {
    if (!(body instanceof OpenChannel)) return
    const host = this.#context.services.get(SimulatedHost)
    const { ports } = body
    host.after(0, () => {
      if (this.#stopped) return
      for (const port of ports) {
        if (!this.#sockets.has(port)) this.#sockets.set(port, host.network.bind(port, datagram => this.#hear(datagram)))
      }
      this.#context.publish(new ChannelOpened({ ports: [...ports], interfaces: tell(interfacesOf(this.#context)) }))
    })
  }

  stop(): void {
    this.#stopped = true
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  #hear(datagram: SimulatedDatagram): void {
    const { interfaces } = this.#context.options
    if (interfaces.length === 0 || interfaces.includes(datagram.via)) hear(this.#context, datagram)
    else this.#context.count('off-link')
  }
}

/** Stands for the driver `udp` of the broadcaster in a simulation. */
export const simulatedSender: DriverFactory<SenderOptions> = context => new SimulatedSender(context)

/** Stands for the driver `udp` of the discovery channel in a simulation. */
export const simulatedReceiver: DriverFactory<LanDriverOptions> = context => new SimulatedReceiver(context)
