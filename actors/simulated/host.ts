import { serviceKey } from '../seam/index.ts'
import type { SimulatedFact } from './facts.ts'

/** A place in the simulated network. */
export interface SimulatedPlace {
  readonly host: string
  readonly port: number
}

/** An interface of a simulated machine that is up. */
export interface SimulatedInterface {
  readonly name: string
  /** IPv4. */
  readonly address: string
  /** The subnet's broadcast address. */
  readonly broadcast: string
}

/** One datagram as it arrives. */
export interface SimulatedDatagram {
  /** What was sent, by reference: never changed by anyone. A property `what` is its name where a run is shown to a person. */
  readonly payload: unknown
  readonly source: SimulatedPlace
  /** Name of the interface that it came in by. */
  readonly via: string
  /** Bits were flipped on the way: nothing in it can be trusted. */
  readonly corrupt: boolean
}

export interface SimulatedDatagramSocket {
  readonly port: number
  /**
   * Sends by one interface: to one address, to a broadcast address, or to a group (224.0.0.0/4), which
   * reach every machine of the interface's subnet that has the port bound. False where the interface is down.
   */
  send(payload: unknown, bytes: number, to: SimulatedPlace, via: string): boolean
  close(): void
}

/** How a stream ended. */
export type StreamEnd = 'closed' | 'reset'

export interface StreamListener {
  message(message: unknown): void
  ended(how: StreamEnd): void
}

/**
 * One end of a byte stream such as TCP gives, of whole messages: reliable and in order while it
 * lasts. A cut path does not end it: what is sent waits and is tried again, ever more rarely.
 */
export interface SimulatedStream {
  readonly local: SimulatedPlace
  readonly remote: SimulatedPlace
  /** Sent and not taken by the other side's program, in bytes. */
  readonly inFlight: number
  /** Called when a message that was sent has been taken; set it where senders wait. */
  acknowledged: (() => void) | undefined
  /**
   * Called for what arrives, and once for the end that the other side or the network made. While there is
   * no listener what comes waits.
   */
  listen(listener: StreamListener | undefined): void
  /** A property `what` of the message is its name where a run is shown to a person. */
  send(message: unknown, bytes: number): void
  /** Says that nothing more comes, after what was sent. The other side may go on sending. */
  finish(): void
  /** Ends both directions at once; nothing more is heard of it. */
  destroy(): void
}

export interface DialEvents {
  opened(stream: SimulatedStream): void
  /** `dial-refused` or `dial-unreachable`; one that nobody answers goes on trying until it is given up. */
  failed(code: string): void
}

/** Thrown by a simulated machine for what the system would refuse; the code is of docs/codes.md. */
export class SimulatedSystemError extends Error {
  override name = 'SimulatedSystemError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The network as one machine sees it. What a life of its peer opens is closed with it. */
export interface SimulatedNetwork {
  interfaces(): readonly SimulatedInterface[]
  /** Calls the listener when interfaces come or go. Returns what ends it. */
  watch(listener: () => void): () => void
  /** @param port 0 takes a free one. Several sockets may share a port, as with SO_REUSEADDR. */
  bind(port: number, receive: (datagram: SimulatedDatagram) => void): SimulatedDatagramSocket
  /**
   * @param port 0 takes a free one
   * @throws SimulatedSystemError `address-in-use`
   */
  listen(port: number, accept: (stream: SimulatedStream) => void): { readonly port: number; close(): void }
  /** Returns what gives it up. */
  dial(to: SimulatedPlace, events: DialEvents): () => void
}

/** A disk on which what was not synced is lost with the power. */
export interface SimulatedDisk {
  read(path: string): Uint8Array | undefined
  write(path: string, bytes: Uint8Array): void
  /** What was written to the path survives from here on. */
  sync(path: string): void
  remove(path: string): void
  list(): readonly string[]
}

/** Whole numbers from the run's seed. */
export interface SimulatedRandom {
  /** From 0 up to but not including `limit` (1 to 2^31). */
  below(limit: number): number
  bytes(count: number): Uint8Array
}

/** The machine that a simulated driver runs on: all that it may know of the world. */
export interface SimulatedHost {
  /** Milliseconds since the machine started, by its own clock, which may drift. */
  now(): number
  /** Milliseconds since the epoch, by its own clock, which may be wrong. */
  wallTime(): number
  /** Calls later, by its own clock; never while the process is paused or after it ended. Returns what cancels it. */
  after(ms: number, run: () => void): () => void
  readonly random: SimulatedRandom
  readonly network: SimulatedNetwork
  readonly disk: SimulatedDisk
  /** Tells the invariants something that no message says. */
  tell(fact: SimulatedFact): void
}

/** The machine of this peer; the simulator provides it. */
export const SimulatedHost = serviceKey<SimulatedHost>('simulated-host', () => {
  throw new TypeError('there is no simulated machine here: run this peer in a simulation')
})
