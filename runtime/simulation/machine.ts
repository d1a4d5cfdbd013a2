import type { SimulatedDatagram, SimulatedDisk, SimulatedStream } from '../../actors/simulated/index.ts'
import type { Random } from './random.ts'

/** Wall time at the start of every run: 2026-01-01. */
const EPOCH_MS = 1_767_225_600_000
const FIRST_FREE_PORT = 32_768
const FREE_PORTS = 28_000

/** An interface of a machine: one address in one subnet. */
export interface Nic {
  readonly name: string
  readonly address: string
  readonly broadcast: string
  readonly subnet: number
  readonly machine: Machine
  /** Among those of its machine, from 0. */
  readonly number: number
  /** What packets to other interfaces meet with; see Network.luck. */
  readonly luck: Map<Nic, Random>
  up: boolean
}

/** One end of an open stream, as whoever breaks it sees it. */
export interface OpenStream {
  readonly other: OpenStream
  destroy(): void
  /** The machine has lost its power. */
  vanish(): void
  /** The network has reset it. */
  reset(): void
}

/** The process that runs on a machine, as its network sees it. */
export interface Program {
  readonly machine: Machine
  readonly alive: boolean
  readonly streams: Set<OpenStream>
  /** Runs something that the world does to it: now, when it goes on, or never. */
  run(work: () => void): void
  interfacesChanged(): void
}

export interface BoundSocket {
  readonly port: number
  readonly process: Program
  receive(datagram: SimulatedDatagram): void
}

export interface BoundServer {
  readonly process: Program
  accept(stream: SimulatedStream): void
}

/** A disk in memory; see {@link SimulatedDisk}. */
export class Disk implements SimulatedDisk {
  readonly #files = new Map<string, Uint8Array>()
  #synced = new Map<string, Uint8Array>()

  read(path: string): Uint8Array | undefined {
    return this.#files.get(path)
  }

  write(path: string, bytes: Uint8Array): void {
    this.#files.set(path, bytes)
  }

  sync(path: string): void {
    const bytes = this.#files.get(path)
    if (bytes === undefined) this.#synced.delete(path)
    else this.#synced.set(path, bytes)
  }

  remove(path: string): void {
    this.#files.delete(path)
  }

  list(): readonly string[] {
    return [...this.#files.keys()]
  }

  /** The power fails: each path that was not synced goes back to what it was, or not, as `keep` says. */
  losePower(keep: () => boolean): void {
    for (const path of new Set([...this.#files.keys(), ...this.#synced.keys()])) {
      if (this.#files.get(path) === this.#synced.get(path) || keep()) continue
      const synced = this.#synced.get(path)
      if (synced === undefined) this.#files.delete(path)
      else this.#files.set(path, synced)
    }
    this.#synced = new Map(this.#files)
  }
}

/** A computer: its interfaces, disk and clock, and the one process that runs on it. */
export class Machine {
  readonly index: number
  readonly nics: Nic[] = []
  readonly disk = new Disk()
  readonly servers = new Map<number, BoundServer>()
  readonly sockets = new Map<number, Set<BoundSocket>>()
  process: Program | undefined
  /** It has power. */
  on = true
  /** What happens to the process while it stands still; undefined while it runs. */
  paused: (() => void)[] | undefined
  /** Its clock runs faster by so many parts per million. */
  driftPpm = 0
  /** Its wall clock is ahead by so many milliseconds. */
  wallStepMs = 0
  /** What it sends is held back until then, in microseconds of the run. */
  cloggedUntil = 0
  #nextPort = 0

  constructor(index: number) {
    this.index = index
  }

  /** Milliseconds of its monotonic clock at a time of the run in microseconds. */
  monotonicMs(nowUs: number): number {
    return (nowUs + (nowUs * this.driftPpm) / 1_000_000) / 1_000
  }

  /** How long so many milliseconds of its clock take, in microseconds. */
  durationUs(ms: number): number {
    return Math.ceil((ms * 1_000) / (1 + this.driftPpm / 1_000_000))
  }

  wallMs(nowUs: number): number {
    return EPOCH_MS + this.wallStepMs + Math.floor(this.monotonicMs(nowUs))
  }

  freePort(): number {
    return FIRST_FREE_PORT + (this.#nextPort++ % FREE_PORTS)
  }

  pause(): void {
    this.paused ??= []
  }

  resume(): void {
    const waiting = this.paused ?? []
    this.paused = undefined
    for (const run of waiting) run()
  }
}
