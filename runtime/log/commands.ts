import type { Writable } from 'node:stream'
import { jsonText, printable } from '../json-text.ts'
import { formatDivergence } from './divergence.ts'
import { LogFileError, UnreadableLogError } from './errors.ts'
import { matches, type EntryFilter } from './filter.ts'
import type { FollowOptions } from './follow.ts'
import type { LogEnding, LogEntry } from './format.ts'
import { readLog, type LogSource } from './reader.ts'
import { replay, type ReplayOptions, type ReplayResult } from './replay.ts'
import { showGrowing, showLog, type ShowOptions } from './show.ts'

/** Where a command writes: results, and what went wrong. */
export interface CommandStreams {
  readonly out: Writable
  readonly err: Writable
}

export interface ShowCommandOptions extends Omit<ShowOptions, 'filter'>, EntryFilter, FollowOptions {
  /** Goes on with what is written to the file meanwhile. @default false */
  readonly follow?: boolean
}

/** `p2pnet log show`: the log as text. @returns the exit code */
export function showCommand(log: LogSource, streams: CommandStreams, options: ShowCommandOptions = {}): Promise<number> {
  return guarded(log, streams, async () => {
    const filtered = { ...options, filter: (entry: LogEntry) => matches(entry, options) }
    if (options.follow === true && typeof log === 'string') await showGrowing(log, streams.out, filtered)
    else await showLog(readLog(log), streams.out, filtered)
    return 0
  })
}

/** `p2pnet log check`: whether every byte of the log is as it was written. @returns the exit code */
export function checkCommand(log: LogSource, streams: CommandStreams, options: { readonly json?: boolean } = {}): Promise<number> {
  return guarded(log, streams, async () => {
    const reader = readLog(log)
    const counts = { input: 0, output: 0, stopped: 0 }
    let timeMs = reader.checkpoint?.time ?? 0
    const fromMs = timeMs
    let fault: unknown
    try {
      for (const entry of reader) {
        counts[entry.kind]++
        timeMs = timeOf(entry)
      }
    } catch (error) {
      fault = error
    }
    const { input: inputs, output: outputs } = counts
    if (options.json === true) {
      streams.out.write(`${jsonText({ inputs, outputs, ...reader.checkpoint && { fromMs }, timeMs, ending: reader.ending, ok: fault === undefined && reader.torn === undefined })}\n`)
    } else {
      streams.out.write(`${count(inputs, 'input')} and ${count(outputs, 'output')} in ${((timeMs - fromMs) / 1000).toFixed(3)} s` +
        `${reader.checkpoint === undefined ? '' : ` from ${(fromMs / 1000).toFixed(3)} s on, where it begins at a checkpoint`}` +
        `${reader.ending === undefined ? '' : `; ${ENDINGS[reader.ending]}`}\n`)
    }
    if (fault !== undefined) throw fault
    if (reader.torn === undefined) return 0
    complain(log, streams, reader.torn)
    return 1
  })
}

/** `p2pnet log replay`: exits 0 only if every output is the same. @returns the exit code */
export function replayCommand(
  log: LogSource, streams: CommandStreams, options: ReplayOptions & { readonly json?: boolean }
): Promise<number> {
  return guarded(log, streams, async () => {
    const result = await replay(log, options)
    streams.out.write(options.json === true ? `${jsonText(result)}\n` : `${summary(result)}\n`)
    return result.differences === 0 ? 0 : 1
  })
}

const ENDINGS: Readonly<Record<LogEnding, string>> = {
  'stopped': 'ends with the run',
  'closed': 'recording was ended before the run',
  'size-limit': 'recording ended at its size limit',
  'cut': 'no last record: the process was killed, or still runs',
  'torn': 'torn at its end'
}

/** What a replay has shown, as text. */
export function summary(result: ReplayResult): string {
  const { inputs, outputs, ending, durationMs, wallMs } = result
  const replayed = `${count(inputs, 'input')} fed and ${count(outputs, 'output')} the same, ` +
    `${(durationMs / 1000).toFixed(3)} s of the run in ${(wallMs / 1000).toFixed(3)} s`
  if (result.divergence !== undefined) return `${replayed}\n${formatDivergence(result.divergence)}`
  return `no differences: ${replayed}${ending === undefined || ending === 'stopped' ? '' : `; ${ENDINGS[ending]}`}`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function timeOf(entry: LogEntry): number {
  return entry.kind === 'stopped' ? entry.time : entry.envelope.time
}

/**
 * Runs a command; what goes wrong is one line.
 * @param log undefined where it takes several
 * @returns its exit code
 */
export async function guarded(log: LogSource | undefined, streams: CommandStreams, work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    complain(log, streams, error)
    // A path that leads nowhere is a wrong command; a bad log is a failure.
    return error instanceof LogFileError ? 2 : 1
  }
}

function complain(log: LogSource | undefined, { err }: CommandStreams, error: Error): void {
  const { message } = error
  const path = typeof log === 'string' ? log : error instanceof UnreadableLogError ? error.path : undefined
  const file = path === undefined || message.startsWith(path) ? '' : `${path}: `
  // It may quote what the log says, and a log may come from anyone.
  err.write(`p2pnet: ${file}${printable(message)}\n`)
}
