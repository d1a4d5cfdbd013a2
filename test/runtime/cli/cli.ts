import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The built command line, as users run it. */
export const MAIN = join(import.meta.dirname, '../../../dist/runtime/cli/main.js')
if (!existsSync(MAIN)) throw new Error('the command line is not built: run `npm run build` first')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** So long a process may hang: far beyond what anything takes on a slow, busy machine. */
export const HANGS_MS = 60_000

/** Runs a command to its end; killed when it hangs. */
export function p2pnet(args: readonly string[], options: { env?: Record<string, string>; input?: string } = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...options.env }, timeout: HANGS_MS, killSignal: 'SIGKILL' })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** A folder for one test file. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'p2pnet-cli-'))

  of(...names: string[]): string {
    return join(this.path, ...names)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A name that no other test's peers have, so that they ignore each other. */
export function ownNetwork(): string {
  return `test-${randomBytes(6).toString('hex')}`
}

export type Event = { readonly event: string; readonly time: number } & Readonly<Record<string, any>>

export interface RunningOptions {
  readonly detached?: boolean
  readonly env?: Record<string, string>
}

/** A running `p2pnet … --json` whose events the test awaits. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly events: Event[] = []
  /** Lines on stdout that are no JSON. */
  readonly strays: string[] = []
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  stderr = ''
  #looks = new Set<() => void>()

  constructor(args: readonly string[], options: RunningOptions = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], { stdio: 'pipe', detached: options.detached ?? false, env: { ...process.env, ...options.env } })
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => { this.stderr += text })
    this.child.stdin.on('error', () => {})
    createInterface({ input: this.child.stdout }).on('line', line => {
      try {
        this.events.push(JSON.parse(line) as Event)
      } catch {
        this.strays.push(line)
      }
      for (const look of this.#looks) look()
    })
    this.ended = new Promise(resolve => this.child.on('close', (code, signal) => resolve({ code, signal })))
  }

  /** A peer on loopback alone. */
  static up(scratch: Scratch, network: string, name: string, args: readonly string[] = [], options: RunningOptions = {}): Running {
    return new Running(['up', '--json', '--interface', 'loopback', '--network', network, '--name', name, '--data', scratch.of(name), ...args], options)
  }

  say(line: string): void {
    this.child.stdin.write(`${line}\n`)
  }

  /** The first event of a name, from the `after`th on, that fits; rejects when it hangs or the process ends. */
  until(name: string, fits: (event: Event) => boolean = () => true, after = 0): Promise<Event> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(timer)
        this.#looks.delete(look)
        then()
      }
      const give = (why: string) => settle(() => reject(new Error(`no ${name}: ${why}\n${JSON.stringify(this.events.slice(-5))}\n${this.stderr}`)))
      const timer = setTimeout(() => give(`${HANGS_MS / 1000} s have passed`), HANGS_MS)
      const look = () => {
        const found = this.events.slice(after).find(event => event.event === name && fits(event))
        if (found !== undefined) settle(() => resolve(found))
      }
      this.#looks.add(look)
      void this.ended.then(({ code, signal }) => give(`the process ended with ${code ?? signal}`))
      look()
    })
  }

  /** Gives a command and awaits the event that answers it. */
  ask(line: string, answer: string): Promise<Event> {
    const after = this.events.length
    this.say(line)
    return this.until(answer, undefined, after)
  }

  async quit(): Promise<number | null> {
    this.say('quit')
    return (await this.ended).code
  }

  /** Ends it however it stands; for the end of a test. */
  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.ended
  }
}

/** The fields of each event, as docs/command-line.md lists them: name, and whether it may be missing. */
export function documentedEvents(): Map<string, { name: string; optional: boolean }[]> {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/command-line.md'), 'utf8')
  const section = text.slice(text.indexOf('### Events'), text.indexOf('### Codes of the event'))
  const rows = [...section.matchAll(/^\| `([a-z.]+)` \| (.+) \|$/gm)]
  return new Map(rows.map(([, event, fields]) => [event!, [...fields!.matchAll(/`(\w+)(\?)?[^`]*`/g)].map(
    ([, name, optional]) => ({ name: name!, optional: optional !== undefined }))]))
}
