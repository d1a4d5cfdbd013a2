import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import pino from 'pino'
import { Identity, generateIdentity } from '../../../actors/identity/index.ts'
import { InterfaceWatcher, Interfaces } from '../../../actors/shared/interface-watcher.ts'
import { SecuredSockets, listenerDefinition, type HeldSockets, type ListenerOptions } from '../../../actors/listener/index.ts'
import type { InterfaceTable } from '../../../actors/listener/places.ts'
import { TcpDriver } from '../../../actors/listener/tcp-driver.ts'
import { Services } from '../../../actors/seam/index.ts'
import { secureOutbound } from '../../../actors/tls/index.ts'
import { ListenAt, Registry, RejectInbound, classOf, typeName, type BodyOf, type Message, type MessageName, type StopListening } from '../../../proto/index.ts'

/** A listener's driver on real sockets, with what it published and counted. */
export class Harness {
  readonly identity = generateIdentity()
  readonly services = new Services()
  readonly counts = new Map<string, number>()
  readonly driver: TcpDriver
  port = 0
  readonly #published: { type: string; to: string; body: Message }[] = []
  readonly #news = new EventEmitter()
  readonly #stop = new AbortController()
  readonly #clients = new Set<Socket>()

  constructor(options: Partial<ListenerOptions> = {}, interfaces?: () => InterfaceTable) {
    this.services.provide(Identity, this.identity)
    if (interfaces !== undefined) this.services.provide(Interfaces, new InterfaceWatcher(interfaces))
    this.driver = new TcpDriver({
      address: 'listener/main#tcp', actor: 'listener/main', log: pino({ enabled: false }),
      options: { ...(listenerDefinition.options as ListenerOptions), ...options },
      signal: this.#stop.signal, services: this.services, registry: new Registry(),
      publish: (body, to = 'listener/main') => {
        if (this.#stop.signal.aborted) return
        this.#published.push({ type: typeName(classOf(body)), to, body })
        this.#news.emit('news')
      },
      count: (name, by = 1) => {
        this.counts.set(name, (this.counts.get(name) ?? 0) + by)
        this.#news.emit('news')
      }
    })
  }

  /** A listener that listens. */
  static async at(hosts: string[], options: Partial<ListenerOptions> = {}): Promise<Harness> {
    const harness = new Harness(options)
    await harness.listen(hosts)
    return harness
  }

  async listen(hosts: string[], port = 0, interfaces: string[] = []): Promise<BodyOf<'ListenOpened'>> {
    this.command(new ListenAt({ hosts, port, interfaces }))
    const { body } = await this.next('ListenOpened')
    this.port = body.endpoints[0]?.port ?? 0
    return body
  }

  command(body: ListenAt | RejectInbound | StopListening): void {
    const type = typeName(classOf(body))
    this.driver.receive({ type, seq: 1, time: 0, from: 'listener/main', to: 'listener/main#tcp', cause: 0, body, bytes: new Uint8Array() })
  }

  get held(): HeldSockets {
    return this.services.get(SecuredSockets)
  }

  /** The next message of the type that nobody has asked for yet. */
  async next<N extends MessageName>(type: N): Promise<{ to: string; body: BodyOf<N> }> {
    const at = await this.when(() => this.#published.findIndex(message => message.type === type), index => index >= 0)
    return this.#published.splice(at, 1)[0] as unknown as { to: string; body: BodyOf<N> }
  }

  counted(name: string, at = 1): Promise<number> {
    return this.when(() => this.counts.get(name) ?? 0, count => count >= at)
  }

  /** Looks now and after every message and count. */
  async when<T>(look: () => T, enough: (found: T) => boolean): Promise<T> {
    for (;;) {
      const found = look()
      if (enough(found)) return found
      await once(this.#news, 'news')
    }
  }

  /** Someone who connects and says nothing. */
  silent(localAddress = '127.0.0.1', host = '127.0.0.1'): Socket {
    return this.#own(connect({ host, port: this.port, localAddress }).resume())
  }

  /** A peer that dials and secures its link. */
  caller(localAddress = '127.0.0.1', identity = generateIdentity()): TLSSocket {
    return this.#own(secureOutbound(connect({ host: '127.0.0.1', port: this.port, localAddress }), identity))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.driver.stop()
  }

  async end(): Promise<void> {
    await this.stop()
    const clients = [...this.#clients]
    for (const socket of clients) socket.destroy()
    await Promise.all(clients.map(closed))
  }

  #own<S extends Socket>(socket: S): S {
    this.#clients.add(socket)
    socket.on('error', () => {}).on('close', () => this.#clients.delete(socket))
    return socket
  }
}

/** Resolves when the socket has closed, however. */
export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
}
