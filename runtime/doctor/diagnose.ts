import { codeEntry, type Code } from '../../machines/codes.ts'
import { deciderOf } from '../../machines/code-causes.ts'
import type { Attempt, Case } from './case.ts'
import type { GoneInterface, Histories } from './histories.ts'
import { clause, detailOf, hostOf, isAddress, isDial, placesOf, RUNGS, type By, type Kept, type Note } from './note.ts'
import type { Cause, Diagnosis } from './diagnosis.ts'
import type { AskKeeper } from './keeper.ts'
import { adviceOf, roughly, summaryOf } from './words.ts'

/** Clocks of machines that nobody sets differ by seconds; this is in milliseconds. */
const CLOCK_MS = 60_000
/** An interface may go so long before what broke is noticed, in milliseconds: a minute of keep-alive at most. */
const GONE_BEFORE_MS = 60_000
/** Links end so in the course of things, and others stand; what another peer tells of it keeps nobody from dialling. Told where there is nothing else. */
const HARMLESS: ReadonlySet<string> = new Set(['duplicate', 'superseded', 'aborted', 'clock-ahead'])
/** A policy decides them, for as long as it stands: what is said of the one here. */
const BLOCKED_BY = { 'blocked': 'the policy here blocks its PeerId', 'blocked-address': 'the policy here blocks its address' } as const
const BLOCKS: ReadonlySet<string> = new Set(Object.keys(BLOCKED_BY))
/** Nothing is under way. */
const RESTING: ReadonlySet<Diagnosis['standing']> = new Set(['found', 'ended'])
const BROKEN: ReadonlySet<string> = new Set(['keepalive-timeout', 'lost'])

/**
 * @param key PeerId or place, as {@link Histories.find} gives it
 * @param keeper asked about a peer that has no link and is not being dialled
 */
export function diagnose(histories: Histories, key: string, now: number, keeper: AskKeeper = () => undefined): Diagnosis {
  const about = histories.of(key)
  const own = about && factsOf(about, histories.gone)
  const block = own?.standing === 'linked' ? undefined : histories.blockOf(key)
  const left = own !== undefined && block === undefined && RESTING.has(own.standing) ? keeper(key) : undefined
  const seen = own && withStrangers(own, histories, about!.notes, left !== undefined)
  // Whatever went wrong before, a block decides for as long as it stands.
  const told = block === undefined || BLOCKS.has(seen?.cause?.code ?? '') ? seen : { standing: 'ignored' as const, since: now, attempt: undefined, cause: ofItself(block, BLOCKED_BY[block], 'self', now) }
  const idle = left && ofItself(left.code, codeEntry(left.code).means, left.code === 'no-inbound' ? 'remote' : 'self', told!.since)
  const facts = told?.cause === undefined && idle !== undefined ? { ...told!, cause: idle } : told
  const cause = facts?.cause && block === undefined && isLifted(facts.cause, key, histories) ? lifted(facts.cause) : facts?.cause
  const isPlace = key.includes(':') || isAddress(key)
  const found: Omit<Diagnosis, 'summary' | 'advice'> = {
    at: now,
    peerId: isPlace ? '' : key,
    name: about?.name ?? '',
    standing: facts?.standing ?? 'unknown',
    rung: facts?.attempt?.rung,
    since: facts?.since ?? 0,
    cause,
    undialled: idle,
    againAt: facts?.attempt?.rung === 'backoff' ? facts.attempt.until : left?.until ?? 0,
    clockAheadMs: about === undefined || about.startedAt - about.toldAt < CLOCK_MS ? 0 : about.startedAt - about.toldAt,
    history: about?.notes.map(kept => ({ time: kept.time, state: kept.note.state, event: kept.note.event, detail: detailOf(kept) })) ?? []
  }
  const called = isPlace ? key : about?.name || key.slice(0, 8)
  const advice = adviceOf(found.cause)
  return { ...found, advice, summary: summaryOf({ ...found, advice }, called, about?.notes.at(-1)?.note) }
}

/** Of a peer that was looked for on the local network, in vain. */
export function unheard(peerId: string, forMs: number): Diagnosis {
  const { means } = codeEntry('not-heard')
  const at = Date.now()
  const cause = ofItself('not-heard', `it was listened for during ${roughly(forMs)}`, 'network', at)
  const advice = adviceOf(cause)
  return {
    at, peerId, name: '', standing: 'unknown', rung: undefined, since: cause.since, cause, advice, undialled: undefined, againAt: 0, clockAheadMs: 0, history: [],
    summary: `Nothing was heard of ${peerId.slice(0, 8)}, not-heard: ${clause(means)}; ${cause.reason}; ${advice.replace(/^./, first => first.toLowerCase())}`
  }
}

/** Nothing was tried. */
function ofItself(code: Code, reason: string, by: By, now: number): Cause {
  return {
    code, reason, by, decider: { ...deciderOf(code), at: by }, rung: 'backoff', place: '', inbound: false, since: now, time: now, times: 1, step: '', notBefore: 0,
    dialsSince: 0, lifted: false
  }
}

interface Facts {
  readonly standing: Diagnosis['standing']
  readonly since: number
  readonly attempt: Attempt | undefined
  readonly cause: Cause | undefined
}

function factsOf({ notes, attempts }: Case, gone: readonly GoneInterface[]): Facts {
  const attempt = [...attempts.values()].reduce<Attempt | undefined>((best, each) =>
    best === undefined || RUNGS.indexOf(each.rung) > RUNGS.indexOf(best.rung) ? each : best, undefined)
  if (attempt !== undefined && RUNGS.indexOf(attempt.rung) >= RUNGS.indexOf('withdrawn')) return { standing: 'linked', since: attempt.since, attempt, cause: undefined }
  const cause = causeOf(notes, gone)
  const last = notes.at(-1)
  if (attempt !== undefined) return { standing: attempt.rung === 'backoff' ? 'waiting' : 'opening', since: cause?.since ?? attempt.since, attempt, cause }
  if (cause === undefined) return { standing: last === undefined ? 'unknown' : 'found', since: last?.since ?? 0, attempt, cause }
  return { standing: cause.rung === 'backoff' ? 'ignored' : 'ended', since: cause.since, attempt, cause }
}

/** Who calls from where a peer is may be that peer: its address tells of a block that stands, and of the rest where nothing else does. */
function withStrangers(facts: Facts, histories: Histories, notes: readonly Kept[], isExplained: boolean): Facts {
  if (facts.standing === 'linked' || facts.standing === 'opening') return facts
  const calls = histories.strangersAt(notes).flatMap(stranger => stranger.notes.at(-1) ?? [])
  const last = calls.reduce<Kept | undefined>((latest, each) => latest === undefined || each.time > latest.time ? each : latest, undefined)
  if (last === undefined) return facts
  const cause = asCause(last, 0)
  const isBlocked = cause.code === 'blocked-address' && !isLifted(cause, '', histories)
  if (facts.cause === undefined ? isExplained && !isBlocked : !isBlocked || cause.time <= facts.cause.time) return facts
  return { ...facts, standing: facts.standing === 'found' ? 'ended' : facts.standing, since: cause.since, cause }
}

/** What went wrong since the peer was linked last. */
function causeOf(notes: readonly Kept[], gone: readonly GoneInterface[]): Cause | undefined {
  const ends: Kept[] = []
  for (const kept of notes.toReversed()) {
    // Of a link that stood, its end is the cause: what came before it is over.
    if (ends.length > 0 && (kept.note.state === 'basic' || kept.note.state === 'enhanced')) break
    if (tells(kept.note)) ends.push(kept)
  }
  const latest = ends.find(({ note: { code = '' } }) => !HARMLESS.has(code)) ?? ends[0]
  if (latest === undefined) return undefined
  const dialled = isDial(latest.note.rung) && !codeEntry(latest.note.code ?? '').refusal
  const broken = dialled ? ends.find(({ note: { code = '' } }) => BROKEN.has(code)) : undefined
  const dials = broken === undefined ? 0 : ends.reduce((sum, { note, times }) => sum + (isDial(note.rung) ? times : 0), 0)
  return wentWith(asCause(broken ?? latest, dials), gone)
}

/** The messages that say how something ended; what the link keeper makes of it says the same again. */
function tells({ event }: Note): boolean {
  return event === 'LinkEnded' || event === 'RejectInbound' || event === 'PeerIgnored' || event === 'CallerRefused'
}

function asCause({ note, since, time, times }: Kept, dialsSince: number): Cause {
  const { code = '', reason = '', by = 'network', rung = 'backoff', inbound = false, step = '', forMs = 0 } = note
  const { kind, name } = deciderOf(code)
  const timedOut = kind === 'timeout' && by === 'network'
  return {
    code, reason, by, rung, place: placesOf(note), inbound, since, time, times, step, dialsSince, lifted: false,
    decider: { kind, name: kind === 'step' && name === '' ? step : name, at: timedOut ? 'self' : by },
    notBefore: forMs > 0 && by === 'remote' ? time + forMs : 0
  }
}

function isLifted({ code, by, place }: Cause, key: string, histories: Histories): boolean {
  return by === 'self' && BLOCKS.has(code) && histories.allows(key, hostOf(place))
}

/** What was said then names an entry that is gone. */
function lifted(cause: Cause): Cause {
  return { ...cause, lifted: true, reason: 'the policy here blocked it then, and does no longer' }
}

/** Where the interface towards the place went, that is why. */
function wentWith(cause: Cause, gone: readonly GoneInterface[]): Cause {
  const { kind } = deciderOf(cause.code)
  if (kind !== 'network' && !(kind === 'timeout' && cause.by === 'network')) return cause
  const interface_ = gone.findLast(({ name, addresses, at }) => at >= cause.since - GONE_BEFORE_MS && leadsTo(name, addresses, hostOf(cause.place)))
  if (interface_ === undefined) return cause
  const { name, addresses, at } = interface_
  return {
    ...cause, code: 'interface-gone', by: 'network', decider: { ...deciderOf('interface-gone'), at: 'network' },
    reason: `${name} (${addresses.join(', ')}) of this machine went down at ${new Date(at).toISOString()}, after which came ${cause.code}`
  }
}

/** An IPv6 address that is announced carries its interface; for IPv4 one /16 will do: the mask is not known here, and a LAN is rarely larger. */
function leadsTo(name: string, addresses: readonly string[], host: string): boolean {
  const zone = /%([^\]]+)/.exec(host)?.[1]
  const network = (address: string): string => address.split('.').slice(0, 2).join('.')
  return zone === undefined ? addresses.some(address => address.includes('.') && network(address) === network(host)) : zone === name
}
