import type { ActorSpec } from '../../actors/seam/index.ts'
import {
  ActorFailed, ActorStarted, ActorStopped, DriverFailed, Stop, Terminated, type Envelope, type EventOf, type Message
} from '../../proto/index.ts'
import { ActorCell, type Ending } from './actor-cell.ts'
import { isOutside, ownerOf } from './address.ts'
import { Announcements } from './announcements.ts'
import type { Bus, Receiver, RunawayVerdict } from './bus.ts'
import type { CoreState, Restorer } from './checkpoint.ts'
import type { HeapClock } from './clock.ts'
import type { ActorInspection, Report, Shell, Witness } from './contract.ts'
import type { DeadLetters } from './dead-letters.ts'
import { DriverFailedError, errorText, EscalatedError, RunawayError } from './errors.ts'
import { Kinds } from './kinds.ts'
import type { Limits } from './limits.ts'
import type { Publisher } from './publisher.ts'
import { streamStart } from './random.ts'
import { Spawner } from './spawner.ts'
import { childrenFirst, Stopper } from './stopper.ts'
import { isNeeded, judge, strategyOfPeer, strategyOfSpawned } from './supervisor.ts'
import { Watches } from './watches.ts'

export interface SystemParts {
  readonly actors: readonly ActorSpec[]
  readonly seed: Uint8Array
  readonly clock: HeapClock
  readonly bus: Bus
  readonly publisher: Publisher
  readonly deadLetters: DeadLetters
  readonly limits: Limits
  readonly shell: Shell
  readonly report: Report
  readonly witness: Witness | undefined
  readonly flags: readonly number[]
}

type Command = EventOf<'SpawnActor' | 'StopActor' | 'Watch' | 'Unwatch' | 'Stop' | 'DriverFailed' | 'ActorStopped'>

/**
 * The actors: it starts, supervises, watches and stops them. Commands reach it by mail to `system`.
 *
 * An actor that ends takes no more mail at once, but its drivers get what it sent before: they are stopped,
 * its address is freed and its watchers are told when the announcement ActorStopped has its turn on the bus.
 */
export class System implements Restorer, Receiver {
  readonly address = 'system'
  readonly clock: HeapClock
  readonly maxRecent: number
  readonly witness: Witness | undefined
  readonly flags: readonly number[]
  /** What a checkpoint is taken of. */
  readonly core: CoreState
  queued = 0
  cause = 0
  readonly #parts: SystemParts
  readonly #kinds: Kinds
  readonly #cells = new Map<string, ActorCell>()
  readonly #watches = new Watches()
  readonly #announced: Announcements
  readonly #stopper: Stopper
  readonly #spawner: Spawner
  #launches = 0
  #stopped = false

  /** @throws NameTakenError, TypeError, OptionsError for definitions that do not go together, see {@link Kinds} */
  constructor(parts: SystemParts) {
    const { bus, clock, limits } = parts
    this.#parts = parts
    this.flags = Object.freeze([...parts.flags])
    this.#kinds = new Kinds(parts.actors, this.flags)
    this.clock = clock
    this.maxRecent = limits.maxRecent
    this.witness = parts.witness
    this.#announced = new Announcements(this.flags)
    this.#stopper = new Stopper({
      clock,
      stopTimeoutMs: limits.stopTimeoutMs,
      tell: (cell, reason) => parts.publisher.system(new Stop({ reason }), cell.address, this.cause),
      end: (cell, ending) => this.#end(cell, ending),
      stopped: () => {
        parts.deadLetters.close()
        this.#stopped = true
      }
    })
    this.#spawner = new Spawner({
      kinds: this.#kinds,
      maxActors: limits.maxActors,
      cells: this.#cells,
      stoppingAll: () => this.#stopper.stoppingAll,
      tell: (body, to) => parts.publisher.system(body, to, this.cause),
      add: (address, kind, options, parent) => this.#add(new ActorCell(this, address, kind, options, true, parent))
    })
    const { publisher, deadLetters } = parts
    this.core = {
      clock, publisher, deadLetters, kinds: this.#kinds, cells: this.#cells, watches: this.#watches, announced: this.#announced,
      stopper: this.#stopper
    }
    // It listens first, so that an actor is gone before anyone hears so.
    bus.attach(this, ['ActorStopped', ...this.#kinds.recalled])
  }

  /** The last actor is gone after an ordered stop. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Watches that wait for an end. */
  get watches(): number {
    return this.#watches.size
  }

  /** Starts the peer's actors in order. */
  start(): void {
    for (const { address, kind, options } of this.#kinds.plan) this.#add(new ActorCell(this, address, kind, options, false))
  }

  cell(address: string): ActorCell | undefined {
    return this.#cells.get(address)
  }

  inspect(): ActorInspection[] {
    return [...this.#cells.values()].map(cell => cell.inspect())
  }

  /** Mail to `system`, and the turn of an ActorStopped. */
  receive(envelope: Envelope): void {
    this.cause = envelope.seq
    if (envelope.to === '') {
      if (envelope.type !== 'ActorStopped') this.#announced.keep(envelope)
      else if (envelope.from === this.address) this.#gone((envelope as EventOf<'ActorStopped'>).body.address)
    } else {
      this.#command(envelope)
    }
    this.#stopper.pump()
    this.cause = 0
  }

  /** Mail to nobody on the bus. */
  route(envelope: Envelope): void {
    const { to } = envelope
    const owner = ownerOf(to)
    const driver = owner !== to
    const status = this.#cells.get(owner)?.status
    if (!isOutside(to) || (driver && status !== 'running' && status !== 'ending')) {
      this.#parts.deadLetters.add(envelope, 'no-actor')
      return
    }
    try {
      this.#parts.shell.deliver(envelope)
    } catch (error) {
      if (driver) this.#driverThrew(to, error)
      else this.#parts.report(to, error)
    }
  }

  /** A delivery too many in zero time: whoever takes part in the cycle fails. What supervision lives on is delivered all the same. */
  runaway(envelope: Envelope): RunawayVerdict {
    const { type, seq, from, to } = envelope
    const error = new RunawayError(this.#parts.limits.maxDrain, type, from, to)
    const needed = isNeeded(envelope)
    this.cause = seq
    if (!needed) this.#parts.deadLetters.add(envelope, 'no-actor')
    const failed = this.fail(ownerOf(to), error) || this.fail(ownerOf(from), error)
    if (!failed && !needed) this.#parts.report('bus', error)
    this.cause = 0
    return needed ? failed ? 'pass' : 'next' : 'drop'
  }

  /** Fails the actor at the address; false when none runs there. */
  fail(address: string, error: unknown): boolean {
    const cell = this.#cells.get(address)
    if (cell?.status !== 'running') return false
    this.failed(cell, error)
    return true
  }

  publish(cell: ActorCell, body: Message, to: string): void {
    this.#parts.publisher.machine(body, cell.address, to, this.cause)
  }

  failed(cell: ActorCell, error: unknown): void {
    const { report, publisher, clock } = this.#parts
    const { address, parent } = cell
    report(address, error)
    const strategy = cell.kind.definition.strategy ?? (cell.spawned ? strategyOfSpawned : strategyOfPeer)
    const verdict = cell.stopping !== undefined || this.#stopper.stoppingAll
      ? { decision: 'stop' } as const
      : judge(strategy, cell.failures, clock.now())
    const { decision } = verdict
    publisher.system(new ActorFailed({ address, error: errorText(error), recent: cell.recent, decision }), '', this.cause)
    this.#endBelow(cell, { reason: 'parent failed', failed: true })
    this.#end(cell, { reason: 'failed', failed: true, ...(verdict.decision === 'restart' && { restartMs: verdict.delayMs }) })
    if (decision === 'escalate') {
      if (parent === undefined) this.#stopper.beginAll(this.#roots(), `${address} failed`)
      else if (parent.status === 'running') this.failed(parent, new EscalatedError(address))
    }
    this.#stopper.pump()
  }

  finished(cell: ActorCell): void {
    this.#endBelow(cell, { reason: 'parent finished', failed: false })
    this.#end(cell, { reason: cell.stopping?.reason ?? 'finished', failed: false })
    this.#stopper.pump()
  }

  unhandled(cell: ActorCell, envelope: Envelope): void {
    if (cell.stopping?.told === true && envelope.type === 'Stop' && envelope.from === this.address) {
      this.#end(cell, { reason: cell.stopping.reason, failed: false })
      this.#stopper.pump()
      return
    }
    // An announcement is no mail: a listener may pass it over in some of its states, but must know it in one.
    if (envelope.to !== '' || !cell.kind.knows(envelope.type)) this.#parts.deadLetters.add(envelope, 'not-handled')
  }

  attach(cell: ActorCell): void {
    cell.launched = ++this.#launches
    cell.queued = 0
    this.#parts.bus.attach(cell, cell.kind.listens)
  }

  /** Starts a cell that is restarting. @param ms milliseconds from now */
  restartIn(cell: ActorCell, ms: number): void {
    cell.restart = this.clock.setTimeout(() => {
      cell.restart = undefined
      cell.ending = undefined
      cell.incarnation++
      this.#launch(cell)
    }, ms, `system restart ${cell.address}`)
  }

  #command(envelope: Envelope): void {
    const { from } = envelope
    const command = envelope as Command
    switch (command.type) {
      case 'SpawnActor': return this.#spawner.spawn(command.body, from)
      case 'StopActor': {
        const cell = this.#cells.get(command.body.address)
        if (cell !== undefined) this.#stopper.begin(cell, command.body.reason)
        return
      }
      case 'Watch': return this.#watch(command.body.address, from)
      case 'Unwatch': return this.#watches.delete(from, command.body.address)
      case 'Stop':
        if (from === 'host') return this.#stopper.beginAll(this.#roots(), command.body.reason)
        break
      case 'DriverFailed': {
        const { driver, error } = command.body
        this.fail(ownerOf(driver), new DriverFailedError(`${driver}: ${error}`))
        return
      }
    }
    this.#parts.deadLetters.add(envelope, 'not-handled')
  }

  #watch(address: string, watcher: string): void {
    const cell = this.#cells.get(address)
    if (cell !== undefined) this.#watches.add(watcher, address)
    else this.#parts.publisher.system(new Terminated({ address, reason: 'no such actor', failed: false }), watcher, this.cause)
  }

  #add(cell: ActorCell): void {
    this.#cells.set(cell.address, cell)
    cell.parent?.children.add(cell)
    this.#launch(cell)
  }

  #launch(cell: ActorCell): void {
    const { shell, publisher, seed } = this.#parts
    const { address, kind: { definition }, incarnation } = cell
    cell.status = 'running'
    this.attach(cell)
    try {
      shell.actorStarted(address, definition, cell.options.drivers)
    } catch (error) {
      this.#driverThrew(`${address}#start`, error)
    }
    const { kind, version = 1 } = definition
    publisher.system(new ActorStarted({ address, kind, version, incarnation, parent: cell.parentAddress }), '', this.cause)
    cell.start(streamStart(seed, address, incarnation))
    for (const { body } of this.#announced.recalledBy(cell.kind)) publisher.system(body, address, this.cause)
  }

  #endBelow(cell: ActorCell, ending: Ending): void {
    if (cell.children.size === 0) return
    for (const below of childrenFirst(cell)) if (below !== cell) this.#end(below, ending)
  }

  #end(cell: ActorCell, ending: Ending): void {
    const { bus, publisher } = this.#parts
    const { status, address } = cell
    if (status === 'ending' || status === 'gone') return
    cell.ending = ending
    this.#stopper.ended(cell)
    if (status === 'restarting') {
      this.clock.clearTimeout(cell.restart)
      return this.#remove(cell, ending)
    }
    cell.status = 'ending'
    cell.halt()
    bus.detach(cell, cell.kind.listens)
    publisher.system(new ActorStopped({ address, reason: ending.reason }), '', this.cause)
  }

  #gone(address: string): void {
    const cell = this.#cells.get(address)
    const ending = cell?.ending
    if (cell === undefined || ending === undefined || cell.status !== 'ending') return
    try {
      this.#parts.shell.actorStopped(address)
    } catch (error) {
      this.#parts.report(address, error)
    }
    // A stop that began meanwhile is not undone by a restart.
    const { restartMs } = ending
    const parent = cell.parent?.status
    if (restartMs === undefined || this.#stopper.stoppingAll || (parent !== undefined && parent !== 'running')) {
      return this.#remove(cell, ending)
    }
    cell.status = 'restarting'
    this.restartIn(cell, restartMs)
  }

  #remove(cell: ActorCell, { reason, failed }: Ending): void {
    const { address, parent } = cell
    const { publisher } = this.#parts
    cell.status = 'gone'
    this.#cells.delete(address)
    parent?.children.delete(cell)
    const told = new Set(this.#watches.take(address))
    // Who spawned it is told of its failure, watch or not: where all goes well a watch would cost two messages an actor.
    if (failed && parent?.status === 'running' && parent.kind.names('Terminated')) told.add(parent.address)
    for (const watcher of told) publisher.system(new Terminated({ address, reason, failed }), watcher, this.cause)
    this.#watches.forget(address)
    for (const name of Object.keys(cell.kind.definition.drivers ?? {})) this.#watches.forget(`${address}#${name}`)
    this.#stopper.removed(cell)
  }

  #driverThrew(driver: string, error: unknown): void {
    this.#parts.report(driver, error)
    this.#parts.publisher.input(new DriverFailed({ driver, error: errorText(error) }), driver, this.address, 0, true)
  }

  *#roots(): Iterable<ActorCell> {
    for (const cell of this.#cells.values()) if (cell.parent === undefined) yield cell
  }
}
