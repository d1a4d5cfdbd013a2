import { existsSync } from 'node:fs'
import { parse } from 'node:path'
import type { Logger } from 'pino'
import type { Checkpoint } from '../../proto/index.ts'
import type { Tap } from '../kernel/index.ts'
import { moveLog } from '../log/file.ts'
import { logHeader, type LogHeaderOptions } from '../log/header.ts'
import { LogWriter } from '../log/writer.ts'
import { parseKeep } from './keep.ts'
import type { RecordOptions } from './options.ts'

/** Logs that are written now: a process that ends by an exception writes what waits in memory. */
const open = new Set<LogWriter>()
const flushAll = (): void => { for (const writer of open) writer.flushNow() }

/** The tap of a kernel whose log file is opened when the peer starts. */
export class Recorder implements Tap {
  readonly #options: RecordOptions
  readonly #log: Logger
  readonly #checkpoint: () => Checkpoint
  #writer: LogWriter | undefined

  /** @param checkpoint of the kernel; called when it is idle */
  constructor(options: string | RecordOptions, log: Logger, checkpoint: () => Checkpoint) {
    this.#options = typeof options === 'string' ? { file: options } : options
    this.#log = log
    this.#checkpoint = checkpoint
  }

  /** @throws LogFileError when the file may not be written; TypeError when an actor's option is not plain JSON */
  open(head: LogHeaderOptions): void {
    const { file, maxBytes, keep } = this.#options
    const header = logHeader(head)
    // Whoever starts a peer again after a crash has not looked at its log yet.
    if (keep !== undefined) moveLog(file, `${file}.1`)
    this.#writer = new LogWriter(file, header, {
      ...(maxBytes !== undefined && { maxBytes }),
      ...(keep !== undefined && { keep: { ...parseKeep(keep), checkpoint: this.#checkpoint } }),
      onWarning: ({ code, message }) => this.#log.warn({ code }, message)
    })
    if (open.size === 0) process.on('exit', flushAll)
    open.add(this.#writer)
  }

  input(...args: Parameters<Tap['input']>): void {
    this.#writer?.input(...args)
  }

  output(...args: Parameters<Tap['output']>): void {
    this.#writer?.output(...args)
  }

  idle(): void {
    this.#writer?.idle()
  }

  stopped(time: number): void {
    this.#writer?.stopped(time)
  }

  /**
   * Copies the log as it is now to a file beside it, with the time in its name.
   * @returns its path; undefined where no log is written
   * @throws LogFileError when it cannot be written
   */
  async save(): Promise<string | undefined> {
    if (this.#writer === undefined || !open.has(this.#writer)) return undefined
    const { dir, name, ext } = parse(this.#options.file)
    const stem = `${dir === '' || dir.endsWith('/') ? dir : `${dir}/`}${name}-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`
    let path = `${stem}${ext}`
    for (let n = 2; existsSync(path); n++) path = `${stem}-${n}${ext}`
    await this.#writer.copyTo(path)
    return path
  }

  async close(): Promise<void> {
    const writer = this.#writer
    if (writer === undefined) return
    await writer.close()
    if (open.delete(writer) && open.size === 0) process.off('exit', flushAll)
  }
}
