import type { Logger } from 'pino'
import type { Tap } from '../kernel/index.ts'
import { logHeader, type LogHeaderOptions } from '../log/header.ts'
import { LogWriter } from '../log/writer.ts'
import type { RecordOptions } from './options.ts'

/** The tap of a kernel whose log file is opened when the peer starts. */
export class Recorder implements Tap {
  readonly #options: RecordOptions
  readonly #log: Logger
  #writer: LogWriter | undefined

  constructor(options: string | RecordOptions, log: Logger) {
    this.#options = typeof options === 'string' ? { file: options } : options
    this.#log = log
  }

  /** @throws LogFileError when the file may not be written; TypeError when an actor's option is not plain JSON */
  open(head: LogHeaderOptions): void {
    const { file, maxBytes } = this.#options
    this.#writer = new LogWriter(file, logHeader(head), {
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
