import type { Registry } from '../../proto/index.ts'
import { printable } from '../json-text.ts'
import { align } from './align.ts'
import { shown, type ShownEnvelope } from './body.ts'
import { compare, excerpted, FIELDS_MAX, sameEnvelope, type FieldDifference } from './divergence.ts'
import { Feed, type Sent, type Stretch } from './feed.ts'
import type { LoggedEnvelope } from './format.ts'
import { readLog, type LogReader, type LogSource } from './reader.ts'
import type { ReplayOptions } from './replay.ts'
import { shortAddress } from './show.ts'
import { stateName } from './state-name.ts'

/** How long it runs before it lets the process do something else, in milliseconds. */
const TURN_MS = 50

export interface CompareOptions extends ReplayOptions {
  /** Differences after which it stops. @default 1000 */
  readonly maxDifferences?: number
}

/** One output that the changed machines sent otherwise, or not, or more. */
export interface OutputDifference {
  readonly kind: 'missing' | 'added' | 'changed'
  /** Address of the actor that sends it. */
  readonly actor: string
  /** Seq in the log; of one that is added, in the new run. */
  readonly seq: number
  /** Logical time, in milliseconds: in the log, or of one that is added in the new run. */
  readonly time: number
  /** The state in which the actor was in the new run once it had sent it; where it did not send it, after the inputs that made the old one do so. */
  readonly state: unknown
  readonly expected: ShownEnvelope | undefined
  readonly got: ShownEnvelope | undefined
  /** What has changed, for example `body.links`. */
  readonly fields: readonly FieldDifference[]
}

export interface MachineDifferences {
  readonly differences: readonly OutputDifference[]
  /** Outputs that are the same. */
  readonly same: number
  /** It stopped at `maxDifferences`. */
  readonly truncated: boolean
}

/**
 * Feeds a log to machines that may have changed, and finds every output that has: what is missing, added or changed, going on
 * after the first. Outputs are the same when type, addresses, body and time are; their numbers and causes may differ, since
 * one message more moves all that follow. Versions of definitions need not be those of the log.
 *
 * A changed machine that draws other random numbers gives other names to what it spawns: from there on the recorded inputs
 * reach nobody, and show so as dead letters.
 *
 * A log that begins at a checkpoint starts them in the recorded states and contexts.
 * @throws RestoreError when it does and a machine has no such state any more, or begins with a key in its context that was not recorded
 * @throws UnknownKindError, UnknownMessageError, LogCorruptError and what readLog throws
 */
export async function compareMachines(log: LogSource | LogReader, options: CompareOptions): Promise<MachineDifferences> {
  const { maxDifferences = 1_000, signal } = options
  const reader = typeof log === 'object' && 'header' in log ? log : readLog(log)
  const differences: OutputDifference[] = []
  let same = 0
  let truncated = false
  try {
    const feed = new Feed(reader, options)
    let turn = performance.now()
    for (const stretch of feed.stretches(maxDifferences)) {
      if (stretch !== undefined) same += judge(stretch, feed, differences)
      truncated = differences.length > maxDifferences
      if (truncated) break
      if (performance.now() - turn < TURN_MS) continue
      await new Promise(resolve => setImmediate(resolve))
      signal?.throwIfAborted()
      turn = performance.now()
    }
  } finally {
    reader.close()
  }
  return { differences: differences.slice(0, maxDifferences), same, truncated }
}

/** @returns outputs that are the same */
function judge({ recorded, sent }: Stretch, { kernel, registry }: Feed, into: OutputDifference[]): number {
  let same = 0
  const found: OutputDifference[] = []
  for (const [actor, [expected, got]] of byActor(recorded, sent)) {
    const equal = (a: LoggedEnvelope, { envelope: b }: Sent) => a.time === b.time && sameEnvelope({ ...a, seq: b.seq, cause: b.cause }, b, registry)
    for (const [a, b] of align(expected, got, equal, alike)) {
      if (a !== undefined && b !== undefined && equal(a, b)) same++
      else found.push(difference(actor, a, b, b === undefined ? kernel.system.cell(actor)?.snapshot?.value : b.state, registry))
    }
  }
  into.push(...found.sort((a, b) => a.time - b.time))
  return same
}

function byActor(recorded: readonly LoggedEnvelope[], sent: readonly Sent[]): Map<string, readonly [LoggedEnvelope[], Sent[]]> {
  const actors = new Map<string, readonly [LoggedEnvelope[], Sent[]]>()
  const of = (actor: string) => {
    let lists = actors.get(actor)
    if (lists === undefined) actors.set(actor, lists = [[], []])
    return lists
  }
  for (const envelope of recorded) of(envelope.from)[0].push(envelope)
  for (const each of sent) of(each.envelope.from)[1].push(each)
  return actors
}

function alike(a: LoggedEnvelope, { envelope: b }: Sent): boolean {
  return a.type === b.type && a.to === b.to
}

function difference(actor: string, a: LoggedEnvelope | undefined, b: Sent | undefined, state: unknown, registry: Registry): OutputDifference {
  const expected = a && shown(a, registry)
  const got = b && shown(b.envelope, registry)
  const fields: FieldDifference[] = []
  if (expected !== undefined && got !== undefined) compare('', expected, { ...got, seq: expected.seq, cause: expected.cause }, fields)
  const { seq, time } = (expected ?? got)!
  return { kind: got === undefined ? 'missing' : expected === undefined ? 'added' : 'changed', actor, seq, time, state, expected, got, fields }
}

/** The differences as text, by actor: `-` is missing, `+` is added, `~` has changed. */
export function formatDifferences({ differences, same, truncated }: MachineDifferences): string {
  const counts = (['missing', 'added', 'changed'] as const).map(kind => `${differences.filter(each => each.kind === kind).length} ${kind}`)
  const lines = [differences.length === 0 ? `no differences: ${same} outputs are the same`
    : `${differences.length}${truncated ? ' differences and more' : differences.length === 1 ? ' difference' : ' differences'}: ${counts.join(', ')}; ${same} outputs are the same`]
  for (const actor of new Set(differences.map(each => each.actor))) {
    lines.push(actor)
    for (const { kind, seq, time, state, expected, got, fields, actor: from } of differences) {
      if (from !== actor) continue
      const { type, to, body } = (expected ?? got)!
      const mark = kind === 'missing' ? '-' : kind === 'added' ? '+' : '~'
      const where = `${(time / 1000).toFixed(3)} s  message ${seq}${state === undefined ? '' : `  in ${stateName(state)}`}`
      lines.push(`  ${mark} ${where}  ${type} to ${shortAddress(to) || 'all'}${kind === 'changed' ? '' : ` ${excerpted(body)}`}`)
      for (const field of fields.slice(0, FIELDS_MAX)) lines.push(`      ${field.path}: ${excerpted(field.expected)} → ${excerpted(field.got)}`)
    }
  }
  return lines.map(printable).join('\n')
}
