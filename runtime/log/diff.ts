import { Registry, type Checkpoint, type LogActor, type LogHeader } from '../../proto/index.ts'
import { crop } from '../columns.ts'
import { printable } from '../json-text.ts'
import { shown, type ShownEnvelope } from './body.ts'
import { compare, excerpted, FIELDS_MAX, type FieldDifference } from './divergence.ts'
import type { LogEnding, LogEntry } from './format.ts'
import { readLog, type LogReader, type LogSource } from './reader.ts'
import { textLine } from './show.ts'

/** Entries shown before the first difference, and after it of each log. */
const CONTEXT = 3

/** Fields of a header that change nothing of a run: they are shown, and do not make two logs differ. */
const INFORMATION: ReadonlySet<string> = new Set(['library', 'schema', 'wallTime'])

export interface LogDifference {
  /** All that both hold is the same, and they end alike. */
  readonly same: boolean
  /** Logical times at which they begin, in milliseconds, and the messages before; they are compared from the later on. */
  readonly begins: readonly [LogBegin, LogBegin]
  /** Fields of the headers that differ. */
  readonly header: readonly FieldDifference[]
  /** The first place at which the entries differ; undefined where they are the same. */
  readonly first?: FirstDifference
  /** Entries that are the same, before the first difference. */
  readonly common: number
  /** How each log ends; undefined where it was not read to its end. */
  readonly endings: readonly [LogEnding | undefined, LogEnding | undefined]
}

export interface LogBegin {
  readonly time: number
  readonly seq: number
}

export interface FirstDifference {
  /** Undefined where the log has ended. */
  readonly a: LogEntry | undefined
  readonly b: LogEntry | undefined
  /** Fields in which the two differ. */
  readonly fields: readonly FieldDifference[]
  readonly before: readonly LogEntry[]
  readonly afterA: readonly LogEntry[]
  readonly afterB: readonly LogEntry[]
}

/**
 * Compares two logs record by record up to their first difference; neither is replayed. Memory holds a block of each. Where one
 * begins later, at a checkpoint, what the other has before that is passed over; checkpoints are compared where both begin at the same.
 * @throws everything that readLog throws; LogCorruptError after the entries that stand before the fault
 */
export function diffLogs(a: LogSource, b: LogSource, registry = new Registry()): LogDifference {
  const logs = [readLog(a), readLog(b)] as const
  try {
    const header: FieldDifference[] = []
    compare('', plainHeader(logs[0].header), plainHeader(logs[1].header), header)
    const begins = [beginOf(logs[0]), beginOf(logs[1])] as const
    if (begins[0].seq === begins[1].seq) compare('checkpoint', plainCheckpoint(logs[0].checkpoint), plainCheckpoint(logs[1].checkpoint), header)
    const from = Math.max(begins[0].seq, begins[1].seq)
    const [left, right] = [entriesFrom(logs[0], from), entriesFrom(logs[1], from)]
    const before: LogEntry[] = []
    for (let common = 0; ; common++) {
      const [one, other] = [left.next().value ?? undefined, right.next().value ?? undefined]
      if (one !== undefined && other !== undefined && sameEntry(one, other)) {
        before.push(one)
        if (before.length > CONTEXT) before.shift()
        continue
      }
      const endings = [logs[0].ending, logs[1].ending] as const
      const counted = header.some(({ path }) => !INFORMATION.has(path.split('.')[0]!))
      if (one === undefined && other === undefined) return { same: !counted && endings[0] === endings[1], begins, header, common, endings }
      const fields: FieldDifference[] = []
      if (one !== undefined && other !== undefined) compare('', plainEntry(one, registry), plainEntry(other, registry), fields)
      return { same: false, begins, header, common, endings, first: { a: one, b: other, fields, before, afterA: some(left), afterB: some(right) } }
    }
  } finally {
    for (const log of logs) log.close()
  }
}

function beginOf({ checkpoint }: LogReader): LogBegin {
  return { time: checkpoint?.time ?? 0, seq: checkpoint?.seq ?? 0 }
}

/** Those that follow a message. */
function* entriesFrom(log: LogReader, seq: number): Generator<LogEntry, void, void> {
  for (const entry of log) if (entry.kind === 'stopped' || entry.envelope.seq > seq) yield entry
}

function plainCheckpoint(checkpoint: Checkpoint | undefined): unknown {
  return checkpoint && JSON.parse(JSON.stringify(checkpoint))
}

/** A difference as text. */
export function formatDifference({ same, begins: [a, b], header, first, common, endings }: LogDifference, width: number, registry = new Registry()): string {
  const line = (mark: string) => (entry: LogEntry) => `${mark} ${textLine(entry, registry, width - 2)}`
  const lines = fieldLines(header, ({ path }) => `header ${path}${INFORMATION.has(path) ? ' (for information)' : ''}`)
  if (a.seq !== b.seq) lines.unshift(`one begins at ${seconds(a.time)}, the other at ${seconds(b.time)}: compared from ${seconds(Math.max(a.time, b.time))} on`)
  if (first === undefined) {
    lines.push(same ? `the same, ${common} records` : `the same ${common} records; ${endings[0] === endings[1] ? 'the headers differ' : `one ends ${endings[0]}, the other ${endings[1]}`}`)
  } else {
    const { a: one, b: other, fields, before, afterA, afterB } = first
    lines.push(`the first difference is after ${common} records that are the same`, ...before.map(line(' ')))
    lines.push(...(one === undefined ? [`- (the log has ended: ${endings[0]})`] : [one, ...afterA].map(line('-'))))
    lines.push(...(other === undefined ? [`+ (the log has ended: ${endings[1]})`] : [other, ...afterB].map(line('+'))))
    lines.push(...fieldLines(fields, ({ path }) => `differs in ${path}`))
  }
  return lines.map(text => crop(printable(text), width)).join('\n')
}

function fieldLines(fields: readonly FieldDifference[], title: (field: FieldDifference) => string): string[] {
  const lines = fields.slice(0, FIELDS_MAX).flatMap(field => [title(field), `  - ${excerpted(field.expected)}`, `  + ${excerpted(field.got)}`])
  return fields.length > FIELDS_MAX ? [...lines, `and ${fields.length - FIELDS_MAX} more`] : lines
}

function seconds(time: number): string {
  return `${(time / 1000).toFixed(3)} s`
}

/** An entry as JSON shows it. */
export function plainEntry(entry: LogEntry, registry: Registry): object {
  if (entry.kind === 'input') return { kind: entry.kind, nested: entry.nested, ...shown(entry.envelope, registry) }
  return entry.kind === 'output' ? { kind: entry.kind, ...shown(entry.envelope, registry) satisfies ShownEnvelope } : entry
}

function plainHeader({ format, library, seed, flags, wallTime, peerId, name, limits, schema, actors, spawnable }: LogHeader): object {
  const named = (list: readonly LogActor[]) => Object.fromEntries(list.map(({ kind, id, version, options }) => [id === '' ? kind : `${kind}/${id}`, { version, options: parsed(options) }]))
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  return {
    format, library, seed: hex(seed), flags, wallTime, peerId, name, limits: parsed(limits), schema: hex(schema),
    actors: named(actors as LogActor[]), order: (actors as LogActor[]).map(({ kind, id }) => `${kind}/${id}`), spawnable: named(spawnable as LogActor[])
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function sameEntry(a: LogEntry, b: LogEntry): boolean {
  if (a.kind === 'input' || a.kind === 'output') {
    if (b.kind !== a.kind || (a.kind === 'input' && b.kind === 'input' && a.nested !== b.nested)) return false
    const [one, other] = [a.envelope, b.envelope]
    return one.seq === other.seq && one.time === other.time && one.cause === other.cause && one.from === other.from &&
      one.to === other.to && one.type === other.type && Buffer.compare(one.bytes, other.bytes) === 0
  }
  return b.kind === a.kind && a.time === b.time && a.reason === b.reason
}

/** A few more entries, if they can be read. */
function some(entries: Iterator<LogEntry, void, void>): LogEntry[] {
  const found: LogEntry[] = []
  try {
    while (found.length < CONTEXT) {
      const entry = entries.next().value
      if (entry === undefined || entry === null) break
      found.push(entry)
    }
  } catch {
    // What is damaged there is no part of the difference.
  }
  return found
}

