import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import type { Observable } from 'rxjs'
import { codeEntry } from '../../machines/index.ts'
import {
  ActorFailed, CallerRefused, DeadLetter, DialEndpoint, DialFailed, DriverCounts, LinkSecured, PeerConnected, PeerDisconnected, PeerFound, PeerHeard, PeerIgnored,
  PeerRefused, PeerVerified,
  type Envelope, type Message, type MessageClass
} from '../../proto/index.ts'
import type { LogLevel } from './options.ts'
import { formatEndpoint } from './roster.ts'

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
const nothing = { level: 'silent', child: () => nothing, isLevelEnabled: () => false, flush() {}, silent() {}, bindings: () => ({}) }
for (const level of levels) Object.assign(nothing, { [level]: () => {} })

/** Where no logger was asked for, a host's bug still shows, as Node shows warnings. */
const warnings = { ...nothing, child: () => warnings, warn: warn, error: warn, fatal: warn }

function warn(about: { err?: unknown }, message: string): void {
  const { err, ...where } = about
  const detail = err instanceof Error ? err.stack : err === undefined ? undefined : String(err)
  process.emitWarning(`${message} ${JSON.stringify(where)}`, { type: 'P2pnetWarning', ...(detail !== undefined && { detail }) })
}

/** A logger to stderr; loading pino takes 20 ms, so that who does not want it is spared. */
export function loggerOf(log?: Logger | LogLevel): Logger {
  if (log === undefined) return warnings as unknown as Logger
  if (log === 'silent') return nothing as unknown as Logger
  if (typeof log !== 'string') return log
  const { pino, destination } = createRequire(import.meta.url)('pino') as typeof import('pino')
  return pino({ level: log }, destination(2))
}

type Bus = { of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>> }

/** Writes what happens to the log, from the messages that say so. */
export function narrate(bus: Bus, log: Logger): void {
  if (log.level === 'silent') return
  bus.of(ActorFailed).subscribe(({ body }) => log.error({ actor: body.address, decision: body.decision, recent: body.recent }, body.error))
  bus.of(PeerFound).subscribe(({ body }) => log.debug({ peer: body.peerId, name: body.name, via: body.via }, 'peer found'))
  bus.of(PeerConnected).subscribe(({ body }) => {
    log.info({ peer: body.peerId, name: body.name, address: formatEndpoint(body.remote) }, 'peer connected')
  })
  bus.of(PeerVerified).subscribe(({ body }) => log.info({ peer: body.peerId, steps: body.steps }, 'peer verified'))
  bus.of(PeerRefused).subscribe(({ body }) => {
    log.info({ peer: body.peerId, address: formatEndpoint(body.remote), step: body.step, code: body.code }, body.reason)
  })
  bus.of(PeerDisconnected).subscribe(({ body }) => log.info({ peer: body.peerId, code: body.code }, body.reason))
  bus.of(DeadLetter).subscribe(({ body }) => log.debug({ ...body }, 'dead letter'))
  bus.of(DriverCounts).subscribe(({ body, from }) => {
    log.debug(Object.fromEntries(body.counts.map(({ name, count }) => [name, count])), `dropped by ${from}`)
  })
  bus.of(CallerRefused).subscribe(({ body: { remote, code, count, reason } }) => {
    log.info({ address: formatEndpoint(remote), code, count }, `a caller was turned away: ${reason}`)
  })
  bus.of(PeerIgnored).subscribe(({ body }) => {
    log.debug({ peer: body.peerId, name: body.name, address: formatEndpoint(body.remote), code: body.code }, `ignored: ${body.reason}`)
  })
  narrateDials(bus, log)
}

/** A place that a person named is dialled for ever: why it does not answer is told once, and again when that changes. */
function narrateDials(bus: Bus, log: Logger): void {
  const named = new Set<string>()
  const told = new Map<string, string>()
  const dials = new Map<string, string>()
  const ended = (from: string): string | undefined => {
    const connection = from.replace(/#.*$/, '')
    const place = dials.get(connection)
    dials.delete(connection)
    return place
  }
  bus.of(PeerHeard).subscribe(({ body }) => {
    if (body.via === 'static') for (const endpoint of body.endpoints) named.add(formatEndpoint(endpoint))
  })
  bus.of(DialEndpoint).subscribe(({ body, from }) => {
    const place = formatEndpoint(body.endpoint)
    if (named.has(place)) dials.set(from, place)
  })
  bus.of(LinkSecured).subscribe(({ from }) => {
    const place = ended(from)
    if (place !== undefined) told.delete(place)
  })
  bus.of(DialFailed).subscribe(({ body: { code, reason }, from }) => {
    const place = ended(from)
    const { means, advice, refusal } = codeEntry(code)
    // Of a refusal PeerRefused tells.
    if (place === undefined || refusal || code === 'aborted' || told.get(place) === code) return
    told.set(place, code)
    log.warn({ address: place, code, reason }, `${place} is dialled again and again, ${code}: ${means} ${advice}`)
  })
}
