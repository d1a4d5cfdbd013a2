import {
  Checkpoint, CheckpointActor, CheckpointAnnouncement, CheckpointDeadLetters, CheckpointHeard, CheckpointStop, CheckpointStopping, CheckpointTimer, CheckpointWatch,
  type Registry
} from '../../proto/index.ts'
import { ActorCell, type CellHost } from './actor-cell.ts'
import { recordedOptions } from './actor-kind.ts'
import type { Announcements } from './announcements.ts'
import type { HeapClock, Timer } from './clock.ts'
import type { DeadLetters } from './dead-letters.ts'
import { BusEnvelope } from './envelope.ts'
import { CheckpointError } from './errors.ts'
import type { Kinds } from './kinds.ts'
import { NotPlainError, parsePlain, plainText } from './plain.ts'
import type { Publisher } from './publisher.ts'
import type { Stopper } from './stopper.ts'
import type { Watches } from './watches.ts'

/** Everything in a core that has a state. */
export interface CoreState {
  readonly clock: HeapClock
  readonly publisher: Publisher
  readonly deadLetters: DeadLetters
  readonly kinds: Kinds
  readonly cells: Map<string, ActorCell>
  readonly watches: Watches
  readonly announced: Announcements
  readonly stopper: Stopper
}

/**
 * All that an idle core is.
 * @throws CheckpointError when an actor holds what a checkpoint cannot
 */
export function takeCheckpoint(core: CoreState): Checkpoint {
  const { clock, publisher, deadLetters, cells, watches, announced, stopper } = core
  const running = [...cells.values()].filter(({ status }) => status === 'running').sort((a, b) => a.launched - b.launched)
  const places = new Map(running.map((cell, index) => [cell, index + 1]))
  const { all } = stopper
  return new Checkpoint({
    time: clock.now(),
    seq: publisher.nextSeq - 1,
    actors: [...cells.values()].map(cell => checkpointActor(cell, places.get(cell) ?? 0)),
    timers: checkpointTimers(clock.armed(), cells),
    watches: [...watches.entries()].map(([watched, watchers]) => new CheckpointWatch({ watched, watchers: [...watchers] })),
    announced: [...announced].map(({ type, bytes }) => new CheckpointAnnouncement({ type, body: bytes })),
    deadLetters: deadLetters.total,
    held: deadLetters.held.map(({ reason, count, last }) => new CheckpointDeadLetters({ reason, count, ...last })),
    ...(all && { stop: new CheckpointStop({ reason: all.reason, roots: all.roots.map(({ address }) => address) }) })
  })
}

function checkpointActor(cell: ActorCell, launched: number): CheckpointActor {
  const { address, kind: { definition: { kind, version = 1 } }, options, parent, spawned, incarnation, failures, heard, stopping } = cell
  return new CheckpointActor({
    kind, version, spawned, incarnation, launched,
    id: address.slice(kind.length + 1),
    options: JSON.stringify(options.machine),
    parent: parent?.address ?? '',
    failures: [...failures],
    heard: heard.map(({ seq, type, from }) => new CheckpointHeard({ seq, type, from })),
    ...(stopping && { stopping: new CheckpointStopping({ reason: stopping.reason, told: stopping.told }) }),
    ...guarded(address, () => cell.persist()) as object
  })
}

function checkpointTimers(timers: readonly Timer[], cells: ReadonlyMap<string, ActorCell>): CheckpointTimer[] {
  const last = new Map<string, Timer>()
  for (const timer of timers) if (timer.delayed?.id !== undefined) last.set(`${timer.owner} ${timer.delayed.id}`, timer)
  return timers.map(timer => {
    const { due, owner, delayed } = timer
    if (delayed === undefined) return new CheckpointTimer({ due, owner })
    const { event, id, own } = delayed
    return new CheckpointTimer({
      due, owner,
      event: guarded(owner, () => {
        if (!own) throw new NotPlainError('timers', 'for an actor inside the machine')
        return plainText(event, 'timers')
      }),
      ...(id !== undefined && { id, lost: last.get(`${owner} ${id}`) !== timer || cells.get(owner)?.holds(id) !== true })
    })
  })
}

function guarded<T>(address: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof NotPlainError ? new CheckpointError(address, error.key, error.what) : error
  }
}

/** What the system does to bring actors back. */
export interface Restorer extends CellHost {
  /** Lets a cell hear, as the last of all. */
  attach(cell: ActorCell): void
  restartIn(cell: ActorCell, ms: number): void
}

/**
 * Makes a core that was never started what a checkpoint says.
 * @throws Error when the checkpoint does not fit the definitions, or not together
 */
export function restoreCheckpoint(core: CoreState, checkpoint: Checkpoint, system: Restorer, registry: Registry): void {
  const { clock, publisher, deadLetters, cells, watches, announced, stopper } = core
  clock.resume(checkpoint.time)
  publisher.resume(checkpoint.seq)
  const actors = (checkpoint.actors as CheckpointActor[]).map(actor => [actor, makeCell(core, actor, system)] as const)
  for (const [actor, cell] of [...actors].sort(([a], [b]) => a.launched - b.launched)) {
    if (actor.launched === 0) continue
    system.attach(cell)
    cell.resume(actor)
  }
  for (const { watched, watchers } of checkpoint.watches as CheckpointWatch[]) for (const watcher of watchers) watches.add(watcher, watched)
  for (const { type, body } of checkpoint.announced as CheckpointAnnouncement[]) {
    announced.keep(BusEnvelope.received({ type, seq: 0, time: 0, from: '', to: '', cause: 0 }, registry.get(type), body))
  }
  deadLetters.resume(checkpoint.deadLetters, (checkpoint.held as CheckpointDeadLetters[]).map(({ reason, count, type, from, to, seq }) =>
    ({ reason, count, last: { type, from, to, seq } })))
  if (checkpoint.stop != null) stopper.resume(checkpoint.stop.reason ?? '', (checkpoint.stop.roots ?? []).map(address => cellAt(cells, address)))
  for (const timer of checkpoint.timers as CheckpointTimer[]) rearm(core, timer, system)
}

function makeCell({ kinds, cells }: CoreState, actor: CheckpointActor, system: Restorer): ActorCell {
  const { kind: name, id, version, options, parent: above, spawned, incarnation, launched, failures, stopping } = actor
  const kind = kinds.get(name)
  if (kind === undefined) throw new Error(`no definition is of the kind ${name}`)
  if (version !== (kind.definition.version ?? 1)) throw new Error(`${name} is of version ${kind.definition.version ?? 1} here, and not ${version}`)
  const parent = above === '' ? undefined : cellAt(cells, above)
  const cell = new ActorCell(system, `${name}/${id}`, kind, recordedOptions(options), spawned, parent)
  cell.status = launched === 0 ? 'restarting' : 'running'
  cell.incarnation = incarnation
  cell.failures.push(...failures)
  cell.heard = (actor.heard as CheckpointHeard[]).map(({ seq, type, from }) => ({ seq, type, from }))
  if (stopping != null) cell.stopping = { reason: stopping.reason ?? '', told: stopping.told === true, deadline: undefined }
  cells.set(cell.address, cell)
  parent?.children.add(cell)
  return cell
}

function rearm({ clock, cells, stopper, deadLetters }: CoreState, { due, owner, event, id, lost }: CheckpointTimer, system: Restorer): void {
  const ms = due - clock.now()
  const [, what, whose = ''] = /^system (restart|stop|dead-letter) (.*)$/s.exec(owner) ?? []
  switch (what) {
    case 'restart': return system.restartIn(cellAt(cells, whose), ms)
    case 'stop': return stopper.allow(cellAt(cells, whose), ms)
    case 'dead-letter': return deadLetters.rearm(whose, ms)
    default: cellAt(cells, owner).rearm({ event: parsePlain(event) as object, id: id ?? undefined, own: true }, ms, lost)
  }
}

function cellAt(cells: ReadonlyMap<string, ActorCell>, address: string): ActorCell {
  const cell = cells.get(address)
  if (cell === undefined) throw new Error(`there is no actor ${address}`)
  return cell
}
