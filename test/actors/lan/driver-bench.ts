import { pino } from 'pino'
import { AnnouncementReceiver } from '../../../actors/lan/receiver.ts'
import { AnnouncementSender } from '../../../actors/lan/sender.ts'
import { Identity, LocalPeer, generateIdentity, localPeer } from '../../../actors/identity/index.ts'
import { Services, type Driver, type DriverContext } from '../../../actors/seam/index.ts'
import {
  AnnouncementHeard, OpenChannel, Registry, SendAnnouncement, classOf, typeName, type BodyOf, type Envelope, type Message, type MessageName
} from '../../../proto/index.ts'

interface Published {
  readonly type: string
  readonly to: string | undefined
  readonly body: Message
}

export interface BenchOptions {
  readonly name?: string
  readonly network?: string
  readonly interfaces?: readonly string[]
  readonly ports?: readonly number[]
  readonly pollMs?: number
  readonly identity?: Identity
  readonly services?: Services
}

/** The two drivers of one peer with real sockets, without a core: what they publish and count is kept. */
export class DriverBench {
  readonly services: Services
  readonly identity: Identity
  readonly local: LocalPeer
  readonly published: Published[] = []
  readonly counts: Record<string, number> = {}
  readonly sender: Driver
  readonly receiver: Driver
  readonly ports: readonly number[]
  readonly #abort = new AbortController()
  readonly #waiting = new Set<() => void>()
  #sequence = 0

  constructor(options: BenchOptions = {}) {
    this.identity = options.identity ?? generateIdentity()
    this.services = options.services ?? new Services()
    this.services.provide(Identity, this.identity)
    this.local = localPeer(this.identity, { name: options.name, network: options.network })
    this.services.provide(LocalPeer, this.local)
    this.ports = options.ports ?? [8001, 8002, 8003]
    const { interfaces = [], pollMs = 50 } = options
    this.receiver = new AnnouncementReceiver(this.#context('discovery-channel/lan', { interfaces, pollMs }))
    this.sender = new AnnouncementSender(this.#context('broadcaster/lan', { interfaces, pollMs, channel: 'discovery-channel/lan' }))
  }

  /** Starts it and awaits open ports and outlets. */
  static async open(options: BenchOptions = {}): Promise<DriverBench> {
    const bench = new DriverBench(options)
    await bench.listen()
    return bench
  }

  async listen(): Promise<void> {
    this.tell(this.receiver, new OpenChannel({ ports: [...this.ports] }))
    await this.until(() => (this.of('ChannelOpened').length > 0 || this.of('ChannelFailed').length > 0) && this.of('InterfacesChanged').length > 0)
  }

  tell(driver: Driver, body: Message): void {
    driver.receive({ type: typeName(classOf(body)), seq: 1, time: 0, from: '', to: '', cause: 0, body, bytes: new Uint8Array() } as Envelope)
  }

  announce(broadcastPort = this.ports[0]!, listenHosts = ['0.0.0.0', '::'], listenPort = 4_000): number {
    const sequence = ++this.#sequence
    this.tell(this.sender, new SendAnnouncement({ sequence, broadcastPort, listenPort, listenHosts }))
    return sequence
  }

  of<N extends MessageName>(type: N): BodyOf<N>[] {
    return this.published.filter(each => each.type === type).map(({ body }) => body as BodyOf<N>)
  }

  /** What was heard from another. */
  from(other: { identity: Identity }): AnnouncementHeard[] {
    return this.of('AnnouncementHeard').filter(({ peerId }) => peerId === other.identity.peerId)
  }

  counted(name: string): number {
    return this.counts[name] ?? 0
  }

  /** Awaits the next thing published or counted that makes the condition true. */
  async until(condition: () => boolean, deadlineMs = 120_000): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(new Error(`did not happen within ${deadlineMs} ms; counted ${JSON.stringify(this.counts)}, published ${this.published.map(({ type }) => type).join(' ')}`))
      }, deadlineMs)
      const check = (): void => {
        if (!condition()) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await Promise.all([this.sender.stop?.(), this.receiver.stop?.()])
  }

  #context<Options>(actor: string, options: Options): DriverContext<Options> {
    return {
      address: `${actor}#udp`, actor, options, log: pino({ level: 'silent' }), signal: this.#abort.signal,
      services: this.services, registry: new Registry(),
      publish: (body, to) => {
        this.published.push({ type: typeName(classOf(body)), to, body })
        this.#stir()
      },
      count: (name, by = 1) => {
        this.counts[name] = this.counted(name) + by
        this.#stir()
      }
    }
  }

  #stir(): void {
    for (const check of this.#waiting) check()
  }
}
