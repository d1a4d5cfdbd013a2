import type { Observable, Subscription } from 'rxjs'
import { Lru } from '../../actors/shared/lru.ts'
import {
  ActorStopped, CallerRefused, DialEndpoint, DialFailed, DialOpened, Direction, InboundSecured, Initiator, InterfacesChanged, Level, LinkAdmitted, LinkEnded, LinkIdentified,
  LinkLevelReached, LinkSecured, PeerConnected, PeerDisconnected, PeerFound, PeerIgnored, PeerPending, PeerRefused, PeerVerified, PolicyChanged, RejectInbound, TrustRevoked,
  classOf, typeName, type Envelope, type Message, type MessageClass
} from '../../proto/index.ts'
import { blocklistOf, blocksHost, blocksNobody, blocksPeer, type Blocklist } from '../../machines/blocklist.ts'
import { codeEntry } from '../../machines/codes.ts'
import { toPlace, type Place } from '../../machines/place.ts'
import { fromPolicyValue } from '../../machines/policy.ts'
import { AmbiguousPeerError, UnknownPeerError } from '../peer/errors.ts'
import { formatEndpoint } from '../peer/roster.ts'
import type { Attempt, Case } from './case.ts'
import { RUNGS, hostOf, hostsOf, isAddress, isDial, keep, type By, type Kept, type Note, type Rung } from './note.ts'
import { Strangers } from './strangers.ts'

export interface HistoriesOptions {
  /** Peers, and places where nobody has answered, that are remembered; the one quiet longest goes first. @default 1000, as many as the link keeper knows */
  readonly peersMax: number
  /** Notes of one peer; the oldest go first. What happens again and again counts once. @default 50, some ten links; 20 KB */
  readonly notesMax: number
}

export const historiesDefaults: HistoriesOptions = { peersMax: 1_000, notesMax: 50 }

/** Connections and callers that are followed; a keeper has fewer at once. */
const OPEN_MAX = 2_048
/** Interfaces that went, of which the latest count. */
const GONE_MAX = 16

/** As the one who keeps it has it. */
type Changing = { -readonly [K in keyof Attempt]: Attempt[K] }

/** An interface of this machine that is not there any more. */
export interface GoneInterface {
  readonly name: string
  readonly addresses: readonly string[]
  readonly at: number
}

type BusFace = { of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>> }

/** What happened with each peer, lately, from what is said on the bus: bounded, and put into words only when somebody asks. */
export class Histories {
  readonly #options: HistoriesOptions
  readonly #subscriptions: Subscription[] = []
  readonly #hears = new Map<string, (envelope: Envelope<string, any>) => void>()
  readonly #cases = new Map<string, Case>()
  readonly #open = new Map<string, Changing>()
  /** Who answered at a place that was dialled. */
  readonly #at: Lru<string, string>
  readonly #strangers = new Strangers()
  /** Callers that no connection has taken over yet, by the listener's name for them. */
  readonly #callers = new Lru<string, { peerId: string; place: Place }>(OPEN_MAX)
  #interfaces = new Map<string, readonly string[]>()
  #gone: GoneInterface[] = []
  /** Undefined until a policy is told. */
  #blocked: Blocklist | undefined

  /** @param wallZero wall time at logical zero, in milliseconds since the epoch */
  constructor(bus: BusFace, wallZero: () => number, options: Partial<HistoriesOptions> = {}) {
    this.#options = { ...historiesDefaults, ...options }
    this.#at = new Lru(this.#options.peersMax)
    const on = <T extends Message>(type: MessageClass<T>, hear: (body: T, envelope: Envelope, time: number) => void) => {
      const take = (envelope: Envelope<string, T>): void => hear(envelope.body, envelope, wallZero() + envelope.time)
      this.#hears.set(typeName(type), take)
      this.#subscriptions.push(bus.of(type).subscribe(take))
    }
    on(PeerFound, (body, _, time) => {
      this.#note(body.peerId, { event: 'PeerFound', state: 'found', places: body.endpoints.map(toPlace), via: body.via }, time, body.name)
    })
    on(PeerIgnored, ({ peerId, name, remote, via, code, reason }, _, time) => {
      this.#note(peerId || formatEndpoint(remote), { event: 'PeerIgnored', state: 'ignored', places: [toPlace(remote)], via, code, reason, by: 'self' }, time, name)
    })
    on(DialEndpoint, ({ endpoint, expectedPeerId }, { from }, time) => this.#dial(from, expectedPeerId, toPlace(endpoint), time))
    on(DialOpened, (_, { from }, time) => this.#climb(connectionOf(from), 'securing', time))
    on(DialFailed, (failed, { from }) => {
      const attempt = this.#open.get(connectionOf(from))
      if (attempt !== undefined) attempt.failed = failed
    })
    on(LinkSecured, ({ peerId, direction, remote }, { from }, time) => {
      const inbound = direction === Direction.DIRECTION_IN
      const connection = connectionOf(from)
      const place = toPlace(remote)
      const before = this.#open.get(connection)
      const unknown = before === undefined || before.key === formatEndpoint(before.place)
      if (unknown && !inbound) this.#answered(before?.place ?? place, peerId)
      // An attempt at a peer that is expected stays its own, whoever answers.
      this.#set({ connection, key: unknown ? peerId : before.key, place, inbound, rung: 'identifying', since: time, until: 0 })
    })
    on(LinkIdentified, (body, { from }, time) => this.#identified(body, from, time))
    on(LinkAdmitted, (_, { to }, time) => this.#climb(to, 'verifying', time))
    on(PeerPending, ({ peerId, step, reason, initiator }, { from }, time) => {
      this.#climb(from, 'pending', time)
      this.#note(peerId, { event: 'PeerPending', state: 'pending', step, reason, by: byOf(initiator) }, time)
    })
    on(LinkLevelReached, ({ peerId, level, steps }, { from }, time) => {
      const rung = level >= Level.LEVEL_ENHANCED ? 'enhanced' : 'basic'
      this.#climb(from, rung, time)
      this.#note(peerId, { event: 'LinkLevelReached', state: rung, rung, steps }, time)
    })
    on(TrustRevoked, ({ peerId, reason, initiator }, { from, to }, time) => {
      if (to === '') return
      this.#climb(from, 'withdrawn', time)
      this.#note(peerId, { event: 'TrustRevoked', state: 'identified', code: 'trust-revoked', reason, by: byOf(initiator) }, time)
    })
    on(LinkEnded, (body, { from }, time) => this.#ended(body, from, time))
    // A connection that failed could not tell its end itself.
    on(ActorStopped, ({ address }) => this.#remove(address))
    on(PeerConnected, ({ peerId, name, remote }, _, time) => {
      this.#note(peerId, { event: 'PeerConnected', state: 'basic', places: [toPlace(remote)] }, time, name)
    })
    on(PeerVerified, ({ peerId, steps }, _, time) => this.#note(peerId, { event: 'PeerVerified', state: 'enhanced', steps }, time))
    on(PeerRefused, ({ peerId, remote, step, code, reason, initiator }, _, time) => {
      this.#note(peerId || formatEndpoint(remote), { event: 'PeerRefused', state: 'refused', step, code, reason, by: byOf(initiator) }, time)
    })
    on(PeerDisconnected, ({ peerId, code, reason, initiator }, _, time) => {
      this.#note(peerId, { event: 'PeerDisconnected', state: 'disconnected', code, reason, by: byOf(initiator) }, time)
    })
    on(CallerRefused, (body, _, time) => this.#strangers.refused(body, time))
    on(InboundSecured, ({ handle, peerId, remote }) => {
      this.#strangers.taken(remote?.host ?? '')
      this.#callers.set(handle, { peerId, place: toPlace(remote) })
    })
    on(RejectInbound, ({ handle, code, reason }, _, time) => {
      const caller = this.#callers.get(handle)
      if (caller === undefined) return
      this.#note(caller.peerId, { event: 'RejectInbound', state: 'refused', places: [caller.place], inbound: true, code, reason, by: 'self', rung: 'admitting' }, time)
    })
    on(PolicyChanged, ({ policy }) => { this.#blocked = blocklistOf(fromPolicyValue(policy).blocked) })
    on(InterfacesChanged, ({ interfaces }, _, time) => {
      const now = new Map(interfaces.map(({ name, addresses }) => [name ?? '', addresses ?? []]))
      for (const [name, addresses] of this.#interfaces) if (!now.has(name)) this.#gone.push({ name, addresses, at: time })
      this.#gone = this.#gone.filter(({ name }) => !now.has(name)).slice(-GONE_MAX)
      this.#interfaces = now
    })
  }

  /** Takes a message that was said before it listened. */
  tell(body: Message, { from, to, time }: Pick<Envelope, 'from' | 'to' | 'time'>): void {
    const type = typeName(classOf(body))
    this.#hears.get(type)?.({ type, body, from, to, time, seq: 0, cause: 0, bytes: new Uint8Array() })
  }

  /** Interfaces that went and have not come back. */
  get gone(): readonly GoneInterface[] {
    return this.#gone
  }

  /** Why the policy of now allows no link to a peer, or to a place; undefined where it does. Who is blocked is not dialled, and nothing is said of that. */
  blockOf(key: string): 'blocked' | 'blocked-address' | undefined {
    const blocked = this.#blocked ?? blocksNobody
    if (blocksPeer(blocked, key)) return 'blocked'
    const hosts = isAddress(key) ? [key] : key.includes(':') ? [hostOf(key)] : hostsOf(this.#cases.get(key)?.notes ?? [])
    return hosts.length > 0 && hosts.every(host => blocksHost(blocked, host)) ? 'blocked-address' : undefined
  }

  /** Whether the policy of now blocks neither a peer nor a host, as far as one was told. */
  allows(key: string, host: string): boolean {
    return this.#blocked !== undefined && !blocksPeer(this.#blocked, key) && !blocksHost(this.#blocked, host)
  }

  /** Callers from the places of a peer that were turned away before they could say who they are. */
  strangersAt(notes: readonly Kept[]): Case[] {
    return hostsOf(notes).flatMap(host => this.#strangers.at(host) ?? [])
  }

  /** PeerIds and places, then addresses of callers who were turned away before they could say who they are; each in the order in which something was heard of them last. */
  get keys(): string[] {
    return [...this.#cases.keys(), ...this.#strangers.keys]
  }

  of(key: string): Case | undefined {
    return this.#cases.get(key) ?? this.#strangers.at(key)
  }

  /**
   * The key of the peer that is meant by a PeerId, the start of one, a name, a place that was dialled, or an address. A name is
   * nobody's proof: one that reads like an address, with or without a port, is not looked at.
   * @throws UnknownPeerError, AmbiguousPeerError
   */
  find(wanted: string): string {
    const at = this.#at.get(wanted)
    if (at !== undefined && this.#cases.has(at)) return at
    const met = isAddress(wanted) ? this.#metAt(wanted) : []
    const linked = met.filter(key => isLinked(this.#cases.get(key)!))
    if (linked.length === 1) return linked[0]!
    if (this.#cases.has(wanted) || this.#strangers.at(wanted) !== undefined) return wanted
    const isPlace = isAddress(wanted) || (wanted.includes(':') && isAddress(hostOf(wanted)))
    const cases = isPlace ? [] : [...this.#cases.values()].filter(({ name }) => name !== '' && name === wanted)
    // Who is only seen to be there, of another network for example, comes second.
    const ours = cases.filter(({ notes }) => notes.some(({ note }) => note.event !== 'PeerIgnored'))
    const named = (ours.length > 0 ? ours : cases).map(({ key }) => key)
    const found = named.length > 0 ? named : wanted === '' ? [] : isAddress(wanted) ? met : this.keys.filter(key => key.startsWith(wanted))
    if (found.length === 1) return found[0]!
    if (found.length === 0 && this.blockOf(wanted) !== undefined) return wanted
    if (found.length === 0) throw new UnknownPeerError(`nothing was heard of '${wanted}', by PeerId, the start of one, name, HOST:PORT or address`)
    throw new AmbiguousPeerError(`'${wanted}' fits ${found.length} peers, ${found.slice(0, 3).join(', ')}: give more of the PeerId`)
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  #metAt(address: string): string[] {
    return [...this.#cases].filter(([key, { notes }]) => hostOf(key) === address || hostsOf(notes).includes(address)).map(([key]) => key)
  }

  #dial(connection: string, expectedPeerId: string, place: Place, time: number): void {
    const key = expectedPeerId || formatEndpoint(place)
    const before = this.#open.get(connection)
    if (before !== undefined && isDial(before.rung)) {
      // The place before it in the same round; without a word of its driver, its time was up.
      const { code, reason } = before.failed ?? { code: 'dial-timeout', reason: codeEntry('dial-timeout').means }
      this.#note(before.key, { event: 'DialFailed', state: 'retrying', places: [before.place], rung: before.rung, code, reason, by: 'network' }, time)
    }
    this.#set({ connection, key, place, inbound: false, rung: 'dialing', since: time, until: 0 })
  }

  #identified({ peerId, name, direction, remote, instance }: LinkIdentified, connection: string, time: number): void {
    const place = toPlace(remote)
    const inbound = direction === Direction.DIRECTION_IN
    if (!inbound) this.#answered(place, peerId)
    this.#set({ connection, key: peerId, place, inbound, rung: 'admitting', since: time, until: 0 })
    this.#note(peerId, { event: 'LinkIdentified', state: 'identified', places: [place], inbound, name }, time, name)
    const about = this.#cases.get(peerId)
    if (about !== undefined && instance?.startedAt) {
      about.startedAt = instance.startedAt
      about.toldAt = time
    }
  }

  // What was known of the place is the peer's from here on.
  #answered(at: Place, peerId: string): void {
    const place = formatEndpoint(at)
    this.#at.set(place, peerId)
    const before = this.#cases.get(place)
    if (before === undefined) return
    this.#cases.delete(place)
    const about = this.#case(peerId)
    about.notes.unshift(...before.notes)
    about.notes.splice(0, about.notes.length - this.#options.notesMax)
  }

  #ended({ peerId, remote, code, reason, initiator, step, level, againMs, forMs }: LinkEnded, connection: string, time: number): void {
    const attempt = this.#open.get(connection)
    const place = toPlace(remote)
    const key = attempt?.key || peerId || formatEndpoint(place)
    const inbound = attempt?.inbound ?? false
    const rung = attempt === undefined || attempt.rung === 'backoff' ? rungOf(level) : attempt.rung
    if (againMs > 0) this.#set({ connection, key, place, inbound, rung: 'backoff', since: time, until: time + againMs })
    else this.#remove(connection)
    this.#note(key, {
      event: 'LinkEnded', state: againMs > 0 ? 'retrying' : 'disconnected', places: [place], inbound, code, reason, by: byOf(initiator), step, againMs, forMs, rung
    }, time)
  }

  #climb(connection: string, rung: Rung, time: number): void {
    const attempt = this.#open.get(connection)
    if (attempt === undefined) return
    attempt.rung = rung
    attempt.since = time
  }

  #set(attempt: Changing): void {
    const before = this.#open.get(attempt.connection)
    if (before?.key === attempt.key) return void Object.assign(before, { failed: undefined }, attempt)
    this.#remove(attempt.connection)
    this.#open.set(attempt.connection, attempt)
    if (this.#open.size > OPEN_MAX) this.#remove(this.#open.keys().next().value!)
    this.#case(attempt.key).attempts.set(attempt.connection, attempt)
  }

  #remove(connection: string): void {
    const attempt = this.#open.get(connection)
    if (attempt === undefined) return
    this.#open.delete(connection)
    this.#cases.get(attempt.key)?.attempts.delete(connection)
  }

  /** Not to be kept: the next one may forget it. */
  #case(key: string): Case {
    const about = this.#cases.get(key) ?? { key, name: '', notes: [], attempts: new Map<string, Attempt>(), startedAt: 0, toldAt: 0 }
    this.#cases.delete(key)
    this.#cases.set(key, about)
    if (this.#cases.size > this.#options.peersMax) this.#forget(key)
    return about
  }

  // Who is linked, or dialled, stays before others.
  #forget(newcomer: string): void {
    let oldest = ''
    for (const [key, { attempts }] of this.#cases) {
      if (key === newcomer) continue
      oldest ||= key
      if (attempts.size > 0) continue
      oldest = key
      break
    }
    this.#cases.delete(oldest)
  }

  #note(key: string, note: Note, time: number, name = ''): void {
    if (key === '') return
    const about = this.#case(key)
    if (name !== '') about.name = name
    keep(about.notes, note, time, this.#options.notesMax)
  }
}

/** The connection to which a driver belongs. */
function connectionOf(driver: string): string {
  const at = driver.indexOf('#')
  return at < 0 ? driver : driver.slice(0, at)
}

function isLinked({ attempts }: Case): boolean {
  return [...attempts.values()].some(({ rung }) => RUNGS.indexOf(rung) >= RUNGS.indexOf('withdrawn'))
}

function byOf(initiator: Initiator): By {
  if (initiator === Initiator.INITIATOR_SELF) return 'self'
  return initiator === Initiator.INITIATOR_REMOTE ? 'remote' : 'network'
}

/** Where nothing was seen of how far it came, the level tells. */
function rungOf(level: Level): Rung {
  if (level >= Level.LEVEL_ENHANCED) return 'enhanced'
  if (level >= Level.LEVEL_BASIC) return 'basic'
  if (level >= Level.LEVEL_IDENTIFIED) return 'verifying'
  return level >= Level.LEVEL_SECURED ? 'identifying' : 'dialing'
}
