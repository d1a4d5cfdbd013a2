import { crop } from '../columns.ts'
import { printable } from '../json-text.ts'
import { shortBody, shown, type ShownEnvelope } from './body.ts'
import { LogDivergedError, NoSuchMessageError } from './errors.ts'
import { Origins } from './origins.ts'
import type { LogSource } from './reader.ts'
import type { ReplayOptions } from './replay.ts'
import { shortAddress } from './show.ts'
import { stateName } from './state-name.ts'
import { Walk, type WalkStep } from './walk.ts'

/** A message on the way from the first packet to the one that was asked for. */
export interface TraceStep extends ShownEnvelope {
  readonly boundary: 'input' | 'output' | 'inside'
  /** The step before it set a timer, and this is what came of it: `cause` is 0. */
  readonly byTimer: boolean
  /** What led to it came before the log, which begins at a checkpoint: `cause` is that message, or 0 for a timer that was set then. */
  readonly earlier: boolean
  /** Messages of the chain between the step before and this one that are left out; see {@link TraceOptions.maxSteps}. */
  readonly skipped: number
  /** Whose machines took it, with their states before and after. */
  readonly actors: readonly { readonly actor: string; readonly before: unknown; readonly after: unknown }[]
  /** The body in short, for people. */
  readonly text: string
}

export interface TraceOptions extends ReplayOptions {
  /**
   * Messages of a longer chain that are kept, half of them the first and half the last, from 2 on.
   * @default 1000 — more than a person reads; each holds its body and the states of all who took it, 2 KB or so
   */
  readonly maxSteps?: number
}

/** Where a log can be read from more than once. */
export type RereadableLog = Exclude<LogSource, Iterable<Uint8Array>> | Uint8Array

/**
 * The chain of causes of a message, the first first. What went between machines is in it, though in no log: the log is
 * replayed, twice. Memory holds eight bytes a message, and `maxSteps` of the chain.
 * @throws NoSuchMessageError when the log has no message of that seq
 * @throws LogDivergedError when the replay leaves the log before it
 * @throws RangeError for a `maxSteps` below 2
 * @throws as {@link replay}
 */
export function traceLog(log: RereadableLog, seq: number, options: TraceOptions): TraceStep[] {
  const { maxSteps = 1_000 } = options
  if (!(Number.isSafeInteger(maxSteps) && maxSteps >= 2)) throw new RangeError(`maxSteps is ${maxSteps}: give a whole number of 2 or more`)
  const origins = new Origins()
  for (const step of stepsTo(log, seq, options)) if (step.envelope !== undefined) origins.set(step.seq, step.origin)
  const whole = [...origins.chain(seq)].reverse()
  const left = Math.max(0, whole.length - maxSteps)
  const first = Math.ceil(maxSteps / 2)
  const asked = new Set(left === 0 ? whole : [...whole.slice(0, first), ...whole.slice(first + left)])
  const afterGap = left === 0 ? undefined : whole[first + left]
  const chain = new Map<number, TraceStep & { actors: TraceStep['actors'][number][] }>()
  const walk = new Walk(log, options)
  const { registry } = walk.replay
  const begin = walk.replay.checkpoint?.seq
  for (const step of walk) {
    if (step.seq > seq) break
    const { envelope, actor, before, after, boundary, origin, cause } = step
    if (envelope === undefined || !asked.has(step.seq)) continue
    const earlier = begin !== undefined && (cause === 0 ? origin === 0 && boundary !== 'input' : cause <= begin)
    const link = chain.get(step.seq) ??
      { ...shown(envelope, registry), boundary, byTimer: cause === 0 && origin !== 0, earlier, skipped: step.seq === afterGap ? left : 0, actors: [], text: shortBody(envelope, registry) }
    if (actor !== undefined) link.actors.push({ actor, before, after })
    chain.set(step.seq, link)
  }
  return [...chain.values()]
}

/**
 * The steps up to the message, and all that its receivers made of it.
 * @throws NoSuchMessageError, LogDivergedError when it is not reached
 */
export function* stepsTo(log: LogSource, seq: number, options: ReplayOptions): Generator<WalkStep, Walk, void> {
  const walk = new Walk(log, options)
  let last = 0
  let found = false
  try {
    for (const step of walk) {
      if (found && step.seq !== seq && (step.kind !== 'start' || step.origin !== seq)) return walk
      found ||= step.seq === seq
      // Beyond it, and it was not there: a log that begins in the midst of a run.
      if (!found && step.seq > seq) break
      last = Math.max(last, step.seq)
      yield step
    }
  } finally {
    walk.close()
  }
  if (found) return walk
  if (walk.divergence !== undefined) throw new LogDivergedError(walk.divergence)
  throw new NoSuchMessageError(seq, last, walk.replay.checkpoint?.seq)
}

/** A trace as text, two or three lines a message. */
export function formatTrace(trace: readonly TraceStep[], width: number): string {
  const lines = trace.flatMap(step => {
    const arrow = step.boundary === 'input' ? '←' : step.boundary === 'output' ? '→' : '·'
    const head = `${(step.time / 1000).toFixed(3).padStart(9)} ${String(step.seq).padStart(6)} ${arrow} ${step.type}`
    const route = `${shortAddress(step.from)} → ${shortAddress(step.to) || 'all'}`
    return [
      ...(step.skipped > 0 ? [`${' '.repeat(18)} … ${step.skipped} message${step.skipped === 1 ? '' : 's'} of the chain left out`] : []),
      ...(step.earlier ? [`${' '.repeat(18)} … ${step.cause === 0 ? 'a timer that was set' : `message ${step.cause}, which came`} before the log begins`] : []),
      ...(step.byTimer ? [`${' '.repeat(18)} … a timer that was set then`] : []),
      `${head}  ${route}`,
      ...(step.text === '' ? [] : [`${' '.repeat(19)}${step.text}`]),
      ...step.actors.map(({ actor, before, after }) => `${' '.repeat(19)}${shortAddress(actor)}: ${moved(before, after)}`)
    ]
  })
  return lines.map(line => crop(printable(line), width)).join('\n')
}

/** A change of state in words. */
export function moved(before: unknown, after: unknown): string {
  const [from, to] = [stateName(before), stateName(after)]
  return from === to ? `stays ${to}` : `${from} → ${to}`
}
