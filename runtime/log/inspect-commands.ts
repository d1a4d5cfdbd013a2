import { jsonText } from '../json-text.ts'
import { actorsAt, askedFor, formatMoment, momentJson } from './at.ts'
import { guarded, type CommandStreams } from './commands.ts'
import { diffLogs, formatDifference, plainEntry } from './diff.ts'
import { NoSuchActorError } from './errors.ts'
import type { LogEntry } from './format.ts'
import { registryFor, type ReplayOptions } from './replay.ts'
import { formatTrace, traceLog, type TraceOptions } from './trace.ts'
import { Registry } from '../../proto/index.ts'

export interface PrintOptions {
  /** JSON instead of text. @default false */
  readonly json?: boolean
  /** Longest line, from 40; longer ones are cut. @default 80 */
  readonly width?: number
}

const widthOf = ({ width = 80 }: PrintOptions) => Math.max(width, 40)

/** `p2pnet log trace`: the chain of causes of a message. @returns the exit code */
export function traceCommand(log: string | Uint8Array, seq: number, streams: CommandStreams, options: TraceOptions & PrintOptions): Promise<number> {
  return guarded(log, streams, async () => {
    const trace = traceLog(log, seq, options)
    if (options.json === true) for (const { text: _, ...step } of trace) streams.out.write(`${jsonText(step)}\n`)
    else streams.out.write(`${formatTrace(trace, widthOf(options))}\n`)
    return 0
  })
}

/** `p2pnet log at`: every actor's state once a message was handled. @returns the exit code */
export function atCommand(
  log: string | Uint8Array, seq: number, streams: CommandStreams, options: ReplayOptions & PrintOptions & { readonly actor?: string }
): Promise<number> {
  return guarded(log, streams, async () => {
    const all = actorsAt(log, seq, options)
    const actors = askedFor(all, options.actor)
    if (actors.length === 0 && options.actor !== undefined) throw new NoSuchActorError(options.actor, all.map(({ address }) => address))
    if (options.json === true) for (const actor of actors) streams.out.write(`${momentJson(actor)}\n`)
    else streams.out.write(`${formatMoment(actors, widthOf(options), options.actor) || 'no actor is alive'}\n`)
    return 0
  })
}

/** `p2pnet log diff`: the first difference of two logs. @returns the exit code: 0 the same, 1 different */
export function diffCommand(a: string, b: string, streams: CommandStreams, options: PrintOptions & Partial<ReplayOptions> = {}): Promise<number> {
  return guarded(undefined, streams, async () => {
    const registry = options.definitions === undefined ? new Registry() : registryFor({ ...options, definitions: options.definitions })
    const found = diffLogs(a, b, registry)
    if (options.json === true) {
      const { first } = found
      const plain = (entry: LogEntry | undefined) => entry && plainEntry(entry, registry)
      const shown = first && {
        a: plain(first.a), b: plain(first.b), fields: first.fields,
        before: first.before.map(plain), afterA: first.afterA.map(plain), afterB: first.afterB.map(plain)
      }
      streams.out.write(`${jsonText({ ...found, first: shown })}\n`)
    } else {
      streams.out.write(`${formatDifference(found, widthOf(options), registry)}\n`)
    }
    return found.same ? 0 : 1
  })
}
