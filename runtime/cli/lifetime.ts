import { complain, whenReaderGone } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * How long a command runs that has no end of its own. The first signal, or {@link end}, asks it to stop
 * in order; a second signal ends the process at once, with exit code 1.
 */
export class Lifetime {
  /** Resolves with why the command is to stop. */
  readonly ended: Promise<string>
  #resolve!: (reason: string) => void
  #reason: string | undefined

  constructor() {
    this.ended = new Promise(resolve => { this.#resolve = resolve })
    for (const signal of SIGNALS) process.on(signal, this.#signalled)
    whenReaderGone(() => this.end('nobody reads the output any more'))
  }

  /** Why it ends; undefined while it runs. */
  get reason(): string | undefined {
    return this.#reason
  }

  end(reason: string): void {
    this.#reason ??= reason
    this.#resolve(this.#reason)
  }

  /** Gives the signals back to the process. */
  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#signalled)
  }

  readonly #signalled = (signal: NodeJS.Signals): void => {
    if (this.#reason === undefined) return this.end(`stopped by ${signal}`)
    complain('p2pnet: ended at once, without order')
    process.exit(1)
  }
}
