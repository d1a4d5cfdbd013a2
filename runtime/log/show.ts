import type { Writable } from 'node:stream'
import { Registry, type Checkpoint, type LogActor, type LogHeader } from '../../proto/index.ts'
import { crop, filled } from '../columns.ts'
import { jsonText, printable } from '../json-text.ts'
import { shortBody, shown } from './body.ts'
import { followLog, type FollowOptions } from './follow.ts'
import type { LogEntry, LoggedEnvelope } from './format.ts'
import type { LogReader } from './reader.ts'

export interface ShowOptions {
  /** One JSON object a line instead of text. @default false */
  readonly json?: boolean
  /** Longest line, from 40; longer ones are cut. @default 80 */
  readonly width?: number
  /** Knows the types of bodies. @default our own types */
  readonly registry?: Registry
  /** Which entries to show. @default all */
  readonly filter?: (entry: LogEntry) => boolean
}

/** Characters of an id that are shown before it is cut. */
const ID_CHARACTERS = 8
/** Columns of a route, so that types stand below each other; where a line is short, their room is worth more. */
const ROUTE_WIDTH = 28
const ROUTE_WIDTH_NARROW = 18
const NARROW = 72

/** Lines are gathered to this many characters before they are written, or to as many as the stream likes to hold. */
const GATHER_CHARACTERS = 16 * 1024

/**
 * Writes a log as text, one line a record, as fast as `out` takes it. Stops quietly when `out` closes.
 * @throws LogCorruptError after the records that stand before the fault
 */
export async function showLog(log: LogReader, out: Writable, options: ShowOptions = {}): Promise<void> {
  const page = new Page(out, options)
  try {
    page.header(log.header)
    if (log.checkpoint !== undefined) page.checkpoint(log.checkpoint)
    for (const entry of log) {
      page.entry(entry)
      if (page.full && !await page.flush()) return log.close()
    }
    const end = log.torn?.message ?? (log.ending === 'cut' ? 'the log ends here without a last record: its process was killed, or still runs' : undefined)
    if (end !== undefined) page.line(options.json === true ? jsonText({ kind: log.ending, message: end }) : `# ${end}`)
  } finally {
    await page.flush()
  }
}

/**
 * The same for a log that still grows, each record when it comes; see {@link followLog} for how it ends. Stops quietly when
 * `out` closes.
 * @throws as followLog
 */
export async function showGrowing(path: string, out: Writable, options: ShowOptions & FollowOptions = {}): Promise<void> {
  const page = new Page(out, options)
  const closed = new AbortController()
  const close = () => closed.abort()
  out.once('close', close)
  const signal = options.signal === undefined ? closed.signal : AbortSignal.any([closed.signal, options.signal])
  try {
    for await (const item of followLog(path, { ...options, signal })) {
      if (item.kind === 'header') page.header(item.header)
      else if (item.kind === 'checkpoint') page.checkpoint(item.checkpoint)
      else page.entry(item)
      if (!await page.flush()) return
    }
  } finally {
    out.off('close', close)
  }
}

/** Lines on their way to a stream. */
class Page {
  readonly #out: Writable
  readonly #options: ShowOptions
  readonly #registry: Registry
  readonly #width: number
  #text = ''
  #begun = false

  constructor(out: Writable, options: ShowOptions) {
    this.#out = out
    this.#options = options
    this.#registry = options.registry ?? new Registry()
    this.#width = Math.max(options.width ?? 80, 40)
  }

  get full(): boolean {
    return this.#text.length >= Math.min(GATHER_CHARACTERS, this.#out.writableHighWaterMark)
  }

  header(header: LogHeader): void {
    this.line(this.#options.json === true ? jsonHeader(header) : textHeader(header, this.#width))
  }

  /** Where the log begins, or goes on after something of it was lost. */
  checkpoint({ time, seq, actors }: Checkpoint): void {
    this.line(this.#options.json === true ? jsonText({ kind: 'checkpoint', time, seq, actors: actors.length })
      : `# ${this.#begun ? 'goes on' : 'begins'} at ${(time / 1000).toFixed(1)} s, from a checkpoint of ${actors.length} actor${actors.length === 1 ? '' : 's'}`)
    this.#begun = true
  }

  entry(entry: LogEntry): void {
    this.#begun = true
    if (this.#options.filter?.(entry) === false) return
    this.line(this.#options.json === true ? jsonLine(entry, this.#registry) : textLine(entry, this.#registry, this.#width))
  }

  line(text: string): void {
    this.#text += `${text}\n`
  }

  /** Writes what has gathered, and waits for room; false when nobody takes it any more. */
  async flush(): Promise<boolean> {
    const out = this.#out
    const text = this.#text
    this.#text = ''
    if (out.destroyed || out.writableEnded) return false
    if (text !== '' && !out.write(text)) await drained(out)
    return !out.destroyed
  }
}

function drained(out: Writable): Promise<void> {
  return new Promise(resolve => {
    const events = ['drain', 'close', 'error']
    const done = () => {
      for (const event of events) out.off(event, done)
      resolve()
    }
    for (const event of events) out.on(event, done)
  })
}

/** `kind/id#driver` with a long id cut. */
export function shortAddress(address: string): string {
  return address.replace(/\/([^#/]+)/, (whole, id: string) => (id.length > ID_CHARACTERS + 1 ? `/${id.slice(0, ID_CHARACTERS)}…` : whole))
}

function textHeader(header: LogHeader, width: number): string {
  const actors = (header.actors as LogActor[]).map(({ kind, id, version }) => `${kind}/${id} v${version}`)
  return [
    printable(`# ${header.library}, format ${header.format}, recorded ${when(header.wallTime)}`),
    printable(`# peer ${header.name || '(no name)'} ${header.peerId}`),
    crop(printable(`# actors ${actors.join(', ') || 'none'}`), width)
  ].join('\n')
}

function when(wallTime: number): string {
  const date = new Date(wallTime)
  return Number.isNaN(date.getTime()) ? 'at an unknown time' : date.toISOString()
}

/** An entry on one line. */
export function textLine(entry: LogEntry, registry: Registry, width: number): string {
  if (entry.kind === 'stopped') return `${seconds(entry.time)}        ∎ ${entry.reason}`
  const { envelope } = entry
  const start = `${seconds(envelope.time)} ${String(envelope.seq).padStart(6)} ${entry.kind === 'input' ? '←' : '→'} ${filled(printable(route(envelope)), width < NARROW ? ROUTE_WIDTH_NARROW : ROUTE_WIDTH)}`
  return crop(`${start} ${printable(`${envelope.type} ${shortBody(envelope, registry)}`)}`.trimEnd(), width)
}

/** From whom to whom; an actor and its own driver are named once. */
function route({ from, to }: LoggedEnvelope): string {
  return to.startsWith(`${from}#`) ? `${shortAddress(from)} → ${to.slice(from.length)}`
    : from.startsWith(`${to}#`) && to !== '' ? shortAddress(from)
    : `${shortAddress(from)} → ${shortAddress(to) || 'all'}`
}

function seconds(time: number): string {
  return (time / 1000).toFixed(3).padStart(9)
}

function jsonHeader(header: LogHeader): string {
  const actors = (list: LogActor[]) => list.map(({ kind, id, version, options }) => ({ kind, id, version, options: options }))
  return jsonText({
    kind: 'header', format: header.format, library: header.library, wallTime: header.wallTime, peerId: header.peerId, name: header.name,
    seed: Buffer.from(header.seed).toString('base64'), flags: header.flags, limits: header.limits,
    actors: actors(header.actors as LogActor[]), spawnable: actors(header.spawnable as LogActor[])
  })
}

function jsonLine(entry: LogEntry, registry: Registry): string {
  return jsonText(entry.kind === 'stopped' ? entry : { kind: entry.kind, ...shown(entry.envelope, registry) })
}
