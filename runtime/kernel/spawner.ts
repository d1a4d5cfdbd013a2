import { SpawnFailed, type EventOf, type Message } from '../../proto/index.ts'
import type { ActorCell } from './actor-cell.ts'
import { parseOptions, type ActorKind, type ActorOptions } from './actor-kind.ts'
import { isId, isOutside, ownerOf } from './address.ts'
import type { Kinds } from './kinds.ts'

export interface SpawnerHost {
  readonly kinds: Kinds
  readonly maxActors: number
  readonly cells: ReadonlyMap<string, ActorCell>
  /** The whole peer is stopping. */
  stoppingAll(): boolean
  tell(body: Message, to: string): void
  add(address: string, kind: ActorKind, options: ActorOptions, parent: ActorCell | undefined): void
}

/** Starts actors that others ask for, or says why not. */
export class Spawner {
  readonly #host: SpawnerHost

  constructor(host: SpawnerHost) {
    this.#host = host
  }

  /** @param from who asks: the parent, or a driver of the parent, or somebody outside */
  spawn({ kind: name, id, options }: EventOf<'SpawnActor'>['body'], from: string): void {
    const { kinds, cells, maxActors } = this.#host
    const refuse = (code: string, reason: string) => this.#host.tell(new SpawnFailed({ kind: name, id, code, reason }), from)
    const kind = kinds.get(name)
    const parent = cells.get(ownerOf(from))
    if (kind === undefined) return refuse('unknown-kind', `no definition is of the kind ${name}: give it to createPeer, or to its spawner's spawns`)
    if (!isId(id)) return refuse('bad-id', 'an id has 1 to 200 characters, without spaces, / and #')
    if (cells.has(`${name}/${id}`)) return refuse('address-taken', `there is an actor ${name}/${id}`)
    if (cells.size >= maxActors) return refuse('actor-limit', `${maxActors} actors are alive: stop some, or raise limits.maxActors`)
    if (this.#host.stoppingAll()) return refuse('stopping', 'the peer is stopping')
    if (parent !== undefined && (parent.stopping !== undefined || parent.status !== 'running')) return refuse('stopping', `${parent.address} is stopping`)
    // Its parent would never stop it: it ended before the system came to its wish.
    if (parent === undefined && !isOutside(from)) return refuse('stopping', `${from} is gone`)
    let merged
    try {
      merged = kind.options(parseOptions(options), true)
    } catch (error) {
      return refuse('bad-options', (error as Error).message)
    }
    this.#host.add(`${name}/${id}`, kind, merged, parent)
  }
}
