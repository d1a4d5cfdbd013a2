import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { Links } from '../../../actors/peer-connection/links.ts'
import { Services, type Driver, type DriverFactory } from '../../../actors/seam/index.ts'
import { FileChunk, Registry, classOf, typeName, type BodyOf, type Message, type MessageName } from '../../../proto/index.ts'

/** A link that the test plays: what is sent lands in a list, and what arrives comes from the test. */
export class PlayedLinks {
  readonly sent: { peerId: string; body: Message }[] = []
  handlers = 0
  /** What the next sends do; taken where there is none. */
  readonly answers: (boolean | Error)[] = []
  #chunk: ((peerId: string, message: { body: Message }) => void) | undefined
  #drained: { resolve: () => void; reject: (error: Error) => void }[] = []

  send(peerId: string, body: FileChunk): boolean {
    const answer = this.answers.shift() ?? true
    if (answer instanceof Error) throw answer
    // As a link does, it copies what it is given: the sender uses its buffer again.
    this.sent.push({ peerId, body: body instanceof FileChunk ? FileChunk.decode(FileChunk.encode(body).finish()) : body })
    return answer
  }

  drained(): Promise<void> {
    return new Promise((resolve, reject) => this.#drained.push({ resolve, reject }))
  }

  drain(error?: Error): void {
    for (const { resolve, reject } of this.#drained.splice(0)) if (error === undefined) resolve(); else reject(error)
  }

  get waiting(): number {
    return this.#drained.length
  }

  subscribe(_type: string, handler: (peerId: string, message: { body: Message }) => void): () => void {
    this.handlers++
    this.#chunk = handler
    return () => {
      this.handlers--
      this.#chunk = undefined
    }
  }

  arrive(peerId: string, chunk: FileChunk): void {
    this.#chunk?.(peerId, { body: chunk })
  }

  get chunks(): FileChunk[] {
    return this.sent.flatMap(({ body }) => body instanceof FileChunk ? [body] : [])
  }
}

/** A driver without its machine: the test gives the commands. */
export class DriverRun {
  readonly links = new PlayedLinks()
  readonly driver: Driver
  readonly said: Message[] = []
  readonly #abort = new AbortController()
  readonly #waiting = new Set<() => void>()

  constructor(factory: DriverFactory, actor: string, options: object, services = new Services()) {
    services.provide(Links, this.links as never)
    this.driver = factory({
      address: `${actor}#file`, actor, options, log: pino({ level: 'silent' }), signal: this.#abort.signal, services, registry: new Registry(),
      publish: body => {
        if (this.#abort.signal.aborted) return
        this.said.push(body)
        for (const look of this.#waiting) look()
      },
      count: () => {}
    })
  }

  tell(body: Message): void {
    this.driver.receive({ type: typeName(classOf(body)), body } as never)
  }

  /** The first message of a type, now or when it is said. */
  heard<N extends MessageName>(type: N): Promise<BodyOf<N>> {
    return new Promise(resolve => {
      const look = () => {
        const found = this.said.find(body => typeName(classOf(body)) === type)
        if (found === undefined) return
        this.#waiting.delete(look)
        resolve(found as BodyOf<N>)
      }
      this.#waiting.add(look)
      look()
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.driver.stop?.()
  }
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** An empty folder for one test, and what removes it. */
export function scratch(): { path: string; files: () => string[]; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'p2pnet-file-'))
  return { path, files: () => readdirSync(path).sort(), remove: () => rmSync(path, { recursive: true, force: true }) }
}
