import { ROUTINES } from '../../actors/routines/index.ts'
import { EVERY_MS_MAX, EVERY_MS_MIN } from '../../machines/routines.ts'
import { RoutinesChanged, SetRoutine, type Message } from '../../proto/index.ts'
import type { Bus } from '../kernel/index.ts'
import { PeerOptionError, UnknownRoutineError } from './errors.ts'

/** Something that a peer does ever and again. */
export interface RoutineInfo {
  readonly name: string
  /** Milliseconds between two times. */
  readonly everyMs: number
  readonly running: boolean
}

/**
 * The routines of a peer. When one is due, RoutineDue is announced with its name: a host program that adds one
 * subscribes to that, or has an actor listen to it.
 */
export class Routines {
  readonly #publish: (body: Message, to: string) => void
  #list: readonly RoutineInfo[] = []

  /** @internal */
  constructor(bus: Bus, publish: (body: Message, to: string) => void) {
    this.#publish = publish
    bus.of(RoutinesChanged).subscribe(({ body }) => {
      this.#list = body.routines.map(({ name, everyMs, running }) => ({ name: name ?? '', everyMs: everyMs ?? 0, running: running ?? false }))
    })
  }

  /** All of them; none before the peer is started. */
  list(): readonly RoutineInfo[] {
    return this.#list
  }

  /** @throws UnknownRoutineError, PeerStateError */
  start(name: string): void {
    this.#known(name)
    this.#publish(new SetRoutine({ name, change: 'start' }), ROUTINES)
  }

  /** @throws UnknownRoutineError, PeerStateError */
  stop(name: string): void {
    this.#known(name)
    this.#publish(new SetRoutine({ name, change: 'stop' }), ROUTINES)
  }

  /**
   * Sets how often a routine is due, from now on; adds one by that name where there is none.
   * @param name 1 to 64 characters
   * @param everyMs milliseconds, from 100 to 2,147,483,647
   * @throws PeerOptionError, PeerStateError
   */
  every(name: string, everyMs: number): void {
    if (name === '' || name.length > 64) throw new PeerOptionError(`a routine's name has 1 to 64 characters, '${name.slice(0, 80)}' has ${name.length}`)
    if (!(everyMs >= EVERY_MS_MIN && everyMs <= EVERY_MS_MAX)) {
      throw new PeerOptionError(`'${name}' every ${everyMs} ms: give from ${EVERY_MS_MIN} to ${EVERY_MS_MAX} milliseconds`)
    }
    this.#publish(new SetRoutine({ name, everyMs }), ROUTINES)
  }

  #known(name: string): void {
    if (this.#list.some(each => each.name === name)) return
    throw new UnknownRoutineError(`no routine is called '${name}': there are ${this.#list.map(each => each.name).join(', ') || 'none'}`)
  }
}
