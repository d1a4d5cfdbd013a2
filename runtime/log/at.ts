import { crop, filled } from '../columns.ts'
import { jsonText, printable } from '../json-text.ts'
import { isFor } from './filter.ts'
import type { LogSource } from './reader.ts'
import type { ReplayOptions } from './replay.ts'
import { shortAddress } from './show.ts'
import { stateName } from './state-name.ts'
import { stepsTo } from './trace.ts'

/** An actor at a moment of a run. */
export interface ActorMoment {
  readonly address: string
  /** State value of its statechart. */
  readonly state: unknown
  /** Context of its machine, as plain data. */
  readonly context: unknown
  /** Seq of the last message that it took, 0 where there was none. */
  readonly lastSeq: number
  /** Logical time at which it came into this state, in milliseconds; undefined where it was in it when the log begins, at a checkpoint. */
  readonly since: number | undefined
}

/**
 * Every actor's state once the message was handled by all who took it, in the order in which they started.
 * @throws NoSuchMessageError, LogDivergedError when the message is not reached
 * @throws as {@link replay}
 */
export function actorsAt(log: LogSource, seq: number, options: ReplayOptions): ActorMoment[] {
  const actors = new Map<string, ActorMoment>()
  for (const step of stepsTo(log, seq, options)) {
    const { restored, actor, after, contextAfter, time, envelope } = step
    if (actor !== undefined && restored) {
      actors.set(actor, { address: actor, state: after, context: contextAfter, lastSeq: step.origin, since: undefined })
    } else if (actor !== undefined) {
      const known = actors.get(actor)
      const since = known !== undefined && stateName(known.state) === stateName(after) ? known.since : time
      actors.set(actor, { address: actor, state: after, context: contextAfter, lastSeq: step.seq || known?.lastSeq || 0, since })
    }
    // It is announced by the system alone, and only then has the actor gone.
    if (envelope?.type === 'ActorStopped' && envelope.from === 'system') actors.delete((envelope.body as unknown as { address: string }).address)
  }
  return [...actors.values()]
}

/** The moment as text: a line an actor, and the context of those that are asked for. */
export function formatMoment(actors: readonly ActorMoment[], width: number, asked?: string): string {
  if (asked === undefined) return actors.map(actor => crop(printable(momentLine(actor)), width)).join('\n')
  const lines = actors.flatMap(actor => [momentLine(actor), ...jsonLines(actor.context)])
  return lines.map(line => crop(printable(line), width)).join('\n')
}

/** Those for whom it was asked: an address, one with an end that is cut, or a kind. */
export function askedFor(actors: readonly ActorMoment[], asked: string | undefined): readonly ActorMoment[] {
  return asked === undefined ? actors : actors.filter(({ address }) => isFor(address, asked))
}

function momentLine({ address, state, lastSeq, since }: ActorMoment): string {
  return `${filled(shortAddress(address), 26)} ${filled(stateName(state), 12)} since ${since === undefined ? 'before the log' : `${(since / 1000).toFixed(3)} s`}${lastSeq === 0 ? '' : `, last message ${lastSeq}`}`
}

function jsonLines(context: unknown): string[] {
  return JSON.stringify(plain(context), undefined, 2).split('\n').map(line => `  ${line}`)
}

/** A moment as JSON: bytes in base64. */
export function momentJson(actor: ActorMoment): string {
  return jsonText({ ...actor, context: plain(actor.context) })
}

function plain(context: unknown): unknown {
  return JSON.parse(JSON.stringify(context ?? null, (_, value: unknown) =>
    (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value))) as unknown
}
