import { pino, type Logger } from 'pino'
import { LinkError, Links, type LinkTable } from '../../actors/peer-connection/index.ts'
import type { ActorDefinition, Driver, DriverContext, Services } from '../../actors/seam/index.ts'
import type { SimulatedDrivers } from '../../actors/simulated/index.ts'
import { DeadLetter, DriverCount, DriverCounts, DriverFailed, type Envelope, type Message, type Registry } from '../../proto/index.ts'
import { errorText, type Shell } from '../kernel/index.ts'
import type { Process } from './process.ts'

/** As the live shell: how often counts are reported at most, in milliseconds. */
const REPORT_EVERY_MS = 1_000

const silent: Logger = pino({ level: 'silent' })

/** Thrown when an actor has a driver that nobody plays. */
export class NoSimulatedDriverError extends Error {
  override name = 'NoSimulatedDriverError'

  constructor(kind: string, driver: string) {
    super(`the driver '${driver}' of ${kind} is not simulated: give simulate() one, drivers: { '${kind}': { '${driver}': context => … } }`)
  }
}

/** @throws NoSimulatedDriverError for the first driver that nobody plays */
export function checkDrivers(definitions: readonly ActorDefinition[], drivers: SimulatedDrivers): void {
  for (const { kind, drivers: real = {} } of definitions) {
    for (const name of Object.keys(real)) if (drivers[kind]?.[name] === undefined) throw new NoSimulatedDriverError(kind, name)
  }
}

export type Feed = (body: Message, address: { from: string; to?: string; cause?: number }) => void

export interface SimulatedShellOptions {
  readonly drivers: SimulatedDrivers
  readonly process: Process
  readonly services: Services
  readonly registry: Registry
  /** Where inputs go. */
  readonly feed: Feed
}

interface Running {
  readonly drivers: [address: string, driver: Driver][]
  readonly stop: () => void
}

/** The shell of a simulated peer: simulated drivers behind the same seam as the real ones. */
export class SimulatedShell implements Shell {
  readonly #options: SimulatedShellOptions
  readonly #running = new Map<string, Driver>()
  readonly #actors = new Map<string, Running>()
  readonly #counts = new Map<string, Map<string, number>>()
  #reporting = false

  constructor(options: SimulatedShellOptions) {
    this.#options = options
  }

  get drivers(): number {
    return this.#running.size
  }

  actorStarted(actor: string, { kind, drivers = {} }: ActorDefinition, options: object): void {
    const names = Object.keys(drivers)
    if (names.length === 0) return
    const state = { ended: false, abort: undefined as AbortController | undefined }
    const made: Running['drivers'] = []
    this.#actors.set(actor, {
      drivers: made,
      stop: () => {
        state.ended = true
        state.abort?.abort()
      }
    })
    for (const name of names) {
      const address = `${actor}#${name}`
      const factory = this.#options.drivers[kind]?.[name]
      if (factory === undefined) throw new NoSimulatedDriverError(kind, name)
      this.#guarded(address, () => {
        const driver = factory(this.#context(address, actor, options, state))
        this.#running.set(address, driver)
        made.push([address, driver])
      })
    }
  }

  actorStopped(actor: string): void {
    const running = this.#actors.get(actor)
    if (running === undefined) return
    this.#actors.delete(actor)
    running.stop()
    for (const [address, driver] of running.drivers) {
      this.#running.delete(address)
      this.#counts.delete(address)
      void driver.stop?.()
    }
  }

  deliver(envelope: Envelope): void {
    const { to } = envelope
    if (to.startsWith('peer/')) return this.#toPeer(envelope, to.slice('peer/'.length))
    if (!to.includes('#')) return
    const driver = this.#running.get(to)
    if (driver === undefined) return this.#deadLetter(envelope, 'no-actor')
    this.#guarded(to, () => driver.receive(envelope))
  }

  #context(address: string, actor: string, options: object, state: { ended: boolean; abort: AbortController | undefined }): DriverContext {
    const { services, registry, feed } = this.#options
    return {
      address,
      actor,
      options: options as Record<string, unknown>,
      log: silent,
      // Few drivers ask for it, and there may be tens of thousands.
      get signal() {
        state.abort ??= new AbortController()
        if (state.ended) state.abort.abort()
        return state.abort.signal
      },
      services,
      registry,
      publish: (body, to = actor, from = address) => {
        if (!state.ended) this.#guarded(address, () => feed(body, { from, to }))
      },
      count: (name, by = 1) => {
        if (!state.ended) this.#count(address, name, by)
      }
    }
  }

  #guarded(address: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.feed(new DriverFailed({ driver: address, error: errorText(error) }), { from: address, to: 'system' })
    }
  }

  #count(driver: string, name: string, by: number): void {
    let counts = this.#counts.get(driver)
    if (counts === undefined) this.#counts.set(driver, counts = new Map())
    counts.set(name, (counts.get(name) ?? 0) + by)
    if (this.#reporting) return
    this.#reporting = true
    this.#options.process.after(REPORT_EVERY_MS, () => {
      this.#reporting = false
      const all = [...this.#counts]
      this.#counts.clear()
      for (const [from, byName] of all) {
        this.#options.feed(new DriverCounts({ counts: [...byName].map(([each, count]) => new DriverCount({ name: each, count })) }), { from })
      }
    })
  }

  #toPeer(envelope: Envelope, peerId: string): void {
    const links: LinkTable = this.#options.services.get(Links)
    for (const peer of peerId === '*' ? links.connected() : [peerId]) {
      try {
        links.send(peer, { type: envelope.type, bytes: envelope.bytes })
      } catch (error) {
        if (!(error instanceof LinkError)) throw error
        this.#deadLetter({ ...envelopeHead(envelope), to: `peer/${peer}` }, error.code)
      }
    }
  }

  #deadLetter({ type, from, to, seq }: Pick<Envelope, 'type' | 'from' | 'to' | 'seq'>, reason: string): void {
    this.#options.feed(new DeadLetter({ type, from, to, reason, count: 1 }), { from: 'host', cause: seq })
  }
}

function envelopeHead({ type, from, to, seq }: Envelope): Pick<Envelope, 'type' | 'from' | 'to' | 'seq'> {
  return { type, from, to, seq }
}
