import { randomBytes } from 'node:crypto'
import { Identity, LocalPeer, beginLife, generateIdentity, loadOrCreateIdentity, localPeer } from '../../actors/identity/index.ts'
import { LINK_KEEPER } from '../../actors/link-keeper/index.ts'
import { Links, WireTypes } from '../../actors/peer-connection/index.ts'
import { Services, type ActorDefinition, type ActorSpec, type WireType } from '../../actors/seam/index.ts'
import { firstName } from '../../machines/policy.ts'
import { Level, Registry, SCHEMA_DIGEST, TextMessage, type MessageClass } from '../../proto/index.ts'
import { currentFlags, DriverFailedError, Kernel } from '../kernel/index.ts'
import { version } from '../version.ts'
import { defaultActors } from './default-actors.ts'
import { checkActors } from './check-actors.ts'
import { keyOf } from './trust.ts'
import { DriverHost } from './driver-host.ts'
import { DuplicateActorError, PeerOptionError } from './errors.ts'
import { LiveClock } from './live-clock.ts'
import { loggerOf, narrate } from './narrate.ts'
import { checkOptions, type PeerOptions } from './options.ts'
import { Peer } from './peer.ts'
import { authoritiesOf } from './authority.ts'
import { policyFacts, policyOf } from './policy.ts'
import { Recorder } from './recorder.ts'
import { diagnose } from '../doctor/diagnose.ts'
import { Histories } from '../doctor/histories.ts'
import { askKeeper, keeperIn } from '../doctor/keeper.ts'
import { Roster } from './roster.ts'

/**
 * Makes a peer; nothing is opened before its start().
 * @throws PeerOptionError for an option it does not know or cannot take, of its own or of an actor
 * @throws PolicyError for a policy that contradicts itself
 * @throws DuplicateActorError when two actors have one address
 * @throws IdentityPermissionError, IdentityDamagedError, IdentityFileError when `dir` holds no identity that may be used
 * @throws NetworkKeyError when `key` is the text of no key
 * @throws MessageNameTakenError when two message classes have one name
 * @throws WireTypeConflictError when a type is declared in two ways
 */
export function createPeer(options: PeerOptions = {}): Peer {
  checkOptions(options)
  const identity = options.identity ?? (options.dir === undefined ? generateIdentity() : loadOrCreateIdentity(options.dir))
  const policy = policyOf(options, identity.peerId)
  const known = authoritiesOf(options, identity.peerId)
  const local = localPeer(identity, {
    name: firstName(policy, options.name, known.name), network: options.network, key: keyOf(options.key), agent: `p2pnet/${version()}`,
    startedAt: options.dir === undefined ? undefined : beginLife(options.dir)
  })
  const own = (options.actors ?? []).flat().map(specOf)
  const addresses = addressesOf(own)
  const defaults = options.defaults === false ? [] : defaultActors(options, local, policy)
  const actors = [...defaults.filter(spec => !addresses.has(addressOf(spec))), ...own]
  checkActors(actors)
  const definitions = [...new Set(actors.flatMap(({ definition, spawns }) => [definition, ...(spawns ?? [])]))]
  const messages = options.messages ?? []
  const registry = new Registry()
  register(registry, definitions, messages)

  const services = new Services()
  services.provide(Identity, identity)
  services.provide(LocalPeer, local)
  const wire = services.get(WireTypes)
  speak(wire, definitions, messages)
  const log = loggerOf(options.log)
  if (known.problem !== undefined) log.warn({ code: known.problem.code }, `this peer's own certificate counts for nothing here, and others may refuse it: ${known.problem.message}`)
  const links = services.get(Links)
  const host = new DriverHost({ registry, services, links: () => links, log })
  const seed = options.seed ?? randomBytes(32)
  const recorder = options.record === undefined ? undefined : new Recorder(options.record, log, () => kernel.checkpoint())
  const report = (where: string, error: unknown) => {
    // The driver host has said so, with the stack.
    if (error instanceof DriverFailedError) return
    log.error({ where, err: error }, where === 'bus' ? 'a subscriber failed' : 'an actor failed')
  }
  const flags = currentFlags(definitions)
  const kernel: Kernel = new Kernel({
    seed, actors, flags, registry, shell: host,
    report,
    ...(options.limits && { limits: options.limits }), ...(recorder && { tap: recorder })
  })
  const clock = new LiveClock(kernel)
  host.connect((body, address) => {
    // What drivers drop while they close has nobody to be told to; that time has passed may be what ends the core.
    if (!kernel.stopped) clock.enter(() => { if (!kernel.stopped) kernel.input(body, address) })
  })
  let wallZero = 0
  const roster = new Roster(kernel.bus, () => wallZero, report)
  const histories = new Histories(kernel.bus, () => wallZero)
  narrate(kernel.bus, log)

  return new Peer({
    peerId: local.peerId,
    name: local.name,
    network: local.network,
    kernel,
    clock,
    host,
    roster,
    why(peer) {
      // By the clock of the core, as all that is remembered: somebody may set that of the machine.
      const now = clock.running ? clock.enter(() => kernel.clock.now()) : kernel.clock.now()
      return diagnose(histories, histories.find(peer), wallZero + now, askKeeper(keeperIn(kernel.inspect()), now, wallZero))
    },
    links,
    report,
    wire,
    listens: actors.some(({ definition }) => definition.kind === 'listener'),
    linkKeeper: LINK_KEEPER,
    policy: options.defaults === false ? undefined : policy,
    facts: policyFacts(options, local.peerId),
    known,
    open() {
      wallZero = Date.now()
      recorder?.open({ library: local.agent, schema: Buffer.from(SCHEMA_DIGEST, 'hex'), seed, wallTime: wallZero, peerId: local.peerId, name: local.name, actors, flags, limits: options.limits ?? {} })
    },
    async save() {
      return recorder?.save()
    },
    async close() {
      await recorder?.close()
    }
  })
}

function specOf(actor: ActorDefinition | ActorSpec): ActorSpec {
  if ('definition' in actor) return actor
  if (typeof actor?.kind === 'string' && actor.machine !== undefined) return { definition: actor }
  throw new PeerOptionError('actors takes what defineActor returned, or { definition, id, options }')
}

const addressOf = ({ definition, id = 'main' }: ActorSpec): string => `${definition.kind}/${id}`

function addressesOf(actors: readonly ActorSpec[]): Set<string> {
  const taken = new Set<string>()
  for (const address of actors.map(addressOf)) {
    if (taken.has(address)) throw new DuplicateActorError(`two actors are ${address}: give one of them another id, { definition, id: '…' }`)
    taken.add(address)
  }
  return taken
}

function speak(wire: WireTypes, definitions: readonly ActorDefinition[], messages: readonly (MessageClass | WireType)[]): void {
  for (const { kind, wire: types } of definitions) if (types !== undefined) wire.add(types, kind)
  const own = messages.map(message => typeof message === 'function' ? { type: message } : message)
  wire.add(own, 'host')
  if (wire.of(TextMessage) === undefined) wire.add([{ type: TextMessage, level: Level.LEVEL_BASIC }], 'host')
}

function register(registry: Registry, definitions: readonly ActorDefinition[], messages: readonly (MessageClass | WireType)[]): void {
  for (const { listens = [], recalls = [], messages: types = [], wire = [] } of definitions) {
    registry.register(...listens, ...recalls, ...types, ...wire.map(({ type }) => type))
  }
  registry.register(...messages.map(message => typeof message === 'function' ? message : message.type))
}
