import type { Checkpoint, LogHeader } from '../../proto/index.ts'
import type { LogEntry } from './format.ts'
import { Origins } from './origins.ts'
import { readLog } from './reader.ts'
import type { ReplayOptions } from './replay.ts'
import { LogDivergedError } from './errors.ts'
import type { RereadableLog } from './trace.ts'
import { Walk } from './walk.ts'

export type LogInput = Extract<LogEntry, { kind: 'input' }>

export interface CutOptions extends ReplayOptions {
  /** Address of the actor. */
  readonly actor: string
}

/** What of a log matters for one actor. */
export interface LogCut {
  readonly header: LogHeader
  /** Where the log begins, and the inputs go on from; undefined where that is the start of the run. */
  readonly checkpoint: Checkpoint | undefined
  readonly actor: string
  /** The inputs that led to its start, to every message that it was given and to every timer that it set, in order. */
  readonly inputs: readonly LogInput[]
  /** Inputs in the whole log. */
  readonly of: number
}

/**
 * Cuts a log to one actor and its causes. Only what led to it by cause and effect is kept: an input that merely changed
 * another actor's state beforehand is not.
 * @throws LogDivergedError when the log does not replay
 * @throws as {@link replay}
 */
export function cutLog(log: RereadableLog, options: CutOptions): LogCut {
  const origins = new Origins()
  const matter = new Set<number>()
  const walk = new Walk(log, options)
  for (const { seq, kind, origin, actor } of walk) {
    if (kind === 'message') origins.set(seq, origin)
    if (actor !== options.actor) continue
    for (const each of origins.chain(seq || origin)) {
      if (matter.has(each)) break
      matter.add(each)
    }
  }
  if (walk.divergence !== undefined) throw new LogDivergedError(walk.divergence)
  const reader = readLog(log)
  const inputs: LogInput[] = []
  let of = 0
  for (const entry of reader) {
    if (entry.kind !== 'input') continue
    of++
    if (matter.has(entry.envelope.seq)) inputs.push(entry)
  }
  return { header: reader.header, checkpoint: reader.checkpoint, actor: options.actor, inputs, of }
}
