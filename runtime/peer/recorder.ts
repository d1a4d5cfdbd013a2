import type { Logger } from 'pino'
import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { LogActor, LogHeader } from '../../proto/index.ts'
import type { Tap } from '../kernel/index.ts'
import { LogWriter } from '../log/index.ts'
import type { RecordOptions } from './options.ts'

/** What a log's header says of a run. */
export interface RunHead {
  readonly library: string
  readonly seed: Uint8Array
  /** Milliseconds since the epoch at logical zero. */
  readonly wallTime: number
  readonly peerId: string
  readonly name: string
  readonly actors: readonly ActorSpec[]
  readonly limits: object
}

/** The tap of a kernel whose log file is opened when the peer starts. */
export class Recorder implements Tap {
  readonly #options: RecordOptions
  readonly #log: Logger
  #writer: LogWriter | undefined

  constructor(options: string | RecordOptions, log: Logger) {
    this.#options = typeof options === 'string' ? { file: options } : options
    this.#log = log
  }

  /** @throws LogFileError when the file may not be written */
  open(head: RunHead): void {
    const { file, maxBytes } = this.#options
    this.#writer = new LogWriter(file, headerOf(head), {
      ...(maxBytes !== undefined && { maxBytes }),
      onWarning: ({ code, message }) => this.#log.warn({ code }, message)
    })
  }

  input(...args: Parameters<Tap['input']>): void {
    this.#writer?.input(...args)
  }

  output(...args: Parameters<Tap['output']>): void {
    this.#writer?.output(...args)
  }

  stopped(time: number): void {
    this.#writer?.stopped(time)
  }

  async close(): Promise<void> {
    await this.#writer?.close()
  }
}

export function headerOf({ library, seed, wallTime, peerId, name, actors, limits }: RunHead): LogHeader {
  const spawnable = new Set(actors.flatMap(({ spawns }) => spawns ?? []))
  return new LogHeader({
    library,
    seed,
    wallTime,
    peerId,
    name,
    limits: JSON.stringify(limits),
    actors: actors.map(({ definition, id = 'main', options }) => logActor(definition, id, options)),
    spawnable: [...spawnable].map(definition => logActor(definition, ''))
  })
}

function logActor({ kind, version = 1, options, secrets = [] }: ActorDefinition, id: string, given: object = {}): LogActor {
  const open = Object.entries({ ...options, ...given }).filter(([name]) => !secrets.includes(name))
  return new LogActor({ kind, id, version, options: JSON.stringify(Object.fromEntries(open)) })
}
