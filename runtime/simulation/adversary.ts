import type { Faults, Trouble } from './faults.ts'
import type { Network, Partition } from './network.ts'
import type { SimulatedPeer } from './peer.ts'
import type { Random } from './random.ts'

const HOUR_US = 3_600_000_000
const MINUTE_US = 60_000_000

/** Does to a network what its faults say, at times drawn from the seed. */
export class Adversary {
  readonly #network: Network
  readonly #peers: readonly SimulatedPeer[]
  readonly #faults: Faults
  readonly #random: Random
  readonly #doings = new Map<string, number>()
  /** Peers that are down and will start again. */
  readonly #down = new Set<SimulatedPeer>()
  #over = false

  constructor(network: Network, peers: readonly SimulatedPeer[], faults: Faults, random: Random) {
    this.#network = network
    this.#peers = peers
    this.#faults = faults
    this.#random = random
  }

  /** What it has done, by name. */
  get doings(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#doings)
  }

  begin(): void {
    const { clog, partition, flap, resetsPerPeerHour, clock, crash, restart, pause } = this.#faults
    for (const { machine } of this.#peers) machine.driftPpm = clock.driftPpm === 0 ? 0 : this.#random.below(2 * clock.driftPpm + 1) - clock.driftPpm
    this.#each('clog', clog.perPeerHour, ({ machine }) => {
      machine.cloggedUntil = this.#network.clock.now() + this.#us(clog)
    })
    this.#every('partition', partition.perMinute / MINUTE_US, () => this.#partition())
    this.#each('flap', flap.perPeerHour, peer => this.#flap(peer))
    this.#each('reset', resetsPerPeerHour, ({ process }) => {
      const streams = [...process?.streams ?? []]
      if (streams.length === 0) return
      const stream = this.#random.pick(streams)
      stream.reset()
      stream.other.reset()
    })
    this.#each('clock-step', clock.stepsPerPeerHour, ({ machine }) => {
      machine.wallStepMs += this.#random.below(2 * clock.stepMs + 1) - clock.stepMs
    })
    this.#each('crash', crash.perPeerHour, peer => {
      const power = this.#random.percent(crash.powerPercent)
      if (power) this.#did('power-loss')
      peer.crash(power ? 'power' : 'exit')
      this.#startLater(peer, crash)
    })
    this.#each('restart', restart.perPeerHour, peer => {
      peer.stop('restart')
      this.#startLater(peer, restart)
    })
    this.#each('pause', pause.perPeerHour, ({ machine }) => {
      machine.pause()
      this.#later(this.#us(pause), () => machine.resume())
    })
  }

  /** Nothing more goes wrong, and the network carries what it is given. Among `healed` all is well; the others stay cut off as they are. */
  heal(healed: ReadonlySet<SimulatedPeer>, calm: Faults): void {
    this.#over = true
    const { partitions, machines } = this.#network
    partitions.clear()
    this.#network.faults = { ...calm, delayMs: this.#faults.delayMs, bandwidth: this.#faults.bandwidth }
    if (healed.size < this.#peers.length) {
      partitions.add({ sides: Uint8Array.from(this.#peers, peer => healed.has(peer) ? 0 : 1), oneWay: false })
    }
    for (const machine of machines) {
      machine.cloggedUntil = 0
      this.#allUp(machine.nics)
      machine.resume()
    }
    for (const peer of this.#peers) if (healed.has(peer)) this.#startAgain(peer)
  }

  /** Those that were down start again too. */
  startAll(): void {
    this.#network.partitions.clear()
    for (const peer of this.#peers) this.#startAgain(peer)
  }

  #startAgain(peer: SimulatedPeer): void {
    this.#down.delete(peer)
    peer.start()
  }

  #startLater(peer: SimulatedPeer, trouble: Trouble): void {
    this.#down.add(peer)
    this.#later(this.#us(trouble), () => {
      if (this.#down.has(peer)) this.#startAgain(peer)
    })
  }

  #partition(): void {
    const { partition } = this.#faults
    const isolate = this.#random.percent(partition.isolatePercent)
    const alone = this.#random.below(this.#peers.length)
    const one: Partition = {
      sides: Uint8Array.from(this.#peers, (_, index) => isolate ? Number(index === alone) : this.#random.below(2)),
      oneWay: this.#random.percent(partition.oneWayPercent)
    }
    this.#network.partitions.add(one)
    this.#later(Math.ceil(this.#random.spread(partition.ms) * 1_000), () => this.#network.partitions.delete(one))
  }

  #flap({ machine }: SimulatedPeer): void {
    const nic = this.#random.pick(machine.nics)
    if (!nic.up) return
    nic.up = false
    machine.process?.interfacesChanged()
    this.#later(this.#us(this.#faults.flap), () => {
      nic.up = true
      machine.process?.interfacesChanged()
    })
  }

  #allUp(nics: SimulatedPeer['machine']['nics']): void {
    for (const nic of nics) {
      if (nic.up) continue
      nic.up = true
      nic.machine.process?.interfacesChanged()
    }
  }

  #us({ ms }: Trouble): number {
    return Math.ceil(this.#random.spread(ms) * 1_000)
  }

  /** Now and again to one of the peers that are well. */
  #each(name: string, perPeerHour: number, act: (peer: SimulatedPeer) => void): void {
    this.#every(name, (perPeerHour * this.#peers.length) / HOUR_US, () => {
      const peer = this.#random.pick(this.#peers)
      if (peer.running && peer.machine.paused === undefined && !this.#down.has(peer)) act(peer)
    })
  }

  #every(name: string, perUs: number, act: () => void): void {
    if (perUs <= 0) return
    const mean = 1 / perUs
    const next = (): void => this.#later(Math.ceil(this.#random.spread({ min: 0, mean, max: mean * 20 })), () => {
      this.#did(name)
      act()
      next()
    })
    next()
  }

  #later(us: number, act: () => void): void {
    this.#network.clock.setTimeout(() => {
      if (!this.#over) act()
    }, us)
  }

  #did(name: string): void {
    this.#doings.set(name, (this.#doings.get(name) ?? 0) + 1)
  }
}
