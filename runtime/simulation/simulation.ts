import type { LocalPeer } from '../../actors/identity/index.ts'
import { linkKeeperDefinition } from '../../actors/link-keeper/index.ts'
import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { simulatedDrivers } from '../../actors/simulated/index.ts'
import { DecidePeer, Initiator, Registry, TextMessage, type EventOf, type PeerPending } from '../../proto/index.ts'
import { checkActors } from '../peer/check-actors.ts'
import { defaultActors } from '../peer/default-actors.ts'
import { Adversary } from './adversary.ts'
import { joined } from './digest.ts'
import { noFaults } from './faults.ts'
import type { Invariant, SimulationView, Violation } from './invariant.ts'
import { builtInInvariants } from './invariants/index.ts'
import { Network } from './network.ts'
import { SimulationOptionError } from './option-error.ts'
import { isCalm, planOf, type Plan, type SimulateOptions, type SimulationProgress } from './options.ts'
import { definitionsOf, SimulatedPeer, type PeerPlan, type PeerWatcher } from './peer.ts'
import { Random, seedOf } from './random.ts'
import type { Recording } from './recording.ts'
import { saysOf, troublesOf } from './schedule.ts'
import type { ScheduledEvent } from './scheduled-event.ts'
import { checkDrivers } from './shell.ts'
import { machinesOf } from './topology.ts'
import { Trace } from './trace.ts'
import { DECIDES_AFTER_US, simulatedSteps } from './trust.ts'

/** Checked when all else is over, by no object. */
const REPLAY = 'replay'
/** One broken rule is often broken a thousand times: so many of each are kept. */
const VIOLATIONS_MAX = 100

/** A whole network in one process, moved by {@link Simulation.runFor}; {@link simulate} runs one through all its phases. */
export class Simulation {
  readonly plan: Plan
  readonly network: Network
  readonly peers: readonly SimulatedPeer[]
  readonly adversary: Adversary
  readonly violations: Violation[] = []
  readonly healed = new Set<SimulatedPeer>()
  /** Logs of lives that are over. */
  readonly recordings: { readonly peer: SimulatedPeer; readonly life: number; readonly recording: Recording }[] = []
  readonly #byId = new Map<string, SimulatedPeer>()
  readonly #invariants: readonly Invariant[]
  readonly #maxLinks: number
  readonly #maxLanLinks: number | undefined
  readonly #registry = new Registry()
  readonly #byNumber = new Map<number, SimulatedPeer>()
  /** PeerIds of all, where a list of them is needed. */
  readonly #everybody: string[] = []
  #sent = 0
  #calmSinceMs: number | undefined
  #talking = true

  /**
   * @throws SimulationOptionError, FaultOptionError for options that cannot be
   * @throws NoSimulatedDriverError when an actor has a driver that nobody plays
   */
  constructor(options: SimulateOptions = {}) {
    const plan = this.plan = planOf(options)
    const seeded = (use: string): Random => new Random(seedOf(plan, use))
    this.network = new Network(seeded('network'), plan.faults, plan.topology.routed)
    this.#invariants = invariantsOf(plan)
    const drivers = { ...simulatedDrivers, ...plan.drivers }
    const nobody = { peerId: '', networkTag: new Uint8Array(16) } as unknown as LocalPeer
    const first = plan.island * plan.topology.peersPerSubnet
    // Each peer may have other actors of the host program; the default ones are the same for all.
    const specs = Array.from({ length: plan.peers }, (_, index) => this.#actorsOf(first + index, nobody)).flat()
    const definitions = definitionsOf(specs)
    const { maxLinks, maxLanLinks } = keeperOptionsOf(specs)
    this.#maxLinks = Math.min(maxLinks, maxLanLinks || Infinity)
    this.#maxLanLinks = maxLanLinks || undefined
    checkDrivers(definitions, drivers)
    this.#register(definitions)
    const peers: SimulatedPeer[] = []
    this.peers = peers
    const watcher = this.#watcher()
    for (const [index, machine] of machinesOf(plan.peers, plan.topology, plan.island, seeded('topology')).entries()) {
      if (plan.only?.has(index) === false) continue
      const number = first + index
      this.network.add(machine)
      const peerPlan: PeerPlan = {
        seed: `${plan.seed} ${number}`,
        name: `peer-${number}`,
        networkName: plan.peer.network ?? 'simulated',
        actors: local => this.#actorsOf(number, local),
        drivers,
        messages: plan.messages,
        registry: this.#registry,
        codec: plan.codec,
        limits: plan.limits,
        recorded: peers.length < plan.replayed
      }
      const peer = new SimulatedPeer(index, machine, this.network, peerPlan, watcher)
      this.#byId.set(peer.peerId, peer)
      this.#everybody.push(peer.peerId)
      this.#byNumber.set(index, peer)
      peers.push(peer)
    }
    this.adversary = new Adversary(this.network, this.peers, {
      faults: plan.faults, ownFaults: plan.ownFaults, events: troublesOf(plan), count: plan.peers, random: seeded('clocks'),
      did: event => this.network.trace?.event(event, event.do === 'partition' ? undefined : this.#byNumber.get(event.peer), number => `peer-${first + number}`)
    })
    const starts = seeded('starts')
    for (let index = 0; index < plan.peers; index++) {
      const at = starts.below(plan.startWithinMs * 1_000 + 1)
      const peer = this.#byNumber.get(index)
      if (peer === undefined) continue
      // Whoever was healed before its time has started already.
      this.network.clock.setTimeout(() => {
        if (peer.lives === 0 && this.#talking) peer.start()
      }, at)
    }
    this.#talk(saysOf(plan)[Symbol.iterator]())
    this.#checkEverySecond()
  }

  /** Milliseconds of the run. */
  get nowMs(): number {
    return Math.floor(this.network.clock.now() / 1_000)
  }

  /** Text messages that the workload has sent. */
  get sent(): number {
    return this.#sent
  }

  /** Over everything that every peer put out so far. */
  get digest(): string {
    return joined(this.peers.map(({ digest }) => digest.value))
  }

  peer(peerId: string): SimulatedPeer | undefined {
    return this.#byId.get(peerId)
  }

  /** Keeps from here on what happens between the peers. */
  trace(): Trace {
    return this.network.trace ??= new Trace(() => this.network.clock.now())
  }

  /** Lets time pass, in milliseconds of the run. */
  runFor(ms: number): void {
    this.network.clock.advanceTo(this.network.clock.now() + Math.round(ms * 1_000))
  }

  /** Begins what goes wrong. */
  begin(): void {
    if (isCalm(this.plan)) this.#calmSinceMs = this.nowMs
    this.adversary.begin()
  }

  /** Ends what goes wrong, for the peers named; the others stay cut off. */
  heal(peers: Iterable<SimulatedPeer> = this.peers): void {
    for (const peer of peers) this.healed.add(peer)
    this.#calmSinceMs ??= this.nowMs
    const cutOff = this.peers.filter(peer => !this.healed.has(peer)).map(({ name }) => name)
    this.network.trace?.turn(`the faults end${cutOff.length === 0 ? '' : `; cut off: ${cutOff.join(', ')}`}`)
    this.adversary.heal(this.healed, noFaults)
  }

  /** What is still missing for the healed part to be well, with the invariant that says so; undefined when it is. */
  missing(): { readonly invariant: string; readonly message: string } | undefined {
    for (const invariant of this.#invariants) {
      const message = invariant.missing?.(this.#view(invariant.name))
      if (message !== undefined) return { invariant: invariant.name, message }
    }
    return undefined
  }

  violated(invariant: string, message: string): void {
    this.network.trace?.note(`${invariant}: ${message}`)
    const before = this.violations.reduce((count, each) => count + Number(each.invariant === invariant), 0)
    if (before < VIOLATIONS_MAX) this.violations.push({ invariant, atMs: this.nowMs, message })
  }

  /** Stops every peer in order. */
  stop(): void {
    this.#talking = false
    this.network.trace?.turn('all are stopped')
    for (const peer of this.peers) peer.stop('the simulation ends')
  }

  /** Replays the logs that were kept, one at a time; whoever still runs is killed for it. */
  *replays(): Generator<string> {
    for (const peer of this.peers) peer.crash('exit')
    for (const { peer, life, recording } of this.recordings) {
      const difference = recording.replay(this.#registry)
      if (difference !== undefined) this.violated(REPLAY, `the log of life ${life} of ${peer.name} does not replay: ${difference}`)
      yield peer.name
    }
  }

  progress(phase: SimulationProgress['phase']): SimulationProgress {
    let linked = 0
    for (const { pairs } of this.peers) linked += pairs.size
    return { phase, nowMs: this.nowMs, running: this.peers.filter(({ running }) => running).length, linked, violations: this.violations.length }
  }

  #actorsOf(index: number, local: LocalPeer): ActorSpec[] {
    const { peer, definitions, actors, trust } = this.plan
    const steps = trust.length === 0 ? {} : { verify: simulatedSteps(trust, local, this.#everybody) }
    const specs = [...defaultActors({ ...peer, ...steps }, local), ...actors(index).flat()]
    checkActors(specs)
    if (definitions.length === 0) return specs
    const made = new Map<ActorDefinition, ActorDefinition>()
    const standIn = (definition: ActorDefinition): ActorDefinition => {
      const other = definitions.find(({ kind }) => kind === definition.kind)
      // What the peer's options made of a definition's own stays.
      if (!made.has(definition)) made.set(definition, other === undefined ? definition : { ...other, options: { ...other.options, ...definition.options } })
      return made.get(definition)!
    }
    return specs.map(spec => ({
      ...spec, definition: standIn(spec.definition), ...(spec.spawns && { spawns: spec.spawns.map(standIn) })
    }))
  }

  #register(definitions: readonly ActorDefinition[]): void {
    for (const { listens = [], recalls = [], messages = [], wire = [] } of definitions) {
      this.#registry.register(...listens, ...recalls, ...messages, ...wire.map(({ type }) => type))
    }
    this.#registry.register(...this.plan.messages)
  }

  #watcher(): PeerWatcher {
    const views = new Map(this.#invariants.map(invariant => [invariant, this.#view(invariant.name)]))
    const withHook = <K extends keyof Invariant>(hook: K) =>
      this.#invariants.filter(invariant => invariant[hook] !== undefined) as (Invariant & Required<Pick<Invariant, K>>)[]
    const hooks = { fact: withHook('fact'), input: withHook('input'), output: withHook('output'), lifeEnded: withHook('lifeEnded'), stopped: withHook('stopped') }
    const view = (invariant: Invariant): SimulationView => views.get(invariant) as SimulationView
    return {
      fact: (peer, fact) => {
        this.network.trace?.fact(peer, fact, peerId => this.peer(peerId)?.name ?? peerId)
        for (const each of hooks.fact) each.fact(view(each), peer, fact)
      },
      input: (peer, envelope) => {
        this.network.trace?.envelope(peer, envelope)
        for (const each of hooks.input) each.input(view(each), peer, envelope)
      },
      output: (peer, envelope) => {
        this.network.trace?.envelope(peer, envelope)
        if (envelope.type === 'PeerPending') this.#decide(peer, (envelope as EventOf<'PeerPending'>).body)
        for (const each of hooks.output) each.output(view(each), peer, envelope)
      },
      lifeBegan: peer => this.network.trace?.turn(peer.lives === 1 ? 'starts' : `starts again: life ${peer.lives}`, peer),
      lifeEnded: (peer, how, recording) => {
        this.network.trace?.turn({ stop: 'has stopped', exit: 'is killed', power: 'loses power' }[how], peer)
        if (recording !== undefined) this.recordings.push({ peer, life: peer.lives, recording })
        for (const each of hooks.lifeEnded) each.lifeEnded(view(each), peer, how)
      },
      stopped: (peer, left) => { for (const each of hooks.stopped) each.stopped(view(each), peer, left) }
    }
  }

  #view(invariant: string): SimulationView {
    const nowMs = (): number => this.nowMs
    const calmSinceMs = (): number | undefined => this.#calmSinceMs
    return {
      get nowMs() { return nowMs() },
      get calmSinceMs() { return calmSinceMs() },
      peers: this.peers,
      network: this.network,
      faults: this.plan.faults,
      healed: this.healed,
      maxLanLinks: this.#maxLanLinks,
      maxLinks: this.#maxLinks,
      peer: peerId => this.peer(peerId),
      violated: message => this.violated(invariant, message)
    }
  }

  #checkEverySecond(): void {
    const checks = this.#invariants.filter(({ check }) => check !== undefined).map(invariant => ({ invariant, view: this.#view(invariant.name) }))
    const check = (): void => {
      for (const { invariant, view } of checks) {
        const message = invariant.check?.(view)
        if (message !== undefined) this.violated(invariant.name, message)
      }
      this.network.clock.setTimeout(check, 1_000_000)
    }
    this.network.clock.setTimeout(check, 1_000_000)
  }

  /** A simulated person approves whoever asks. */
  #decide(peer: SimulatedPeer, { peerId, initiator }: PeerPending): void {
    if (initiator !== Initiator.INITIATOR_SELF) return
    this.network.clock.setTimeout(() => peer.input(new DecidePeer({ peerId, approved: true })), DECIDES_AFTER_US)
  }

  /** Now and again a peer says something to one that it is linked with. */
  #talk(says: Iterator<ScheduledEvent>): void {
    const { value: event, done } = says.next()
    if (done === true || event.do !== 'say') return
    this.network.clock.setTimeout(() => {
      if (!this.#talking) return
      const peer = this.#byNumber.get(event.peer)
      const to = peer?.running ? this.#linked(peer, event.to) : undefined
      if (to !== undefined) peer!.input(new TextMessage({ text: `simulated ${peer!.lives} ${this.#sent++}` }), `peer/${to}`)
      this.#talk(says)
    }, event.atMs * 1_000 - this.network.clock.now())
  }

  /** The peer of the number, or the next one that the peer is linked with. */
  #linked({ pairs }: SimulatedPeer, number: number): string | undefined {
    const { peers } = this.plan
    for (let past = 0; past < peers && pairs.size > 0; past++) {
      const id = this.#byNumber.get((number + past) % peers)?.peerId
      if (id !== undefined && pairs.has(id)) return id
    }
    return undefined
  }
}

/** The built-in invariants and those of the host program. @throws SimulationOptionError for two of one name: what fails is found by it */
function invariantsOf({ invariants }: Plan): readonly Invariant[] {
  const names = new Set([REPLAY])
  return [...builtInInvariants, ...invariants].map(each => {
    const invariant = typeof each === 'function' ? each() : each
    if (names.has(invariant.name)) throw new SimulationOptionError(`invariants has a second '${invariant.name}': give it a name of its own`)
    names.add(invariant.name)
    return invariant
  })
}

/** Most links of a peer with these actors, whichever option says so; `maxLanLinks` is 0 where there is no such bound. */
function keeperOptionsOf(specs: readonly ActorSpec[]): { readonly maxLinks: number; readonly maxLanLinks: number } {
  const keeper = specs.find(({ definition }) => definition.kind === linkKeeperDefinition.kind)
  const { maxLinks = Infinity, maxLanLinks = 0 } = { ...linkKeeperDefinition.options, ...keeper?.definition.options, ...keeper?.options } as { maxLinks?: number; maxLanLinks?: number }
  return { maxLinks, maxLanLinks }
}
