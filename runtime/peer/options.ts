import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import type { ActorDefinition, ActorSpec, WireType } from '../../actors/seam/index.ts'
import { isPeerId, NetworkKey, type Identity } from '../../actors/identity/index.ts'
import type { LanOptions } from '../../actors/lan/index.ts'
import type { Policy } from '../../machines/policy.ts'
import type { LinkScore } from '../../machines/link-trim.ts'
import type { MessageClass } from '../../proto/index.ts'
import type { Limits } from '../kernel/index.ts'
import { PeerOptionError } from './errors.ts'
import { parseKeep } from './keep.ts'

/** What {@link createPeer} takes; every option may be left out. */
export interface PeerOptions {
  /** What people call this peer, up to 64 characters; anyone may take any name. @default the first letters of its PeerId */
  readonly name?: string
  /** Peers of other networks are ignored. @default 'p2pnet' */
  readonly network?: string
  /** Who the peer is. @default an identity for this run alone */
  readonly identity?: Identity
  /** Folder that holds the identity and the peer directory; made, with a new identity, where there is none. Not together with `identity`. */
  readonly dir?: string
  /** Actors of the host program, started after the default ones; one with the address of a default actor takes its place. */
  readonly actors?: readonly (ActorDefinition | ActorSpec | readonly ActorSpec[])[]
  /** False leaves out the actors that find and connect peers; only `actors` run then. @default true */
  readonly defaults?: boolean
  /**
   * Message types to exchange with other peers; both sides name them. A class alone may pass an
   * enhanced link and goes over the bus; a WireType says otherwise. `TextMessage` is always among them.
   */
  readonly messages?: readonly (MessageClass | WireType)[]
  /** Where to accept links, `HOST:PORT`; port 0 takes a free one. @default every address, a free port */
  readonly listen?: string
  /** False accepts no links: the peer dials others. @default true */
  readonly inbound?: boolean
  /**
   * Names of the network interfaces to use, for listening and for discovery; `loopback` stands for
   * this machine's, however it calls it. @default every usable one
   */
  readonly interfaces?: readonly string[]
  /** Discovery on the local network; false turns it off, `ports` are the UDP ports that announcements go to. @default true */
  readonly lan?: boolean | Pick<LanOptions, 'ports'>
  /** Most links held at once, 1 to 10,000. @default the link keeper's */
  readonly maxLinks?: number
  /**
   * Most links held at once to peers of the local network, 2 to 10,000: those to its neighbours on the ring of PeerIds, which keep
   * the network in one piece, and the best and some of the others. @default all of them, up to `maxLinks`
   */
  readonly maxLanLinks?: number
  /** The same for all other peers. */
  readonly maxWanLinks?: number
  /** Which links are worth more, where not all can be kept: pure, and whole numbers. A replay of this peer's logs needs it too. @default old acquaintances */
  readonly score?: LinkScore
  /** Whom it lets in, and what they may do; see docs/policies.md. Each part may be left out, and set later by setPolicy. @default as usual */
  readonly policy?: Partial<Policy>
  /** Peers at known places, `[PEERID@]HOST:PORT`. */
  readonly peers?: readonly string[]
  /**
   * Verification steps that a link to another peer must pass, in order, before messages do; an empty list is none at
   * all. See docs/trust.md. @default the proof of `key` where there is one, else three pings
   */
  readonly verify?: readonly ActorDefinition[]
  /**
   * Verification steps in which this peer takes part where only the other side demands them; those of `verify` need not be
   * named again. @default the proof of `key` where there is one
   */
  readonly answers?: readonly ActorDefinition[]
  /**
   * The network's key, as `p2pnet key` prints it, or the key itself: peers without it are of another network. Never written
   * into a log. @default none: the network is open
   */
  readonly key?: string | NetworkKey
  /** Options of default actors by kind, merged over theirs: `{ 'peer-connection': { keepAliveIntervalMs: 1000 } }`. */
  readonly tune?: Readonly<Record<string, object>>
  /** File for the message log, or more about it. Mode 0600; see docs/logs.md. */
  readonly record?: string | RecordOptions
  /** Seed of the core's random streams, 32 bytes; for tests. @default from the system */
  readonly seed?: Uint8Array
  /** Bounds of the kernel. */
  readonly limits?: Partial<Limits>
  /** A pino logger, or a level for one that writes JSON to stderr. @default what is wrong here, as Node's warnings */
  readonly log?: Logger | LogLevel
}

export type LogLevel = 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

export interface RecordOptions {
  readonly file: string
  /** The log ends at this size, in bytes; one of which the last time is kept drops what is old. @default 256 MiB */
  readonly maxBytes?: number
  /**
   * Keeps the last part of the run alone, however long it is: at least a time (`30s`, `10m`, `2h`), or at most a size
   * (`2048KiB`, `64MiB`, `1GiB`). A log that stands at `file` already is moved to `file.1`. @default everything, until maxBytes
   */
  readonly keep?: string
}

const KNOWN: Readonly<Record<keyof PeerOptions, true>> = {
  name: true, network: true, identity: true, dir: true, actors: true, defaults: true, messages: true, listen: true, inbound: true,
  interfaces: true, lan: true, maxLinks: true, maxLanLinks: true, maxWanLinks: true, score: true, policy: true, peers: true, verify: true, answers: true, key: true, tune: true, record: true, seed: true, limits: true, log: true
}

const strings = (value: unknown): boolean => Array.isArray(value) && value.every(each => typeof each === 'string')
const LEVELS: readonly unknown[] = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] satisfies readonly LogLevel[]

/** What programs without types get wrong, and what the option takes. */
const SHAPES: readonly [names: readonly (keyof PeerOptions)[], takes: string, fits: (value: unknown) => boolean][] = [
  [['name', 'network', 'dir', 'listen'], 'a string', value => typeof value === 'string'],
  [['inbound', 'defaults'], 'true or false', value => typeof value === 'boolean'],
  [['interfaces', 'peers'], 'an array of strings', strings],
  [['actors', 'messages', 'verify', 'answers'], 'an array', Array.isArray],
  [['key'], 'a network key, or its text', value => typeof value === 'string' || value instanceof NetworkKey],
  [['score'], 'a function', value => typeof value === 'function'],
  [['log'], `a pino logger, or one of ${LEVELS.join(', ')}`, value => LEVELS.includes(value) || typeof (value as Logger | null)?.info === 'function']
]

/** @throws PeerOptionError naming the option and what it takes */
export function checkOptions(options: PeerOptions): void {
  for (const name of Object.keys(options)) {
    if (!(name in KNOWN)) throw new PeerOptionError(`createPeer has no option '${name}': it takes ${Object.keys(KNOWN).join(', ')}`)
  }
  for (const [names, takes, fits] of SHAPES) {
    for (const name of names) if (options[name] !== undefined && !fits(options[name])) throw new PeerOptionError(`${name} takes ${takes}`)
  }
  const { name, network, maxLinks, seed } = options
  if (options.identity !== undefined && options.dir !== undefined) {
    throw new PeerOptionError('createPeer was given both identity and dir: dir holds an identity of its own, leave one out')
  }
  if (name !== undefined && (name === '' || name.length > 64)) throw new PeerOptionError(`a name has 1 to 64 characters, '${name}' has ${name.length}`)
  if (name?.isWellFormed() === false) throw new PeerOptionError('the name was cut within a character: cut it by code points')
  if (network === '') throw new PeerOptionError('the network needs a name: leave it out for the default one')
  if (maxLinks !== undefined && !(Number.isInteger(maxLinks) && maxLinks >= 1 && maxLinks <= 10_000)) {
    throw new PeerOptionError(`maxLinks is ${maxLinks}: give a whole number from 1 to 10000`)
  }
  checkRecord(options.record)
  for (const name of ['maxLanLinks', 'maxWanLinks'] as const) {
    const links = options[name]
    if (links !== undefined && !(Number.isInteger(links) && links >= 2 && links <= 10_000)) {
      throw new PeerOptionError(`${name} is ${links}: give a whole number from 2, which make a ring, to 10000`)
    }
  }
  if (seed !== undefined && seed.length !== 32) throw new PeerOptionError(`the seed has ${seed.length} bytes: give 32`)
  const kinds = [...options.verify ?? [], ...options.answers ?? []].map(step => step?.kind)
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index)
  if (twice !== undefined) throw new PeerOptionError(`the verification step ${twice} is given twice: name each once, in verify or in answers`)
  if (options.interfaces?.length === 0) throw new PeerOptionError('interfaces is empty: name at least one, or leave it out for every usable one')
}

function checkRecord(record: PeerOptions['record']): void {
  if (record === undefined || typeof record === 'string') return
  const { file, maxBytes, keep } = record
  if (typeof file !== 'string') throw new PeerOptionError('record takes a file, or { file, maxBytes, keep }')
  if (keep === undefined) return
  if (typeof keep !== 'string') throw new PeerOptionError("record.keep takes a time like '10m' or a size like '64MiB'")
  if (parseKeep(keep).bytes !== undefined && maxBytes !== undefined) throw new PeerOptionError('record was given two sizes, keep and maxBytes: leave one out')
}

/** A place to listen at or to dial. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/**
 * Reads `HOST:PORT`; IPv6 in brackets.
 * @throws PeerOptionError
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || !(port <= 65_535)) {
    throw new PeerOptionError(`'${text}' is not HOST:PORT: write 192.0.2.1:4000, [2001:db8::1]:4000 or example.org:4000`)
  }
  return { host, port }
}

/**
 * Reads `[PEERID@]HOST:PORT`.
 * @throws PeerOptionError
 */
export function parsePeer(text: string): HostPort & { readonly peerId: string } {
  const at = text.lastIndexOf('@')
  const peerId = at < 0 ? '' : text.slice(0, at)
  const place = parseHostPort(text.slice(at + 1))
  if (place.host === '' || place.port === 0 || (at >= 0 && !isPeerId(peerId))) {
    throw new PeerOptionError(`'${text}' is not [PEERID@]HOST:PORT: a PeerId has 52 letters, a port is 1 to 65535`)
  }
  return { peerId, ...place }
}

/** Names of interfaces, with this machine's own for `loopback`. */
export function interfaceNames(names: readonly string[]): string[] {
  if (!names.includes('loopback')) return [...names]
  const loopback = Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.some(({ internal }) => internal))?.[0]
  return names.map(name => name === 'loopback' ? loopback ?? name : name)
}
