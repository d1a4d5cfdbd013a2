import type { Logger } from 'pino'
import { LinkError } from '../../actors/peer-connection/index.ts'
import type { ActorDefinition, Driver, DriverContext, DriverFactory, Services } from '../../actors/seam/index.ts'
import { DriverFailed, type Envelope, type Registry } from '../../proto/index.ts'
import type { Shell } from '../kernel/index.ts'
import { Reports, type Feed } from './reports.ts'

/** What the shell needs of the links to other peers. */
export interface RemoteLinks {
  send(peerId: string, message: { type: string; bytes: Uint8Array }): boolean
  connected(): readonly string[]
}

export interface DriverHostOptions {
  readonly registry: Registry
  readonly services: Services
  readonly links: () => RemoteLinks
  readonly log: Logger
  /** Longest wait for one driver's stop(), in milliseconds. @default 5000 */
  readonly stopTimeoutMs?: number
  /** @default 1000 */
  readonly reportEveryMs?: number
}

/** Thrown by stop when drivers did not close in time: the process may still hold what they opened. */
export class DriverStuckError extends Error {
  override name = 'DriverStuckError'
  readonly drivers: readonly string[]

  constructor(drivers: readonly string[], timeoutMs: number) {
    super(`${drivers.join(', ')} did not stop within ${timeoutMs} ms: look for a stop() whose promise never resolves`)
    this.drivers = drivers
  }
}

/** What became of a message to another peer. */
export interface Delivery {
  readonly seq: number
  /** False where the link is above its high-water mark. */
  readonly ready: boolean
  /** The first of `missed`. */
  readonly error?: Error
  /** The peers that could not take it. */
  readonly missed?: readonly Missed[]
}

/** A peer that a message could not be sent to, and why. */
export interface Missed {
  readonly peerId: string
  readonly error: Error
}

interface Running {
  readonly driver: Driver | undefined
  /** What arrived while the driver of an earlier incarnation was still closing. */
  waiting: Envelope[] | undefined
}

/** Messages kept for a driver whose earlier incarnation is still closing; as many as one actor's mailbox takes. */
const WAITING_MAX = 4_096

/** What the drivers of one actor share. */
interface Held {
  readonly drivers: string[]
  /** The actor has stopped. */
  over: boolean
  /** Made when a driver first looks at its signal. */
  abort: AbortController | undefined
}

/** The live shell: runs the drivers of every actor and carries the core's outputs to them. */
export class DriverHost implements Shell {
  readonly #options: DriverHostOptions
  readonly #running = new Map<string, Running>()
  readonly #actors = new Map<string, Held>()
  readonly #stopping = new Map<string, Promise<void>>()
  readonly #stuck: string[] = []
  #feed: Feed = () => {}
  #reports: Reports
  #delivery: Delivery | undefined

  constructor(options: DriverHostOptions) {
    this.#options = options
    this.#reports = new Reports((body, address) => this.#feed(body, address), options.reportEveryMs)
  }

  /** Where inputs go. */
  connect(feed: Feed): void {
    this.#feed = feed
  }

  /** The last message that was handed to a link. */
  get delivery(): Delivery | undefined {
    return this.#delivery
  }

  /** Messages that a link or a missing driver did not take. */
  get deadLetters(): number {
    return this.#reports.deadLetters
  }

  get drivers(): number {
    return this.#running.size
  }

  actorStarted(actor: string, definition: ActorDefinition, options: object): void {
    const factories = Object.entries(definition.drivers ?? {})
    if (factories.length === 0) return
    const held: Held = { drivers: [], over: false, abort: undefined }
    this.#actors.set(actor, held)
    for (const [name, factory] of factories) {
      const address = `${actor}#${name}`
      held.drivers.push(address)
      const context = this.#context(address, actor, options, held)
      const closing = this.#stopping.get(address)
      if (closing === undefined) {
        this.#make(address, factory, context)
      } else {
        // The port or file that it needs is still held by the incarnation before.
        this.#running.set(address, { driver: undefined, waiting: [] })
        void closing.then(() => {
          if (!held.over) this.#resume(address, factory, context, held)
        })
      }
    }
  }

  actorStopped(actor: string): void {
    const held = this.#actors.get(actor)
    if (held === undefined) return
    this.#actors.delete(actor)
    held.over = true
    held.abort?.abort()
    for (const address of held.drivers) {
      const running = this.#running.get(address)
      this.#running.delete(address)
      this.#reports.forget(address)
      if (running?.driver?.stop !== undefined) this.#stop(address, running.driver)
    }
  }

  deliver(envelope: Envelope): void {
    const { to } = envelope
    if (to.startsWith('peer/')) return this.#toPeer(envelope, to.slice('peer/'.length))
    if (!to.includes('#')) return
    const running = this.#running.get(to)
    if (running?.driver !== undefined) return this.#receive(to, running.driver, envelope)
    if (running?.waiting !== undefined && running.waiting.length < WAITING_MAX) return void running.waiting.push(envelope)
    const reason = running === undefined ? 'no-actor' : 'mailbox-full'
    this.#reports.deadLetter(envelope.type, envelope.from, to, reason, envelope.seq)
  }

  /** Reports a message that a link did not take; anything but a refusal is thrown on. */
  undelivered(type: string, from: string, peerId: string, error: unknown, cause = 0): Error {
    if (!(error instanceof LinkError)) throw error
    this.#reports.deadLetter(type, from, `peer/${peerId}`, error.code, cause)
    return error
  }

  /**
   * Resolves when every driver has stopped and nothing of them is left.
   * @throws DriverStuckError when one took longer than its time
   */
  async stopped(): Promise<void> {
    for (const actor of [...this.#actors.keys()].reverse()) this.actorStopped(actor)
    while (this.#stopping.size > 0) await Promise.all(this.#stopping.values())
    this.#reports.stop()
    this.#feed = () => {}
    if (this.#stuck.length > 0) throw new DriverStuckError(this.#stuck, this.#stopTimeoutMs)
  }

  get #stopTimeoutMs(): number {
    return this.#options.stopTimeoutMs ?? 5_000
  }

  #context(address: string, actor: string, options: object, held: Held): DriverContext {
    const { registry, services, log: parent } = this.#options
    let log: Logger | undefined
    return {
      address,
      actor,
      options: options as Record<string, unknown>,
      // Neither is looked at by most drivers of most links.
      get log() {
        return (log ??= parent.child({ driver: address }))
      },
      get signal() {
        return signalOf(held)
      },
      services,
      registry,
      publish: (body, to = actor, from = address) => {
        if (held.over) return
        try {
          this.#feed(body, { from, to })
        } catch (error) {
          // A message that the core does not take; thrown on, it would end the process from a socket's callback.
          this.#failed(address, error)
        }
      },
      count: (name, by = 1) => {
        if (!held.over) this.#reports.count(address, name, by)
      }
    }
  }

  #make(address: string, factory: DriverFactory, context: DriverContext): Driver | undefined {
    try {
      const driver = factory(context)
      this.#running.set(address, { driver, waiting: undefined })
      return driver
    } catch (error) {
      this.#running.delete(address)
      this.#failed(address, error)
      return undefined
    }
  }

  #resume(address: string, factory: DriverFactory, context: DriverContext, held: Held): void {
    const waiting = this.#running.get(address)?.waiting ?? []
    const driver = this.#make(address, factory, context)
    if (driver === undefined) return
    for (const envelope of waiting) if (!held.over) this.#receive(address, driver, envelope)
  }

  #receive(address: string, driver: Driver, envelope: Envelope): void {
    try {
      driver.receive(envelope)
    } catch (error) {
      this.#failed(address, error)
    }
  }

  #failed(address: string, error: unknown): void {
    this.#options.log.error({ driver: address, err: error }, 'a driver failed')
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.#feed(new DriverFailed({ driver: address, error: text }), { from: address, to: 'system' })
  }

  #stop(address: string, driver: Driver): void {
    let result: void | Promise<void>
    try {
      result = driver.stop?.()
    } catch (error) {
      this.#options.log.error({ driver: address, err: error }, 'a driver failed to stop')
      return
    }
    if (!(result instanceof Promise)) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        this.#stuck.push(address)
        this.#options.log.error({ driver: address }, 'a driver does not stop')
        resolve()
      }, this.#stopTimeoutMs)
    })
    const done = result.catch(error => this.#options.log.error({ driver: address, err: error }, 'a driver failed to stop'))
    const closed = Promise.race([done, late]).then(() => {
      clearTimeout(timer)
      if (this.#stopping.get(address) === closed) this.#stopping.delete(address)
    })
    this.#stopping.set(address, closed)
  }

  #toPeer(envelope: Envelope, peerId: string): void {
    const links = this.#options.links()
    const peers = peerId === '*' ? links.connected() : [peerId]
    let ready = true
    const missed: Missed[] = []
    for (const peer of peers) {
      try {
        ready = links.send(peer, { type: envelope.type, bytes: envelope.bytes }) && ready
      } catch (error) {
        missed.push({ peerId: peer, error: this.undelivered(envelope.type, envelope.from, peer, error, envelope.seq) })
      }
    }
    this.#delivery = { seq: envelope.seq, ready, ...(missed[0] !== undefined && { error: missed[0].error, missed }) }
  }
}

function signalOf(held: Held): AbortSignal {
  if (held.abort === undefined) {
    held.abort = new AbortController()
    if (held.over) held.abort.abort()
  }
  return held.abort.signal
}
