import type { ActorDefinition } from '../../actors/seam/index.ts'
import { Checkpoint, type LogHeader, type Registry } from '../../proto/index.ts'
import { formatDivergence, Replay, type LogEntry, type LogReader } from '../../runtime/log/index.ts'

export interface RecordedRun {
  readonly header: LogHeader
  readonly entries: readonly LogEntry[]
}

export interface SuffixesOptions {
  readonly definitions: readonly ActorDefinition[]
  readonly registry?: Registry
  /** Whether to begin again at this moment, of those at which the core was idle. */
  readonly at: (moment: number) => boolean
}

/**
 * Replays a run, takes a checkpoint at some moments, and replays from each to the end. Every restored core must be what
 * the other was, byte for byte: right away, and at the end.
 * @returns the checkpoints, as encoded
 * @throws Error for the first difference
 */
export function replaySuffixes({ header, entries }: RecordedRun, { definitions, registry, at }: SuffixesOptions): Uint8Array[] {
  const from = (first: number, checkpoint?: Checkpoint) => new Replay({
    header, checkpoint, close: () => {}, [Symbol.iterator]: () => entries.slice(first)[Symbol.iterator]()
  } as unknown as LogReader, { definitions, ...(registry && { registry }) })
  const whole = from(0)
  const taken: { readonly entry: number; readonly bytes: Uint8Array }[] = []
  let entry = 0
  for (let moment = 0; whole.step(); moment++) {
    while (entries[entry] !== whole.next) entry++
    if (!whole.kernel.stopped && at(moment)) taken.push({ entry, bytes: Checkpoint.encode(whole.kernel.checkpoint()).finish() })
  }
  if (whole.divergence !== undefined) throw new Error(`the whole: ${formatDivergence(whole.divergence)}`)
  const end = stateAtEnd(whole)
  for (const { entry, bytes } of taken) {
    const where = `from entry ${entry} of ${entries.length}`
    const rest = from(entry, Checkpoint.decode(bytes))
    rest.step()
    same(`${where}, restored`, bytes, Checkpoint.encode(rest.kernel.checkpoint()).finish())
    while (rest.step());
    if (rest.divergence !== undefined) throw new Error(`${where}: ${formatDivergence(rest.divergence)}`)
    same(`${where}, at the end`, end, stateAtEnd(rest))
  }
  return taken.map(({ bytes }) => bytes)
}

function stateAtEnd({ kernel }: Replay): Uint8Array {
  return kernel.stopped ? new Uint8Array() : Checkpoint.encode(kernel.checkpoint()).finish()
}

function same(where: string, expected: Uint8Array, got: Uint8Array): void {
  if (Buffer.compare(expected, got) === 0) return
  const [a, b] = [expected, got].map(bytes => JSON.stringify(Checkpoint.decode(bytes), undefined, 1).split('\n'))
  const line = a!.findIndex((text, index) => text !== b![index])
  throw new Error(`${where}: the state is another: expected ${a!.slice(line, line + 3).join(' ')}, got ${b!.slice(line, line + 3).join(' ')}`)
}
