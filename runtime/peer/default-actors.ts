import { linkKeeper } from '../../actors/link-keeper/index.ts'
import { lan } from '../../actors/lan/index.ts'
import { listener } from '../../actors/listener/index.ts'
import { peerConnectionDefinition } from '../../actors/peer-connection/index.ts'
import type { LocalPeer } from '../../actors/identity/index.ts'
import type { Policy } from '../../machines/policy.ts'
import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { routines } from '../../actors/routines/index.ts'
import { staticPeers } from '../../actors/static-peers/index.ts'
import { peerDirectory } from '../../actors/peer-directory/index.ts'
import { policyKeeper } from '../../actors/policy-keeper/index.ts'
import { peerExchange } from '../../actors/peer-exchange/index.ts'
import { inboundQueue } from '../../actors/inbound-queue/index.ts'
import { verifyQueueDefinition } from '../../actors/verify-queue/index.ts'
import { PeerOptionError } from './errors.ts'
import { policyFacts, policyOf } from './policy.ts'
import { interfaceNames, parseHostPort, parsePeer, type PeerOptions } from './options.ts'
import { trustOf } from './trust.ts'

/** The actors that make a peer find and connect others, in the order in which they start. */
export function defaultActors(options: PeerOptions, local: LocalPeer, policy: Policy = policyOf(options, local.peerId)): ActorSpec[] {
  const interfaces = interfaceNames(options.interfaces ?? [])
  const { host, port } = options.listen === undefined ? { host: '', port: 0 } : parseHostPort(options.listen)
  const lanOptions = options.lan === undefined || typeof options.lan === 'boolean' ? {} : options.lan
  const trust = trustOf(options, policy)
  const actors: ActorSpec[] = [
    // Before those that follow it.
    policyKeeper(policy, policyFacts(options, local.peerId)),
    ...trust.actors,
    // First, so that it hears what the others announce; last to stop, for it says the goodbyes.
    linkKeeper({
      peerId: local.peerId,
      network: Buffer.from(local.networkTag).toString('hex'),
      acceptsInbound: policy.inbound,
      ...(trust.defaults.length > 0 && { defaultSteps: trust.defaults }),
      ...(Object.keys(trust.connection).length > 0 && { connection: trust.connection }),
      ...(options.maxLinks !== undefined && { maxLinks: options.maxLinks }),
      ...(options.maxLanLinks !== undefined && { maxLanLinks: options.maxLanLinks }),
      ...(options.maxWanLinks !== undefined && { maxWanLinks: options.maxWanLinks })
    }, [peerConnectionDefinition, verifyQueueDefinition, ...trust.steps], options.score),
    inboundQueue(),
    listener({ inbound: policy.inbound, interfaces, port, ...(host !== '' && { hosts: [host] }) }),
    ...(options.lan === false ? [] : lan({ ...lanOptions, interfaces, channel: { self: local.peerId }, broadcaster: { rotateMs: 0 } })),
    ...(options.peers === undefined || options.peers.length === 0 ? [] : [staticPeers(options.peers.map(parsePeer))]),
    peerDirectory({ peerId: local.peerId, dir: options.dir ?? '' }),
    peerExchange({ interfaces }),
    routines()
  ]
  return tuned(actors, options.tune ?? {})
}

/** @throws PeerOptionError for a kind that is none of the default actors', for an option that it does not have, or one of another type */
function tuned(actors: ActorSpec[], tune: Readonly<Record<string, object>>): ActorSpec[] {
  const kinds = new Map<string, ActorDefinition>()
  for (const { definition, spawns = [] } of actors) for (const each of [definition, ...spawns]) kinds.set(each.kind, each)
  for (const [kind, options] of Object.entries(tune)) {
    const definition = kinds.get(kind)
    if (definition === undefined) throw new PeerOptionError(`'${kind}' is no default actor of this peer: tune takes ${[...kinds.keys()].join(', ')}`)
    const known = definition.options as Readonly<Record<string, unknown>> | undefined ?? {}
    for (const [name, value] of Object.entries(options)) {
      if (!Object.hasOwn(known, name)) throw new PeerOptionError(`${kind} has no option '${name}': it has ${Object.keys(known).join(', ')}`)
      if (!fits(value, known[name])) {
        throw new PeerOptionError(`${kind}.${name} is ${JSON.stringify(value)}: give a value like its default, ${JSON.stringify(known[name])}`)
      }
    }
  }
  return actors.map(spec => ({
    ...spec,
    options: { ...spec.options, ...tune[spec.definition.kind] },
    ...(spec.spawns && { spawns: spec.spawns.map(child => ({ ...child, options: { ...child.options, ...tune[child.kind] } })) })
  }))
}

/** Whether a value may stand in for a default: of the same type, and not negative where that is a number. */
function fits(value: unknown, byDefault: unknown): boolean {
  if (Array.isArray(byDefault)) return Array.isArray(value) && value.every(each => byDefault.length === 0 || fits(each, byDefault[0]))
  if (typeof byDefault === 'number') return typeof value === 'number' && Number.isFinite(value) && value >= 0
  return typeof value === typeof byDefault && value !== null && !Array.isArray(value)
}
