import type { Registry } from '../../proto/index.ts'
import { printable } from '../json-text.ts'
import { shown, type ShownEnvelope } from './body.ts'
import type { LoggedEnvelope } from './format.ts'

/**
 * How a replay left the log: an output is `different`, `missing` or `extra`; an `input` found the core at
 * another point than when it was recorded; or the run does not `end` as recorded.
 */
export type DivergenceKind = 'different' | 'missing' | 'extra' | 'input' | 'end'

export interface FieldDifference {
  /** Path of the field, for example `body.links`. */
  readonly path: string
  /** Undefined where the field is absent. */
  readonly expected: unknown
  readonly got: unknown
}

/** The first point at which a replay and its log differ. */
export interface Divergence {
  readonly kind: DivergenceKind
  readonly seq: number
  /** Logical time, in milliseconds. */
  readonly time: number
  /** Address of the actor that sent the message, or that an input is for; `system` or `host` too. */
  readonly actor: string
  /** State value of that actor's statechart; undefined where there is no such actor. */
  readonly state: unknown
  /** What the log holds. */
  readonly expected: ShownEnvelope | undefined
  /** What the replay did. */
  readonly got: ShownEnvelope | undefined
  readonly fields: readonly FieldDifference[]
  /** What is wrong, in one sentence. */
  readonly summary: string
}

/** Fields that hold the text of an error, which differs between versions of Node. */
const ERROR_TEXT: Readonly<Record<string, string>> = { ActorFailed: 'error' }

/** Whether two envelopes are the same, byte for byte; the text of errors does not count. */
export function sameEnvelope(a: LoggedEnvelope, b: LoggedEnvelope, registry: Registry): boolean {
  if (a.seq !== b.seq || a.time !== b.time || a.cause !== b.cause || a.type !== b.type || a.from !== b.from || a.to !== b.to) return false
  if (Buffer.compare(a.bytes, b.bytes) === 0) return true
  const text = ERROR_TEXT[a.type]
  return text !== undefined && Buffer.compare(without(a, text, registry), without(b, text, registry)) === 0
}

function without(e: LoggedEnvelope, field: string, registry: Registry): Uint8Array {
  const type = registry.get(e.type)
  try {
    return type.encode({ ...type.decode(e.bytes), [field]: '' }).finish()
  } catch {
    return e.bytes
  }
}

export interface DivergenceAt {
  readonly kind: DivergenceKind
  readonly seq: number
  readonly time: number
  readonly actor: string
  readonly state: unknown
  readonly expected: LoggedEnvelope | undefined
  readonly got: LoggedEnvelope | undefined
  readonly summary: string
}

export function divergence(at: DivergenceAt, registry: Registry): Divergence {
  const expected = at.expected && shown(at.expected, registry)
  const got = at.got && shown(at.got, registry)
  const fields: FieldDifference[] = []
  if (expected !== undefined && got !== undefined) compare('', expected, got, fields)
  return { ...at, expected, got, fields }
}

/** Collects the fields in which two values differ. */
export function compare(path: string, expected: unknown, got: unknown, into: FieldDifference[]): void {
  if (Object.is(expected, got)) return
  if (isObject(expected) && isObject(got) && Array.isArray(expected) === Array.isArray(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      compare(path === '' ? key : `${path}.${key}`, expected[key], got[key], into)
    }
    return
  }
  into.push({ path, expected, got })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** A body may have megabytes, and differ in thousands of fields. In characters, and in fields. */
const TEXT_MAX = 2_000
export const FIELDS_MAX = 20

/** The picture of a divergence, several lines of text without colours. */
export function formatDivergence(d: Divergence): string {
  const lines = [
    `replay and log differ at message ${d.seq}, ${(d.time / 1000).toFixed(3)} s: ${d.summary}`,
    `  actor     ${d.actor}`,
    `  state     ${d.state === undefined ? '(no such actor)' : JSON.stringify(d.state)}`,
    `  expected  ${d.expected === undefined ? 'nothing' : oneLine(d.expected)}`,
    `  got       ${d.got === undefined ? 'nothing' : oneLine(d.got)}`
  ]
  if (d.fields.length > 0) lines.push('  differs in')
  for (const { path, expected, got } of d.fields.slice(0, FIELDS_MAX)) {
    lines.push(`    ${path}`, `      expected  ${excerpted(expected)}`, `      got       ${excerpted(got)}`)
  }
  if (d.fields.length > FIELDS_MAX) lines.push(`    and ${d.fields.length - FIELDS_MAX} more`)
  return lines.map(printable).join('\n')
}

function oneLine(e: ShownEnvelope): string {
  const cause = e.cause === 0 ? '' : `, because of ${e.cause}`
  return `${e.seq} ${e.type} from ${e.from} to ${e.to || 'all'}${cause} ${excerpted(e.body)}`
}

/** A value on one line, its beginning where it is long. */
export function excerpted(value: unknown): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value)
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length} characters)` : text
}
