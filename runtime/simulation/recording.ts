import type { ActorDefinition } from '../../actors/seam/index.ts'
import type { Envelope, LogHeader, Registry } from '../../proto/index.ts'
import type { Tap } from '../kernel/index.ts'
import { formatDivergence, Replay, type LogEntry, type LogReader } from '../log/index.ts'

/** The log of one life of a peer, in memory. */
export class Recording implements Tap {
  readonly header: LogHeader
  readonly #definitions: readonly ActorDefinition[]
  readonly #entries: LogEntry[] = []

  /** @param definitions of the peer's actors, to replay it with */
  constructor(header: LogHeader, definitions: readonly ActorDefinition[]) {
    this.header = header
    this.#definitions = definitions
  }

  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  input(envelope: Envelope, nested: boolean): void {
    this.#entries.push({ kind: 'input', envelope: logged(envelope), nested })
  }

  output(envelope: Envelope): void {
    this.#entries.push({ kind: 'output', envelope: logged(envelope) })
  }

  stopped(time: number): void {
    this.#entries.push({ kind: 'stopped', time, reason: 'stopped' })
  }

  /** Runs it through fresh machines; the first difference as text, undefined where there is none. */
  replay(registry: Registry): string | undefined {
    const ending = this.#entries.at(-1)?.kind === 'stopped' ? 'stopped' : 'cut'
    const reader = { header: this.header, ending, close: () => {}, [Symbol.iterator]: () => this.#entries[Symbol.iterator]() }
    const replay = new Replay(reader as unknown as LogReader, { definitions: this.#definitions, registry })
    while (replay.step());
    return replay.divergence === undefined ? undefined : formatDivergence(replay.divergence)
  }
}

function logged({ seq, time, from, to, type, cause, bytes }: Envelope): Extract<LogEntry, { kind: 'output' }>['envelope'] {
  return { seq, time, from, to, type, cause, bytes }
}
