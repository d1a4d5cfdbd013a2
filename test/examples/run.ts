import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

export const root = join(import.meta.dirname, '../..')

/** At a terminal jest has its workers and whatever they start print in colours. */
export const plain = { ...process.env, FORCE_COLOR: '0' }

/** A TypeScript program in a process of its own, as `npm run ts` starts it. */
export class Program {
  readonly lines: string[] = []
  readonly process: ChildProcessWithoutNullStreams
  readonly #ended: Promise<number | null>
  #errors = ''
  /** It is gone, and all that it printed is there. */
  #over = false
  #heard: (() => void) | undefined

  constructor(file: string, args: readonly string[] = [], cwd = root) {
    const hooks = pathToFileURL(join(root, 'scripts/ts.mjs')).href
    this.process = spawn(process.execPath, ['--enable-source-maps', '--import', hooks, file, ...args], { cwd, env: plain })
    this.process.stderr.on('data', (chunk: Buffer) => { this.#errors += chunk })
    createInterface({ input: this.process.stdout }).on('line', line => {
      this.lines.push(line)
      this.#heard?.()
    })
    this.#ended = new Promise(resolve => this.process.once('close', code => {
      this.#over = true
      resolve(code)
      this.#heard?.()
    }))
  }

  /** Resolves with the first line that fits, printed already or to come. */
  async line(pattern: RegExp): Promise<string> {
    for (let next = 0; ; ) {
      for (; next < this.lines.length; next++) if (pattern.test(this.lines[next]!)) return this.lines[next]!
      if (this.#over) throw new Error(`ended without a line like ${pattern}:\n${this.lines.join('\n')}\n${this.#errors}`)
      await this.next()
    }
  }

  /** Resolves when it prints another line, or ends. */
  next(): Promise<void> {
    return new Promise(resolve => { this.#heard = resolve })
  }

  /** Resolves with all it printed; rejects unless it ends with code 0 and nothing on stderr. */
  async done(): Promise<string[]> {
    const code = await this.#ended
    if (code !== 0 || this.#errors !== '') throw new Error(`ended with ${code}:\n${this.lines.join('\n')}\n${this.#errors}`)
    return this.lines
  }

  /** Ends it however it stands; for the end of a test. */
  async end(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#ended
  }

  say(line: string): void {
    this.process.stdin.write(`${line}\n`)
  }
}
