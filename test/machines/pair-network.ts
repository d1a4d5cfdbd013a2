import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import { peerConnectionDefaults } from '../../machines/peer-connection-context.ts'
import { linkKeeperDefinition } from '../../actors/link-keeper/index.ts'
import { verifyPingsDefinition } from '../../actors/verify-pings/index.ts'
import { defineActor } from '../../actors/seam/index.ts'
import type { LinkKeeperOptions } from '../../machines/link-keeper-context.ts'
import {
  DialFailed, DialOpened, Direction, Disconnect, DiscoveryStarted, Endpoint, Identify, InboundSecured, Instance, Level, LinkClosed, LinkSecured, PeerHeard, PongReceived, Verified,
  type Envelope, type EventOf, type Message
} from '../../proto/index.ts'
import { Kernel } from '../../runtime/kernel/index.ts'

const connection = defineActor({ kind: 'peer-connection', machine: peerConnectionMachine, options: peerConnectionDefaults })

interface End {
  readonly side: Side
  /** Address of the connection; empty until one takes it over. */
  owner: string
  level: Level
  closed: boolean
}

interface Link {
  readonly id: string
  readonly dialer: End
  readonly acceptor: End
}

/** One of two peers: a real kernel with a real link keeper and connections. */
export class Side {
  readonly kernel: Kernel
  readonly said: Envelope[] = []
  readonly ends: { link: Link; end: End }[] = []
  readonly peerId: string
  readonly startedAt: number
  /** Connections that are gone; their drivers say nothing any more. */
  readonly gone = new Set<string>()
  /** It has had an enhanced link, and is to have one from then on. */
  enhanced = false

  constructor(network: PairNetwork, peerId: string, startedAt: number, options: Partial<LinkKeeperOptions>) {
    this.peerId = peerId
    this.startedAt = startedAt
    const keeper = { definition: linkKeeperDefinition, options: { peerId, network: '', ...options }, spawns: [connection, verifyPingsDefinition] }
    this.kernel = new Kernel({
      seed: new Uint8Array(32).fill(peerId.charCodeAt(0) + startedAt),
      actors: [keeper],
      codec: 'always',
      shell: { deliver: envelope => network.deliver(this, envelope), actorStarted: () => {}, actorStopped: address => network.stopped(this, address) },
      report: (where, error) => { throw new Error(`${where}: ${String(error)}`) }
    })
    this.kernel.bus.all.subscribe(envelope => this.said.push(envelope))
    this.kernel.start()
  }

  of(type: string): Envelope[] {
    return this.said.filter(envelope => envelope.type === type)
  }

  hear(peer: Side, change: object = {}): void {
    this.kernel.input(new PeerHeard({
      peerId: peer.peerId, name: peer.peerId, via: 'multicast', endpoints: [new Endpoint({ host: peer.peerId, port: 1 })],
      instance: new Instance({ startedAt: peer.startedAt, nonce: Uint8Array.of(1) }), acceptsInbound: true, ...change
    }), { from: 'host' })
  }

  start(): void {
    this.kernel.input(new DiscoveryStarted(), { from: 'host' })
  }

  /** Links that carry data here: enhanced, and open as far as this side knows. */
  usable(): Link[] {
    return this.ends.filter(({ end }) => end.level === Level.LEVEL_ENHANCED && !end.closed).map(({ link }) => link)
  }

  open(): Link[] {
    return this.ends.filter(({ end }) => !end.closed).map(({ link }) => link)
  }
}

/**
 * Two peers and what is on its way between them. Every queue keeps its order, as a TCP connection or
 * a driver does; which queue moves next is the test's choice.
 */
export class PairNetwork {
  readonly #queues = new Map<string, (() => void)[]>()
  readonly sides = new Map<string, Side>()
  readonly #aborted = new Set<string>()
  #links = 0
  time = 0

  add(peerId: string, startedAt: number, options: Partial<LinkKeeperOptions> = {}): Side {
    const side = new Side(this, peerId, startedAt, options)
    side.kernel.advanceTo(this.time)
    this.sides.set(peerId, side)
    return side
  }

  /** Lets one queue move, by the test's choice; false where nothing is on its way. */
  step(choice: number): boolean {
    const waiting = [...this.#queues].filter(([, queue]) => queue.length > 0)
    if (waiting.length === 0) return false
    waiting[choice % waiting.length]![1].shift()!()
    return true
  }

  /** Time passes for everybody. */
  pass(ms: number): void {
    this.time += ms
    for (const side of this.sides.values()) if (!side.kernel.stopped) side.kernel.advanceTo(this.time)
  }

  stopped(side: Side, address: string): void {
    side.gone.add(address)
    for (const { link, end } of side.ends) if (end.owner === address) this.#close(link, end)
  }

  deliver(side: Side, envelope: Envelope): void {
    const { to, from, type } = envelope
    if (to.endsWith('#tcp')) {
      const { handle } = (envelope as EventOf<'RejectInbound'>).body
      const held = side.ends.find(({ link, end }) => link.id === handle && end === link.acceptor)
      if (held !== undefined) this.#close(held.link, held.end)
      return
    }
    if (!to.endsWith('#link')) return
    const owner = to.slice(0, -'#link'.length)
    const current = side.ends.filter(({ end }) => end.owner === owner && !end.closed).at(-1)
    switch (type) {
      case 'DialEndpoint':
        return this.#dial(side, owner, (envelope as EventOf<'DialEndpoint'>).body)
      case 'AbortDial':
        this.#aborted.add(`${owner} ${String((envelope as EventOf<'AbortDial'>).body.attempt)}`)
        if (current !== undefined) this.#close(current.link, current.end)
        return
      case 'AdoptLink':
        return this.#adopt(side, owner, (envelope as EventOf<'AdoptLink'>).body.handle)
      case 'SetGate':
        if (current !== undefined) current.end.level = (envelope as EventOf<'SetGate'>).body.level
        return
      case 'CloseLink':
        if (current !== undefined) this.#close(current.link, current.end)
        return
      case 'SendPing':
        if (current !== undefined) this.#ping(current.link, current.end, (envelope as EventOf<'SendPing'>).body.id, from)
        return
      case 'Identify': {
        const body = envelope.body as Identify
        const full = new Identify({ ...body, name: side.peerId, instance: new Instance({ startedAt: side.startedAt, nonce: Uint8Array.of(1) }) })
        return this.#wire(current, full)
      }
      case 'Verified':
      case 'Disconnect':
        return this.#wire(current, type === 'Verified' ? new Verified(envelope.body) : new Disconnect(envelope.body))
    }
  }

  /** A link breaks without a word, as by a killed process: whoever is left hears of it. */
  cut(link: Link): void {
    for (const end of [link.dialer, link.acceptor]) this.#close(link, end)
  }

  #queue(name: string, act: () => void): void {
    const queue = this.#queues.get(name)
    if (queue === undefined) this.#queues.set(name, [act])
    else queue.push(act)
  }

  #tell(side: Side, owner: string, body: Message): void {
    if (!side.gone.has(owner)) side.kernel.input(body, { from: `${owner}#link`, to: owner })
  }

  #dial(side: Side, owner: string, { endpoint, attempt }: EventOf<'DialEndpoint'>['body']): void {
    this.#queue(`local ${side.peerId} ${owner}`, () => {
      if (side.gone.has(owner) || this.#aborted.has(`${owner} ${String(attempt)}`)) return
      const other = this.sides.get(endpoint?.host ?? '')
      if (other === undefined || other.kernel.stopped) return this.#tell(side, owner, new DialFailed({ attempt, code: 'dial-refused', reason: 'nobody there' }))
      const id = `link-${String(++this.#links)}`
      const link: Link = {
        id,
        dialer: { side, owner, level: Level.LEVEL_SECURED, closed: false },
        acceptor: { side: other, owner: '', level: Level.LEVEL_SECURED, closed: false }
      }
      side.ends.push({ link, end: link.dialer })
      other.ends.push({ link, end: link.acceptor })
      this.#queue(`${id} in`, () => {
        other.kernel.input(new InboundSecured({ handle: id, peerId: side.peerId, linkId: id, remote: new Endpoint({ host: side.peerId, port: 2 }) }), { from: 'listener/main#tcp', to: 'link-keeper/main' })
      })
      this.#queue(`${id} out`, () => {
        this.#tell(side, owner, new DialOpened({ attempt }))
        this.#tell(side, owner, new LinkSecured({ attempt, linkId: id, peerId: other.peerId, remote: new Endpoint({ host: other.peerId, port: 1 }), direction: Direction.DIRECTION_OUT }))
      })
    })
  }

  #adopt(side: Side, owner: string, handle: string): void {
    const { link, end } = side.ends.find(each => each.link.id === handle && each.end === each.link.acceptor)!
    end.owner = owner
    this.#tell(side, owner, new LinkSecured({ attempt: 0, linkId: handle, peerId: link.dialer.side.peerId, remote: new Endpoint({ host: link.dialer.side.peerId, port: 2 }), direction: Direction.DIRECTION_IN }))
  }

  #other(link: Link, end: End): End {
    return end === link.dialer ? link.acceptor : link.dialer
  }

  /** Puts something on the wire towards the other end. */
  #send(link: Link, end: End, arrive: (other: End) => void): void {
    const other = this.#other(link, end)
    this.#queue(`${link.id} ${other === link.dialer ? 'out' : 'in'}`, () => {
      if (!other.closed) arrive(other)
    })
  }

  #wire(current: { link: Link; end: End } | undefined, body: Message): void {
    if (current === undefined) return
    const { link, end } = current
    this.#send(link, end, other => {
      other.side.kernel.input(body, { from: `peer/${end.side.peerId}`, to: other.owner })
    })
  }

  // The drivers answer pings; as on the wire, the pong follows all that was sent before.
  #ping(link: Link, end: End, id: number, asker: string): void {
    this.#send(link, end, other => this.#send(link, other, () => {
      if (!end.side.gone.has(end.owner)) end.side.kernel.input(new PongReceived({ id, rttUs: 1_000 }), { from: `${end.owner}#link`, to: asker })
    }))
  }

  #close(link: Link, end: End): void {
    if (end.closed) return
    end.closed = true
    const tell = (closed: End, initiator: number): void => {
      if (closed.owner !== '') this.#tell(closed.side, closed.owner, new LinkClosed({ code: 'closed', reason: 'closed', initiator }))
    }
    this.#queue(`local ${end.side.peerId} ${end.owner}`, () => tell(end, 1))
    const other = this.#other(link, end)
    this.#queue(`${link.id} ${other === link.dialer ? 'out' : 'in'}`, () => {
      if (other.closed) return
      other.closed = true
      tell(other, 2)
    })
  }
}
