import { SimulatedSystemError } from '../../actors/simulated/index.ts'
import type {
  DialEvents, SimulatedDatagram, SimulatedDatagramSocket, SimulatedDisk, SimulatedFact, SimulatedHost, SimulatedInterface, SimulatedNetwork,
  SimulatedPlace, SimulatedStream
} from '../../actors/simulated/index.ts'
import type { Timer } from '../kernel/index.ts'
import type { BoundSocket, Machine, OpenStream, Program } from './machine.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'

/** One process on a simulated machine, and all that it has open. */
export class Process implements SimulatedHost, Program {
  readonly machine: Machine
  readonly random: Random
  readonly network: SimulatedNetwork
  readonly streams = new Set<OpenStream>()
  readonly #net: Network
  readonly #tell: (fact: SimulatedFact) => void
  readonly #timers = new Set<Timer>()
  readonly #watchers = new Set<() => void>()
  readonly #sockets = new Set<BoundSocket>()
  readonly #ports = new Set<number>()
  alive = true

  constructor(machine: Machine, net: Network, random: Random, tell: (fact: SimulatedFact) => void) {
    this.machine = machine
    this.random = random
    this.#net = net
    this.#tell = tell
    this.network = {
      interfaces: () => this.#interfaces(),
      watch: listener => {
        this.#watchers.add(listener)
        return () => void this.#watchers.delete(listener)
      },
      bind: (port, receive) => this.#bind(port, receive),
      listen: (port, accept) => this.#listen(port, accept),
      dial: (to, events) => this.#dial(to, events)
    }
  }

  get disk(): SimulatedDisk {
    return this.machine.disk
  }

  /** What it has open, for the count after a stop. */
  get open(): { timers: number; sockets: number; servers: number; streams: number; watchers: number } {
    return { timers: this.#timers.size, sockets: this.#sockets.size, servers: this.#ports.size, streams: this.streams.size, watchers: this.#watchers.size }
  }

  now(): number {
    return this.machine.monotonicMs(this.#net.clock.now())
  }

  wallTime(): number {
    return this.machine.wallMs(this.#net.clock.now())
  }

  tell(fact: SimulatedFact): void {
    this.#tell(fact)
  }

  after(ms: number, run: () => void): () => void {
    const { clock } = this.#net
    const timer: Timer = clock.setTimeout(() => {
      this.#timers.delete(timer)
      this.run(run)
    }, this.machine.durationUs(ms))
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
      clock.clearTimeout(timer)
    }
  }

  run(work: () => void): void {
    if (!this.alive) return
    const { paused } = this.machine
    if (paused === undefined) work()
    else paused.push(() => this.run(work))
  }

  interfacesChanged(): void {
    for (const listener of this.#watchers) this.run(listener)
  }

  /**
   * It is over. The system closes what it had open; with the power lost nobody does.
   * @param how `power` leaves the other sides of its streams in the dark
   */
  end(how: 'exit' | 'power'): void {
    if (!this.alive) return
    this.alive = false
    for (const timer of this.#timers) this.#net.clock.clearTimeout(timer)
    this.#timers.clear()
    this.#watchers.clear()
    for (const socket of this.#sockets) this.#unbind(socket)
    for (const port of this.#ports) this.machine.servers.delete(port)
    this.#ports.clear()
    for (const stream of this.streams) {
      if (how === 'exit') stream.destroy()
      else stream.vanish()
    }
    if (this.machine.process === this) this.machine.process = undefined
  }

  #interfaces(): SimulatedInterface[] {
    return this.machine.nics.filter(({ up }) => up).map(({ name, address, broadcast }) => ({ name, address, broadcast }))
  }

  #bind(wanted: number, receive: (datagram: SimulatedDatagram) => void): SimulatedDatagramSocket {
    const port = wanted === 0 ? this.machine.freePort() : wanted
    const bound: BoundSocket = { port, process: this, receive }
    const { sockets } = this.machine
    const there = sockets.get(port)
    if (there === undefined) sockets.set(port, new Set([bound]))
    else there.add(bound)
    this.#sockets.add(bound)
    return {
      port,
      send: (payload, bytes, to, via) => this.#net.datagram(this.machine, via, port, to, payload, bytes),
      close: () => this.#unbind(bound)
    }
  }

  #unbind(bound: BoundSocket): void {
    this.#sockets.delete(bound)
    const there = this.machine.sockets.get(bound.port)
    there?.delete(bound)
    if (there?.size === 0) this.machine.sockets.delete(bound.port)
  }

  #listen(wanted: number, accept: (stream: SimulatedStream) => void): { readonly port: number; close(): void } {
    const { servers } = this.machine
    let port = wanted === 0 ? this.machine.freePort() : wanted
    while (wanted === 0 && servers.has(port)) port = this.machine.freePort()
    if (servers.has(port)) throw new SimulatedSystemError('address-in-use', `another program listens at port ${port}`)
    servers.set(port, { process: this, accept })
    this.#ports.add(port)
    return {
      port,
      close: () => {
        if (this.#ports.delete(port)) servers.delete(port)
      }
    }
  }

  #dial(to: SimulatedPlace, events: DialEvents): () => void {
    return this.#net.dial(this, to, events)
  }
}
