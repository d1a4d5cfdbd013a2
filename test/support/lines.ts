import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** One JSON object that a process printed. */
export interface Line {
  readonly event: string
  readonly [field: string]: any
}

/** Ends what hangs, and promises nothing, in milliseconds. */
export const HANGS_MS = 60_000

/** The JSON lines of a child process, to be awaited; what came earlier counts too. */
export class Lines {
  readonly child: ChildProcess
  readonly seen: Line[] = []
  readonly #waiting = new Set<(line: Line) => void>()
  readonly #closed: Promise<number | string | null>
  #stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    this.#closed = new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal)))
    // Who is told something may have ended a moment ago.
    child.stdin?.on('error', () => {})
    createInterface({ input: child.stdout! }).on('line', text => {
      const line = JSON.parse(text) as Line
      this.seen.push(line)
      this.#waiting.forEach(tell => tell(line))
    })
    child.stderr?.on('data', (data: Buffer) => { this.#stderr = (this.#stderr + data.toString()).slice(-4000) })
  }

  send(command: string): void {
    this.child.stdin!.write(`${command}\n`)
  }

  /** The first line, past or to come, that is such; rejects with what was seen when the time is up. */
  async line(event: string, matches: (line: Line) => boolean = () => true, deadlineMs = HANGS_MS): Promise<Line> {
    return (await this.lines(1, event, matches, deadlineMs))[0]!
  }

  /** The first `count` such lines. */
  lines(count: number, event: string, matches: (line: Line) => boolean = () => true, deadlineMs = HANGS_MS): Promise<Line[]> {
    const found = this.seen.filter(line => line.event === event && matches(line)).slice(0, count)
    if (found.length === count) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(tell)
        this.child.off('close', ended)
      }
      const fail = (why: string): void => {
        done()
        const last = this.seen.slice(-12).map(line => JSON.stringify(line)).join('\n')
        reject(new Error(`${why} ${found.length} of ${count} '${event}'; the last lines were:\n${last}\nstderr:\n${this.#stderr}`))
      }
      const ended = (code: number | null): void => fail(`the process ended with ${code} after`)
      const tell = (line: Line): void => {
        if (line.event !== event || !matches(line)) return
        found.push(line)
        if (found.length < count) return
        done()
        resolve(found)
      }
      const timer = setTimeout(() => fail(`within ${deadlineMs} ms there came`), deadlineMs)
      this.#waiting.add(tell)
      // What it printed in the end counts too.
      this.child.once('close', ended)
    })
  }

  /** Resolves with the exit code, the signal's name where one ended it, once whoever it started and shared its output with has ended too. */
  exit(): Promise<number | string | null> {
    return this.#closed
  }
}
