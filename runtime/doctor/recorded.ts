import type { LogHeader } from '../../proto/index.ts'
import { formatDivergence } from '../log/divergence.ts'
import type { LogSource } from '../log/reader.ts'
import { Replay, type ReplayOptions } from '../log/replay.ts'
import { readLog } from '../log/reader.ts'
import { earlier, type Earlier } from './beginning.ts'
import { Histories } from './histories.ts'
import { askKeeper, keeperIn, type AskKeeper } from './keeper.ts'

/** What a log tells of every peer. */
export interface Recorded {
  readonly header: LogHeader
  readonly histories: Histories
  /** At the end of the log, or before the peer was told to stop. */
  readonly keeper: AskKeeper
  /** When it ends, in milliseconds since the epoch. */
  readonly until: number
  /** Why it was not read to its end; undefined where it was. */
  readonly brokenOff: string | undefined
}

/** Of links and peers that a checkpoint holds, and of the policy. */
function* saidBefore({ kernel, checkpoint, registry }: Replay): Generator<Earlier> {
  yield* earlier(kernel.inspect())
  for (const { type, body } of checkpoint!.announced) {
    if (type === 'PolicyChanged') yield { time: kernel.clock.now(), from: '', to: '', body: registry.get(type ?? '').decode(body ?? new Uint8Array()) }
  }
}

/** How long it reads before it lets the process do something else, in milliseconds. */
const TURN_MS = 50

/**
 * Runs a log through fresh machines, and listens to what they say: the same histories as the peer had when it ran. A log that is
 * damaged, or that this version would not have written, is read up to there.
 * @throws everything that readLog throws, for the header; UnknownKindError and the like where the definitions do not fit
 */
export async function recordedHistories(source: LogSource, options: ReplayOptions): Promise<Recorded> {
  const log = readLog(source)
  const { header } = log
  const replay = new Replay(log, options)
  const histories = new Histories(replay.kernel.bus, () => header.wallTime)
  let brokenOff: string | undefined
  let keeper: AskKeeper | undefined
  const ask = (): AskKeeper => askKeeper(keeperIn(replay.kernel.inspect()), replay.kernel.clock.now(), header.wallTime)
  try {
    let more = replay.step()
    if (replay.checkpoint !== undefined) for (const { body, ...at } of saidBefore(replay)) histories.tell(body, at)
    for (let turn = performance.now(); more; more = replay.step()) {
      if (replay.next?.kind === 'input' && replay.next.envelope.type === 'Stop') keeper ??= ask()
      if (performance.now() - turn < TURN_MS) continue
      await new Promise(resolve => setImmediate(resolve))
      options.signal?.throwIfAborted()
      turn = performance.now()
    }
    if (replay.divergence !== undefined) brokenOff = formatDivergence(replay.divergence)
  } catch (error) {
    if (options.signal?.aborted) throw error
    brokenOff = (error as Error).message
  } finally {
    histories.close()
    replay.close()
  }
  return { header, histories, keeper: keeper ?? ask(), until: header.wallTime + replay.kernel.clock.now(), brokenOff }
}
