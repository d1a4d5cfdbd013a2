import { connect, createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import pino from 'pino'
import { generateIdentity, Identity } from '../../../actors/identity/index.ts'
import { SecuredSockets } from '../../../actors/listener/secured-sockets.ts'
import { FIRST_ACCEPTED, IDENTIFY } from '../../../actors/peer-connection/built-in.ts'
import { encodeFrame } from '../../../actors/peer-connection/frame-codec.ts'
import { FrameReader } from '../../../actors/peer-connection/frame-reader.ts'
import { linkDriver } from '../../../actors/peer-connection/link-driver.ts'
import { Links } from '../../../actors/peer-connection/links.ts'
import { linkDefaults, type LinkOptions } from '../../../actors/peer-connection/link-options.ts'
import { WireTypes } from '../../../actors/peer-connection/wire-types.ts'
import { Services, type Driver, type DriverContext, type WireType } from '../../../actors/seam/index.ts'
import { handshake, secureInbound, secureOutbound } from '../../../actors/tls/index.ts'
import {
  AdoptLink, classOf, DialEndpoint, Disconnect, Endpoint, FileAnswer, FileChunk, FileOffer, Identify, Level, Registry, SetGate,
  TextMessage, typeName, Verified, type BodyOf, type Envelope, type EventOf, type Message, type MessageClass, type MessageName
} from '../../../proto/index.ts'

/** The types of the tests, one of each kind: a step's, a basic one, one that needs the enhanced level, a bulk one. */
export const stepType: WireType = { type: FileAnswer, level: Level.LEVEL_IDENTIFIED }
export const wire: readonly WireType[] = [{ type: TextMessage, level: Level.LEVEL_BASIC }, { type: FileOffer }, { type: FileChunk, via: 'pump' }]

export interface Heard {
  readonly type: string
  readonly body: Message
  readonly to: string
  readonly from: string
}

/** One end of a link: a real driver, and in place of its machine one that climbs as far as it is told. */
export class Side {
  readonly services = new Services()
  readonly identity = generateIdentity()
  readonly address: string
  readonly heard: Heard[] = []
  readonly counted = new Map<string, number>()
  readonly driver: Driver
  readonly #abort = new AbortController()
  readonly #waiting: { test: (heard: Heard) => boolean; resolve: (heard: any) => void }[] = []
  level: Level = Level.LEVEL_UNSPECIFIED
  /** As far as it climbs by itself. */
  climbTo: Level
  step = ''
  #verifiedUs = false
  #identified: BodyOf<'Identify'> | undefined

  constructor(id: string, climbTo: Level = Level.LEVEL_ENHANCED, options: Partial<LinkOptions> = {}, spoken: readonly WireType[] = wire) {
    this.address = `peer-connection/${id}`
    this.climbTo = climbTo
    this.services.provide(Identity, this.identity)
    const types = this.services.get(WireTypes)
    types.add([stepType], 'verify-words')
    types.add(spoken, 'host')
    const context: DriverContext<LinkOptions> = {
      address: `${this.address}#link`,
      actor: this.address,
      options: { ...linkDefaults, ...options },
      log: pino({ level: 'silent' }),
      signal: this.#abort.signal,
      services: this.services,
      registry: new Registry(),
      publish: (body, to = this.address, from = `${this.address}#link`) => {
        if (!this.#abort.signal.aborted) this.#hear({ type: typeName(classOf(body)), body, to, from })
      },
      count: (name, by = 1) => {
        this.counted.set(name, (this.counted.get(name) ?? 0) + by)
      }
    }
    this.driver = linkDriver(context)
  }

  get peerId(): string {
    return this.identity.peerId
  }

  get links(): Links {
    return this.services.get(Links)
  }

  /** Gives the driver a message. */
  tell(body: Message, from = this.address): void {
    const type = classOf(body)
    const envelope: Envelope = {
      type: typeName(type), seq: 0, time: 0, from, to: `${this.address}#link`, cause: 0, body,
      get bytes() {
        return type.encode(body).finish()
      }
    }
    this.driver.receive(envelope)
  }

  gate(level: Level): void {
    this.level = level
    const { accepts, maxFrameBytes } = this.#identified!
    this.tell(new SetGate({ level, accepts, maxFrameBytes, step: this.step }))
  }

  /** The first message of the type that is heard, or was. */
  async next<N extends MessageName>(type: N, test: (body: BodyOf<N>) => boolean = () => true): Promise<BodyOf<N>> {
    const heard = await this.when(heard => heard.type === type && test(heard.body as BodyOf<N>))
    return heard.body as BodyOf<N>
  }

  when(test: (heard: Heard) => boolean): Promise<Heard> {
    const before = this.heard.find(test)
    if (before !== undefined) return Promise.resolve(before)
    return new Promise(resolve => this.#waiting.push({ test, resolve }))
  }

  of<N extends MessageName>(type: N): BodyOf<N>[] {
    return this.heard.filter(heard => heard.type === type).map(heard => heard.body as BodyOf<N>)
  }

  async reached(level: Level): Promise<void> {
    while (this.level < level) {
      const end = this.of('LinkClosed')[0] ?? this.of('DialFailed')[0]
      if (end !== undefined) throw new Error(`it did not get to ${Level[level]}: ${end.code}, ${end.reason}`)
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.driver.stop?.()
  }

  #hear(heard: Heard): void {
    this.heard.push(heard)
    this.#climb(heard as unknown as EventOf<'LinkSecured' | 'Identify' | 'Verified' | 'Disconnect'>)
    for (const waiting of this.#waiting.filter(({ test }) => test(heard))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      waiting.resolve(heard)
    }
  }

  #climb(event: EventOf<'LinkSecured' | 'Identify' | 'Verified' | 'Disconnect'>): void {
    switch (event.type) {
      case 'LinkSecured':
        this.level = Level.LEVEL_SECURED
        if (this.climbTo >= Level.LEVEL_SECURED) this.identify()
        return
      case 'Identify':
        this.#identified = event.body
        if (this.climbTo >= Level.LEVEL_IDENTIFIED) this.gate(Level.LEVEL_IDENTIFIED)
        if (this.climbTo >= Level.LEVEL_BASIC) this.verify()
        return
      case 'Verified':
        this.#verifiedUs = true
        this.#enhance()
    }
  }

  identify(): void {
    this.tell(new Identify({ versions: [1], network: new Uint8Array(16) }))
  }

  verify(): void {
    this.tell(new Verified({ steps: ['words'] }))
    this.gate(Level.LEVEL_BASIC)
    this.#enhance()
  }

  #enhance(): void {
    if (this.#verifiedUs && this.level === Level.LEVEL_BASIC && this.climbTo >= Level.LEVEL_ENHANCED) this.gate(Level.LEVEL_ENHANCED)
  }
}

const opened: (() => unknown)[] = []

/** Closes all that a test has opened; for afterEach. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close()
}

export function side(id: string, climbTo?: Level, options?: Partial<LinkOptions>): Side {
  const made = new Side(id, climbTo, options)
  opened.push(() => made.stop())
  return made
}

/** A place on loopback whose callers the side takes over. */
export async function listen(to: Side): Promise<Endpoint> {
  return listenRaw(socket => {
    const tls = secureInbound(socket, to.identity)
    handshake(tls, { timeoutMs: 30_000 }).then(secured => {
      const place = { host: '127.0.0.1', port: 0 }
      const handle = to.services.get(SecuredSockets).put({ ...secured, socket: tls, local: place, remote: place }, { adoptWithinMs: 30_000, left: () => {} })
      to.tell(new AdoptLink({ handle }))
    }, () => {})
  })
}

/** A place on loopback that does what it is told with its callers. */
export async function listenRaw(accept: (socket: Socket) => void): Promise<Endpoint> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    accept(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  opened.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return new Endpoint({ host: '127.0.0.1', port: (server.address() as { port: number }).port })
}

/** Two sides with a link between them, both as high as they climb. */
export async function linked(a: Side, b: Side): Promise<void> {
  a.tell(new DialEndpoint({ endpoint: await listen(b), expectedPeerId: b.peerId, attempt: 1 }))
  await Promise.all([a.reached(Math.min(a.climbTo, b.climbTo, Level.LEVEL_ENHANCED)), b.reached(Math.min(a.climbTo, b.climbTo, Level.LEVEL_ENHANCED))])
}

/** A caller that speaks TLS as it should, and then whatever the test writes. */
export class Caller {
  readonly socket: TLSSocket
  /** Below TLS. */
  readonly tcp: Socket
  readonly arrived: { number: number; type: number; body: Uint8Array }[] = []
  #number = 0
  #changed: () => void = () => {}
  ended = false

  constructor(socket: TLSSocket, tcp: Socket) {
    this.socket = socket
    this.tcp = tcp
    const reader = new FrameReader(1 << 23, ({ number, type, buffer, start, end }) => {
      if (number > 0) this.arrived.push({ number, type, body: Uint8Array.prototype.slice.call(buffer, start, end) })
      return true
    })
    socket.on('data', chunk => {
      reader.push(chunk)
      this.#changed()
    })
    socket.on('error', () => {}).on('close', () => {
      this.ended = true
      this.#changed()
    })
  }

  /** The next frame in turn. */
  frame(type: number, body: Uint8Array = new Uint8Array(0), ack = 0): Uint8Array {
    return encodeFrame(++this.#number, ack, type, body)
  }

  send(type: number, body?: Uint8Array): void {
    this.socket.write(this.frame(type, body))
  }

  /** Identifies itself, accepting what the tests speak. */
  identify(): void {
    this.send(IDENTIFY, Identify.encode(new Identify({ versions: [1], network: new Uint8Array(16), accepts: ['__proto__', 'constructor', 'TextMessage'] })).finish())
  }

  async until(test: () => boolean): Promise<void> {
    while (!test()) {
      await new Promise<void>(resolve => {
        this.#changed = resolve
      })
    }
  }

  /** The first frame of the type that comes, or came. */
  async next(type: number): Promise<Uint8Array> {
    await this.until(() => this.ended || this.arrived.some(frame => frame.type === type))
    const frame = this.arrived.find(frame => frame.type === type)
    if (frame === undefined) throw new Error(`the link ended before a frame of type ${type} came`)
    return frame.body
  }
}

/** A caller to the side, its link secured. */
export async function caller(to: Side): Promise<Caller> {
  const { host, port } = await listen(to)
  const secured = to.next('LinkSecured')
  const tcp = connect({ host, port })
  const made = new Caller(secureOutbound(tcp, generateIdentity()), tcp)
  opened.push(() => tcp.destroy())
  await secured
  return made
}

export const goodbye = (code: string): Disconnect => new Disconnect({ code, reason: 'the test says so' })

/** The number that a side gives one of its types. */
export function numberOf(side: Side, type: MessageClass): number {
  return FIRST_ACCEPTED + side.services.get(WireTypes).of(type)!.index
}

/** Two sides with an enhanced link from the first to the second. */
export async function pair(options: Partial<LinkOptions> = {}): Promise<[Side, Side]> {
  const a = side('a', Level.LEVEL_ENHANCED, options)
  const b = side('b', Level.LEVEL_ENHANCED, options)
  await linked(a, b)
  return [a, b]
}

export function dial(from: Side, endpoint: Endpoint, expectedPeerId = '', attempt = 1): void {
  from.tell(new DialEndpoint({ endpoint, expectedPeerId, attempt }))
}

/** Collects the offsets of the chunks that reach a side. */
export function chunks(at: Side): number[] {
  const offsets: number[] = []
  at.links.subscribe(FileChunk, (_, message) => void offsets.push(message.body.offset))
  return offsets
}

export const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
