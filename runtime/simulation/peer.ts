import { LocalPeer, Identity, networkTag } from '../../actors/identity/index.ts'
import { simulatedIdentity, type SimulatedIdentity } from '../../actors/identity/simulated.ts'
import { WireTypes } from '../../actors/peer-connection/index.ts'
import { Services, type ActorDefinition, type ActorSpec } from '../../actors/seam/index.ts'
import { SimulatedHost, type SimulatedDrivers, type SimulatedFact } from '../../actors/simulated/index.ts'
import {
  DiscoveryStarted, Level, TextMessage, type Envelope, type EventOf, type Message, type MessageClass, type Registry
} from '../../proto/index.ts'
import { currentFlags, Kernel, type Codec, type Inspection, type Limits, type Tap } from '../kernel/index.ts'
import { logHeader } from '../log/header.ts'
import { LiveClock } from '../peer/live-clock.ts'
import { OutputDigest } from './digest.ts'
import type { Machine } from './machine.ts'
import type { Network } from './network.ts'
import { Process } from './process.ts'
import { Random } from './random.ts'
import { Recording } from './recording.ts'
import { SimulatedShell } from './shell.ts'

const LIFE_FILE = 'life'
/** From the stop of the core until what is left is counted, in microseconds: a last report may be due within a second. */
const STOPPED_US = 1_500_000

/** What a simulated peer is made of. */
export interface PeerPlan {
  /** Of the run, with the peer's number. */
  readonly seed: string
  readonly name: string
  readonly networkName: string
  readonly actors: (local: LocalPeer) => readonly ActorSpec[]
  readonly drivers: SimulatedDrivers
  readonly messages: readonly MessageClass[]
  readonly registry: Registry
  readonly codec: Codec
  readonly limits: Partial<Limits>
  /** Keeps the log of every life, so that it can be replayed. */
  readonly recorded: boolean
}

/** What is told of a peer. */
export interface PeerWatcher {
  fact(peer: SimulatedPeer, fact: SimulatedFact): void
  input(peer: SimulatedPeer, envelope: Envelope): void
  output(peer: SimulatedPeer, envelope: Envelope): void
  lifeBegan(peer: SimulatedPeer): void
  /** A life is over; `how` it ended. */
  lifeEnded(peer: SimulatedPeer, how: 'stop' | 'exit' | 'power', recording: Recording | undefined): void
  /** The core stopped in order; what is left of it. */
  stopped(peer: SimulatedPeer, left: Inspection & { readonly drivers: number; readonly open: Process['open'] }): void
}

/** How far a pair is, as one side has announced it. */
export type PairLevel = 'connected' | 'verified'

/** One peer, through all its lives: a machine, an identity, and while it runs a kernel. */
export class SimulatedPeer {
  readonly index: number
  readonly peerId: string
  readonly name: string
  readonly machine: Machine
  readonly digest = new OutputDigest()
  /** Peers that this life has announced as connected, with their level. */
  readonly pairs = new Map<string, PairLevel>()
  /** Peers that this life has found. */
  readonly found = new Set<string>()
  lives = 0
  #stopping = false
  #again = false
  readonly #plan: PeerPlan
  readonly #network: Network
  readonly #watcher: PeerWatcher
  readonly #identity: SimulatedIdentity
  readonly #random: Random
  #life: { readonly kernel: Kernel; readonly clock: LiveClock; readonly process: Process; readonly shell: SimulatedShell; readonly recording: Recording | undefined } | undefined

  constructor(index: number, machine: Machine, network: Network, plan: PeerPlan, watcher: PeerWatcher) {
    this.index = index
    this.machine = machine
    this.name = plan.name
    this.#plan = plan
    this.#network = network
    this.#watcher = watcher
    this.#identity = simulatedIdentity(plan.seed)
    this.peerId = this.#identity.peerId
    this.#random = new Random(`${plan.seed} peer`)
  }

  get running(): boolean {
    return this.#life !== undefined
  }

  /** The core of the present life. */
  get kernel(): Kernel | undefined {
    return this.#life?.kernel
  }

  get process(): Process | undefined {
    return this.#life?.process
  }

  get drivers(): number {
    return this.#life?.shell.drivers ?? 0
  }

  /** Starts a process on its machine, which has power then; one that is stopping starts again once it has. */
  start(): void {
    if (this.#life !== undefined) {
      this.#again = this.#stopping
      return
    }
    this.#stopping = this.#again = false
    this.machine.on = true
    this.lives++
    this.pairs.clear()
    this.found.clear()
    const plan = this.#plan
    const process: Process = new Process(this.machine, this.#network, this.#random, fact => this.#watcher.fact(this, fact))
    this.machine.process = process
    const local = this.#local(process)
    const actors = plan.actors(local)
    const services = this.#services(process, local, actors)
    const seed = this.#random.bytes(32)
    const definitions = definitionsOf(actors)
    const flags = currentFlags(definitions)
    const recording = plan.recorded ? new Recording(logHeader({ seed, actors, flags, limits: plan.limits, wallTime: process.wallTime(), peerId: this.peerId, name: this.name }), definitions) : undefined
    const shell: SimulatedShell = new SimulatedShell({
      drivers: plan.drivers, process, services, registry: plan.registry,
      feed: (body, address) => {
        if (process.alive && !kernel.stopped) clock.enter(() => kernel.input(body, address))
      }
    })
    const kernel: Kernel = new Kernel({ seed, actors, flags, registry: plan.registry, codec: plan.codec, limits: plan.limits, shell, tap: this.#tap(recording) })
    const clock: LiveClock = new LiveClock(kernel, {
      now: () => process.now(),
      setTimer: (callback, ms) => process.after(ms, callback),
      clearTimer: cancel => (cancel as () => void)()
    })
    this.#life = { kernel, clock, process, shell, recording }
    this.#watcher.lifeBegan(this)
    kernel.onStopped(() => this.#stopped())
    clock.start(() => kernel.start())
    this.input(new DiscoveryStarted())
  }

  /** A message of the host program; nothing happens while the process does not run. */
  input(body: Message, to = ''): void {
    const life = this.#life
    if (life === undefined) return
    life.process.run(() => {
      if (!life.kernel.stopped) life.clock.enter(() => life.kernel.input(body, { from: 'host', to }))
    })
  }

  /** Asks for an ordered stop. */
  stop(reason = 'stopped'): void {
    const life = this.#life
    if (life === undefined) return
    this.#stopping = true
    this.#again = false
    life.process.run(() => life.clock.enter(() => life.kernel.stop(reason)))
  }

  /** The process ends without a word: killed, or its machine has lost power. */
  crash(how: 'exit' | 'power'): void {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.machine.paused = undefined
    life.process.end(how)
    if (how === 'power') {
      this.machine.on = false
      this.machine.disk.losePower(() => this.#random.percent(50))
    }
    this.#watcher.lifeEnded(this, how, life.recording)
  }

  /** What the process has open, and what its core holds. */
  inspect(): Inspection | undefined {
    return this.#life?.kernel.inspect()
  }

  #stopped(): void {
    const life = this.#life
    if (life === undefined) return
    this.#stopping = true
    // Its last drivers stop in this very moment; the process ends when the event is through.
    this.#network.clock.setTimeout(() => {
      if (this.#life !== life) return
      this.#life = undefined
      life.clock.stop()
      this.#watcher.stopped(this, { ...life.kernel.inspect(), drivers: life.shell.drivers, open: life.process.open })
      life.process.end('exit')
      this.#watcher.lifeEnded(this, 'stop', life.recording)
      if (this.#again) this.start()
    }, STOPPED_US)
  }

  /** This life, later than every one that the disk remembers; as beginLife has it. */
  #local(process: Process): LocalPeer {
    const { disk } = process
    const last = Number(Buffer.from(disk.read(LIFE_FILE) ?? new Uint8Array()).toString())
    const startedAt = Math.max(process.wallTime(), last + 1)
    disk.write(LIFE_FILE, Buffer.from(String(startedAt)))
    disk.sync(LIFE_FILE)
    const { networkName, name } = this.#plan
    return {
      peerId: this.peerId, name, network: networkName, networkTag: networkTag(networkName), agent: 'p2pnet simulated',
      instance: { startedAt, nonce: this.#random.bytes(8) }
    }
  }

  #services(process: Process, local: LocalPeer, actors: readonly ActorSpec[]): Services {
    const services = new Services()
    services.provide(SimulatedHost, process)
    services.provide(Identity, this.#identity)
    services.provide(LocalPeer, local)
    const wire = services.get(WireTypes)
    for (const { kind, wire: types } of definitionsOf(actors)) if (types !== undefined) wire.add(types, kind)
    wire.add(this.#plan.messages.map(type => ({ type })), 'host')
    wire.add([{ type: TextMessage, level: Level.LEVEL_BASIC }], 'host')
    return services
  }

  #tap(recording: Recording | undefined): Tap {
    return {
      input: (envelope, nested) => {
        recording?.input(envelope, nested)
        this.#watcher.input(this, envelope)
      },
      output: envelope => {
        recording?.output(envelope)
        this.digest.add(envelope)
        if (envelope.to === '') this.#announced(envelope)
        this.#watcher.output(this, envelope)
      },
      stopped: time => recording?.stopped(time)
    }
  }

  #announced(envelope: Envelope): void {
    const event = envelope as EventOf<'PeerFound' | 'PeerConnected' | 'PeerVerified' | 'PeerDisconnected'>
    switch (event.type) {
      case 'PeerFound': return void this.found.add(event.body.peerId)
      case 'PeerConnected': return void this.pairs.set(event.body.peerId, 'connected')
      case 'PeerVerified': return void this.pairs.set(event.body.peerId, 'verified')
      case 'PeerDisconnected': return void this.pairs.delete(event.body.peerId)
    }
  }
}

/** Every definition that the specs bring, once. */
export function definitionsOf(actors: readonly ActorSpec[]): ActorDefinition[] {
  return [...new Set(actors.flatMap(({ definition, spawns = [] }) => [definition, ...spawns]))]
}
