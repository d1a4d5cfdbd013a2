import type { Faults } from './faults.ts'
import type { Machine } from './machine.ts'
import type { Network, Partition } from './network.ts'
import type { OwnFault } from './own-fault.ts'
import type { SimulatedPeer } from './peer.ts'
import type { Random } from './random.ts'
import type { ScheduledEvent } from './scheduled-event.ts'

export interface AdversaryOptions {
  readonly faults: Faults
  readonly ownFaults: readonly OwnFault[]
  /** What it does, in order of time, counted from {@link Adversary.begin}. */
  readonly events: Iterable<ScheduledEvent>
  /** Peers of the run, those that take no part included. */
  readonly count: number
  /** Draws how fast clocks run. */
  readonly random: Random
  /** Told of what is done, as it is done. */
  readonly did: (event: ScheduledEvent) => void
}

/** Does to a network what is scheduled for it. */
export class Adversary {
  readonly #network: Network
  readonly #peers: ReadonlyMap<number, SimulatedPeer>
  readonly #options: AdversaryOptions
  readonly #doings = new Map<string, number>()
  /** Peers that are down and will start again. */
  readonly #down = new Set<SimulatedPeer>()
  /** What ends the host program's faults that last. */
  readonly #lasting = new Set<() => void>()
  #over = false

  constructor(network: Network, peers: readonly SimulatedPeer[], options: AdversaryOptions) {
    this.#network = network
    this.#peers = new Map(peers.map(peer => [peer.index, peer]))
    this.#options = options
  }

  /** What it has done, by name. */
  get doings(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#doings)
  }

  begin(): void {
    const { faults: { clock: { driftPpm } }, count, random, events } = this.#options
    for (let index = 0; index < count; index++) {
      const drift = driftPpm === 0 ? 0 : random.below(2 * driftPpm + 1) - driftPpm
      const peer = this.#peers.get(index)
      if (peer !== undefined) peer.machine.driftPpm = drift
    }
    const began = this.#network.clock.now()
    const waiting = events[Symbol.iterator]()
    const next = (): void => {
      const { value: event, done } = waiting.next()
      if (done === true) return
      this.#later(event.atMs - (this.#network.clock.now() - began) / 1_000, () => {
        this.#do(event)
        next()
      })
    }
    next()
  }

  /** Nothing more goes wrong, and the network carries what it is given. Among `healed` all is well; the others stay cut off as they are. */
  heal(healed: ReadonlySet<SimulatedPeer>, calm: Faults): void {
    this.#over = true
    const { partitions, machines } = this.#network
    const { faults: { delayMs, bandwidth } } = this.#options
    partitions.clear()
    this.#network.faults = { ...calm, delayMs, bandwidth }
    const others = [...this.#peers.values()].filter(peer => !healed.has(peer))
    if (others.length > 0) partitions.add(this.#cut(others.map(({ index }) => index), false))
    for (const end of this.#lasting) end()
    for (const machine of machines) {
      machine.cloggedUntil = 0
      allUp(machine)
      machine.resume()
    }
    for (const peer of healed) this.#startAgain(peer)
  }

  #do(event: ScheduledEvent): void {
    if (event.do === 'partition') {
      this.#did(event)
      const one = this.#cut(event.away, event.oneWay)
      this.#network.partitions.add(one)
      return this.#later(event.ms, () => this.#network.partitions.delete(one))
    }
    const peer = this.#peers.get(event.peer)
    if (peer === undefined || !peer.running || peer.machine.paused !== undefined || this.#down.has(peer)) return
    this.#did(event)
    const { machine } = peer
    switch (event.do) {
      case 'clog':
        machine.cloggedUntil = this.#network.clock.now() + event.ms * 1_000
        return
      case 'flap':
        return this.#flap(machine, event.nic, event.ms)
      case 'reset': {
        const streams = [...peer.process?.streams ?? []]
        const stream = streams[event.stream % streams.length]
        stream?.reset()
        return stream?.other.reset()
      }
      case 'clock-step':
        machine.wallStepMs += event.byMs
        return
      case 'crash':
        peer.crash(event.power ? 'power' : 'exit')
        return this.#startLater(peer, event.ms)
      case 'restart':
        peer.stop('restart')
        return this.#startLater(peer, event.ms)
      case 'pause':
        machine.pause()
        return this.#later(event.ms, () => machine.resume())
      case 'say':
        return
      default:
        return this.#own(event.do, peer, event.ms)
    }
  }

  #own(name: string, peer: SimulatedPeer, ms: number): void {
    const fault = this.#options.ownFaults.find(each => each.name === name)
    fault?.begin(peer)
    if (fault?.end === undefined) return
    const end = (): void => {
      if (this.#lasting.delete(end)) fault.end!(peer)
    }
    this.#lasting.add(end)
    this.#later(ms, end)
  }

  #startAgain(peer: SimulatedPeer): void {
    this.#down.delete(peer)
    peer.start()
  }

  #startLater(peer: SimulatedPeer, ms: number): void {
    this.#down.add(peer)
    this.#later(ms, () => {
      if (this.#down.has(peer)) this.#startAgain(peer)
    })
  }

  #cut(away: readonly number[], oneWay: boolean): Partition {
    const sides = new Uint8Array(this.#options.count)
    for (const index of away) sides[index] = 1
    return { sides, oneWay }
  }

  #flap(machine: Machine, at: number, ms: number): void {
    const nic = machine.nics[at % machine.nics.length]
    if (nic?.up !== true) return
    nic.up = false
    machine.process?.interfacesChanged()
    this.#later(ms, () => {
      nic.up = true
      machine.process?.interfacesChanged()
    })
  }

  #later(ms: number, act: () => void): void {
    this.#network.clock.setTimeout(() => {
      if (!this.#over) act()
    }, ms * 1_000)
  }

  #did(event: ScheduledEvent): void {
    const names = event.do === 'crash' && event.power ? ['crash', 'power-loss'] : [event.do]
    for (const name of names) this.#doings.set(name, (this.#doings.get(name) ?? 0) + 1)
    this.#options.did(event)
  }
}

function allUp({ nics, process }: Machine): void {
  for (const nic of nics) {
    if (nic.up) continue
    nic.up = true
    process?.interfacesChanged()
  }
}
