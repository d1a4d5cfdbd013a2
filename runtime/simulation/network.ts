import type { DialEvents, SimulatedPlace } from '../../actors/simulated/index.ts'
import { HeapClock } from '../kernel/index.ts'
import type { Faults } from './faults.ts'
import type { BoundSocket, Machine, Nic, Program } from './machine.ts'
import { Random } from './random.ts'
import { Stream, type Carrier } from './stream.ts'
import type { Trace, TracedMessage } from './trace.ts'

/** Of one hop to another subnet and back into it, compared with a path within one. */
const ROUTED_FACTOR = 3
/** When a caller that is not answered calls again, and how long the neighbour of a machine that is off takes to notice, in microseconds. */
const SYN_US = 1_000_000
const NEIGHBOUR_US = 3_000_000
const SYN_TRIES = 6
/** More interfaces than any machine has. */
const NICS = 16

/** A cut through the network. */
export interface Partition {
  /** Which side each machine is on, by its index. */
  readonly sides: Uint8Array
  /** Side 0 still reaches side 1. */
  readonly oneWay: boolean
}

/** What crossed the network. */
export interface NetworkStats {
  datagrams: number
  datagramsLost: number
  streams: number
  dialsRefused: number
}

/**
 * The network between the machines, and the one clock of a run: a heap of events in order of (time,
 * seq), in microseconds.
 */
export class Network implements Carrier {
  readonly clock = new HeapClock({ maxTimers: Number.MAX_SAFE_INTEGER, maxTimersPerInstant: Number.MAX_SAFE_INTEGER })
  readonly machines: Machine[] = []
  readonly partitions = new Set<Partition>()
  readonly stats: NetworkStats = { datagrams: 0, datagramsLost: 0, streams: 0, dialsRefused: 0 }
  /** Unicast passes between subnets. */
  readonly routed: boolean
  faults: Faults
  /** Told of every message, where somebody wants to see them. */
  trace: Trace | undefined
  readonly #luck: number
  readonly #subnets = new Map<number, Nic[]>()
  readonly #nics = new Map<string, Nic>()

  constructor(random: Random, faults: Faults, routed: boolean) {
    this.#luck = random.next()
    this.faults = faults
    this.routed = routed
  }

  add(machine: Machine): void {
    this.machines.push(machine)
    for (const nic of machine.nics) {
      this.#nics.set(nic.address, nic)
      const there = this.#subnets.get(nic.subnet)
      if (there === undefined) this.#subnets.set(nic.subnet, [nic])
      else there.push(nic)
    }
  }

  /** Whether what one interface sends now would reach the other. */
  passes(from: Nic, to: Nic): boolean {
    if (!from.up || !to.up || !from.machine.on || !to.machine.on) return false
    if (from.subnet !== to.subnet && !this.routed) return false
    for (const { sides, oneWay } of this.partitions) {
      const here = sides[from.machine.index]
      if (here !== sides[to.machine.index] && !(oneWay && here === 0)) return false
    }
    return true
  }

  /** What befalls packets from one interface to another is drawn from a stream of its own, so that no pair's luck depends on what others send. */
  luck(from: Nic, to: Nic): Random {
    let luck = from.luck.get(to)
    if (luck === undefined) from.luck.set(to, luck = new Random(mixed(this.#luck, from.machine.index * NICS + from.number, to.machine.index * NICS + to.number)))
    return luck
  }

  delayUs(from: Nic, to: Nic, luck = this.luck(from, to)): number {
    if (from.machine === to.machine) return 20
    const us = Math.ceil(luck.spread(this.faults.delayMs) * 1_000)
    return from.subnet === to.subnet ? us : us * ROUTED_FACTOR
  }

  datagram(machine: Machine, via: string, port: number, to: SimulatedPlace, payload: unknown, bytes: number): boolean {
    const from = machine.nics.find(({ name }) => name === via)
    if (from === undefined || !from.up) return false
    const source = { host: from.address, port }
    if (to.host === from.broadcast || isGroup(to.host)) {
      // A machine does not hear itself: its own announcements would be dropped there anyway.
      for (const nic of this.#subnets.get(from.subnet) ?? []) if (nic.machine !== machine) this.#send(from, nic, source, to.port, payload, bytes)
      return true
    }
    const nic = this.#nics.get(to.host)
    if (nic !== undefined) this.#send(from, nic, source, to.port, payload, bytes)
    return true
  }

  /** Opens a stream; returns what gives it up. */
  dial(process: Program, to: SimulatedPlace, events: DialEvents): () => void {
    const there = this.#nics.get(to.host)
    const from = this.#route(process.machine, there)
    let over = false
    let stream: Stream | undefined
    let cancel = (): void => {}
    const fail = (code: string, afterUs: number): void => {
      const timer = this.clock.setTimeout(() => process.run(() => {
        if (over) return
        over = true
        events.failed(code)
      }), afterUs)
      cancel = () => this.clock.clearTimeout(timer)
    }
    const call = (attempt: number): void => {
      if (over || from === undefined || !process.alive) return
      const again = (): void => {
        if (attempt >= SYN_TRIES) return
        const timer = this.clock.setTimeout(() => call(attempt + 1), SYN_US * (1 << attempt))
        cancel = () => this.clock.clearTimeout(timer)
      }
      const sent = there && this.trace?.sent(from.machine, there.machine, attempt === 0 ? 'dial' : 'dial again')
      if (there === undefined || !this.passes(from, there)) {
        if (sent) sent.lost = 'cut off'
        // Whoever answers on this subnet for no address is not there; beyond a router nobody says so.
        return attempt >= 1 && there?.subnet === from.subnet ? fail('dial-unreachable', NEIGHBOUR_US - SYN_US) : again()
      }
      if (this.luck(from, there).percent(this.faults.lossPercent)) {
        if (sent) sent.lost = 'lost'
        return again()
      }
      this.clock.setTimeout(() => {
        if (over || !process.alive) return
        if (!there.machine.on) return again()
        if (sent) sent.arrivedUs = this.clock.now()
        const server = there.machine.servers.get(to.port)
        if (server === undefined) {
          this.stats.dialsRefused++
          if (this.trace !== undefined) this.trace.sent(there.machine, from.machine, 'refused').arrivedUs = this.clock.now()
          return fail('dial-refused', this.delayUs(there, from))
        }
        stream = this.#connect(process, from, server.process, there, to.port)
        const { other } = stream
        stream.opened = () => {
          if (over) return
          over = true
          events.opened(stream!)
        }
        server.process.run(() => {
          if (!other.gone) server.accept(other)
        })
        other.accepted()
      }, this.delayUs(from, there))
    }
    if (from === undefined) fail('dial-unreachable', 0)
    else call(0)
    return () => {
      if (over) return
      over = true
      cancel()
      stream?.destroy()
    }
  }

  #connect(process: Program, from: Nic, server: Program, there: Nic, port: number): Stream {
    const local = { host: from.address, port: process.machine.freePort() }
    const remote = { host: there.address, port }
    this.stats.streams++
    const here = new Stream(this, process, from, local, remote)
    const far = new Stream(this, server, there, remote, local)
    here.other = far
    far.other = here
    return here
  }

  /** The interface by which a machine reaches another's. */
  #route(machine: Machine, there: Nic | undefined): Nic | undefined {
    const direct = there && machine.nics.find(({ subnet, up }) => up && subnet === there.subnet)
    return direct ?? (this.routed ? machine.nics.find(({ up }) => up) : undefined)
  }

  #send(from: Nic, to: Nic, source: SimulatedPlace, port: number, payload: unknown, bytes: number): void {
    const { faults, stats } = this
    stats.datagrams++
    if (!to.machine.sockets.has(port)) return
    const random = this.luck(from, to)
    const sent = this.trace?.sent(from.machine, to.machine, payload)
    const passes = this.passes(from, to)
    if (!passes || random.percent(faults.lossPercent)) {
      stats.datagramsLost++
      if (sent) sent.lost = passes ? 'lost' : 'cut off'
      return
    }
    for (let copies = random.percent(faults.duplicatePercent) ? 2 : 1; copies > 0; copies--) {
      let delay = this.delayUs(from, to, random)
      if (random.percent(faults.reorder.percent)) delay += Math.ceil(random.spread(faults.reorder.ms) * 1_000)
      if (faults.bandwidth > 0) delay += Math.ceil((bytes * 1_000_000) / faults.bandwidth)
      const held = Math.max(0, from.machine.cloggedUntil - this.clock.now())
      const corrupt = random.percent(faults.corruptPercent)
      this.clock.setTimeout(() => this.#arrive(to, source, port, payload, corrupt, sent), held + delay)
    }
  }

  #arrive(to: Nic, source: SimulatedPlace, port: number, payload: unknown, corrupt: boolean, sent: TracedMessage | undefined): void {
    if (sent && corrupt) sent.lost = 'corrupt'
    const { machine } = to
    const bound = to.up && machine.on ? machine.sockets.get(port) : undefined
    if (bound === undefined) return
    const datagram = { payload: corrupt ? damaged(payload) : payload, source, via: to.name, corrupt }
    for (const socket of bound) this.#hand(socket, datagram, sent)
  }

  #hand(socket: BoundSocket, datagram: Parameters<BoundSocket['receive']>[0], sent: TracedMessage | undefined): void {
    // A system keeps only so much for a process that does not read.
    if ((socket.process.machine.paused?.length ?? 0) > 4_096) return
    socket.process.run(() => {
      if (socket.process.machine.sockets.get(socket.port)?.has(socket) !== true) return
      if (sent === undefined) socket.receive(datagram)
      else this.trace?.arrived(sent, () => socket.receive(datagram))
    })
  }
}

function isGroup(host: string): boolean {
  const first = Number(host.slice(0, host.indexOf('.')))
  return first >= 224 && first <= 239
}

/** One whole number of three that differ little: the last step of murmur3, twice. */
function mixed(seed: number, a: number, b: number): number {
  let hash = seed
  for (const part of [a, b]) {
    hash = Math.imul(hash ^ part, 0x85eb_ca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
    hash ^= hash >>> 16
  }
  return hash
}

/** Bytes get a bit flipped; other payloads only say that they are damaged. */
function damaged(payload: unknown): unknown {
  if (!(payload instanceof Uint8Array) || payload.length === 0) return payload
  const copy = Uint8Array.from(payload)
  const at = copy.length >> 1
  copy[at] = (copy[at] as number) ^ 1
  return copy
}
