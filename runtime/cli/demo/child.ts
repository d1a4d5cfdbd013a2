import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { CommandFailedError } from '../errors.ts'
import type { UpEvent } from '../up/event.ts'
import { DEADLINES } from './options.ts'

/** An event of a peer, with when it happened in milliseconds since the epoch. */
export type TimedEvent = UpEvent & { readonly time: number }
type EventNamed<N extends UpEvent['event']> = Extract<TimedEvent, { event: N }>

/** Events kept for those who ask later; a demo that is left alone for days must not grow. */
const EVENTS_MAX = 500
const STDERR_CHARS_MAX = 2_000

/** One peer of the demo: a real `p2pnet up --json` in a process of its own. */
export class DemoPeer {
  readonly name: string
  /** Known once it is ready. */
  peerId = ''
  readonly events: TimedEvent[] = []
  /** Resolves with what the process ended with: an exit code or a signal. */
  readonly exited: Promise<number | NodeJS.Signals>
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #listeners = new Set<(event: TimedEvent) => void>()
  readonly #deaths = new Set<(error: Error) => void>()
  #stderr = ''
  #end: number | NodeJS.Signals | undefined

  constructor(name: string, args: readonly string[]) {
    this.name = name
    const main = fileURLToPath(new URL(`../main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
    this.#process = spawn(process.execPath, [...process.execArgv, main, 'up', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Ctrl-C is for the demo alone, which then stops the peers in order; should the demo die, their stdin ends.
      detached: process.platform !== 'win32',
      windowsHide: true
    })
    this.exited = new Promise(resolve => {
      this.#process.once('error', error => this.#ended(error.message, 1, resolve))
      this.#process.once('close', (code, signal) => this.#ended(`it ended with ${signal ?? `exit code ${code}`}`, code ?? signal ?? 1, resolve))
    })
    this.#process.stdin.on('error', () => {})
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS_MAX)
    })
    createInterface({ input: this.#process.stdout }).on('line', line => this.#line(line))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get running(): boolean {
    return this.#end === undefined
  }

  /** Gives it a command of `up`. */
  command(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  listen(listener: (event: TimedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * The first event of a name that fits, of those that came and those to come.
   * @param what completes the sentence `alice … within 10 s`
   * @throws CommandFailedError when it does not come in time, or when the process ends before
   */
  until<N extends UpEvent['event']>(
    name: N, what: string, deadlineMs: number, fits: (event: EventNamed<N>) => boolean = () => true, after = 0
  ): Promise<EventNamed<N>> {
    const wanted = (event: TimedEvent): event is EventNamed<N> => event.event === name && fits(event as EventNamed<N>)
    const past = this.events.slice(after).find(wanted)
    if (past !== undefined) return Promise.resolve(past)
    if (!this.running) return Promise.reject(this.#failure(`${this.name} ${what}: its process has ended`))
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(timer)
        stopListening()
        this.#deaths.delete(died)
        then()
      }
      const timer = setTimeout(() => {
        settle(() => reject(this.#failure(`${this.name} ${what} within ${deadlineMs / 1_000} s`)))
      }, deadlineMs)
      const died = (error: Error) => settle(() => reject(error))
      this.#deaths.add(died)
      const stopListening = this.listen(event => {
        if (wanted(event)) settle(() => resolve(event))
      })
    })
  }

  /** Lets it stop in order, and kills it when it does not; gives what it ended with. */
  async stop(): Promise<number | NodeJS.Signals> {
    if (this.#end !== undefined) return this.#end
    this.command('quit')
    const timer = setTimeout(() => this.kill(), DEADLINES.stop)
    const end = await this.exited
    clearTimeout(timer)
    return end
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** What it said on stderr last, or nothing. */
  get lastWords(): string {
    const text = this.#stderr.trim()
    return text === '' ? '' : `\n${this.name} said on stderr:\n${text.replace(/^/gm, '  ')}`
  }

  #line(line: string): void {
    let event: TimedEvent
    try {
      event = JSON.parse(line) as TimedEvent
    } catch {
      this.#stderr = `${this.#stderr}(not JSON on stdout) ${line}\n`.slice(-STDERR_CHARS_MAX)
      return
    }
    this.events.push(event)
    if (this.events.length > EVENTS_MAX) this.events.shift()
    for (const listener of this.#listeners) listener(event)
  }

  #ended(how: string, end: number | NodeJS.Signals, resolve: (end: number | NodeJS.Signals) => void): void {
    if (this.#end !== undefined) return
    this.#end = end
    const error = this.#failure(`${this.name} is gone: ${how}`)
    for (const died of this.#deaths) died(error)
    resolve(end)
  }

  #failure(text: string): CommandFailedError {
    return new CommandFailedError(text + this.lastWords)
  }
}
