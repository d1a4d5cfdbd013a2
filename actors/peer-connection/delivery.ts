import { stepName } from '../../machines/verify-step.ts'
import { Level, StepMessage } from '../../proto/index.ts'
import type { DriverContext } from '../seam/index.ts'
import { ArrivedMessage, decodeBody } from './arrived-message.ts'
import type { FrameView } from './frame-codec.ts'
import { FrameMalformedError } from './frame-errors.ts'
import type { Gate } from './gate.ts'
import type { LinkTable } from './links.ts'
import type { WireEntry } from './wire-types.ts'

/** Messages, and their bytes, that wait for the verification step that speaks them. */
const EARLY_MAX = 16
const EARLY_BYTES_MAX = 64 * 1024

interface Early {
  readonly entry: WireEntry
  readonly bytes: Uint8Array
}

/** Brings messages that the gate let pass to whoever takes them. */
export class Delivery {
  readonly #context: DriverContext<unknown>
  readonly #links: LinkTable
  readonly #gate: Gate
  readonly #peerId: string
  readonly #from: string
  #early: Early[] = []

  constructor(context: DriverContext<unknown>, links: LinkTable, gate: Gate, peerId: string) {
    this.#context = context
    this.#links = links
    this.#gate = gate
    this.#peerId = peerId
    this.#from = `peer/${peerId}`
  }

  /**
   * Returns a promise where the stream has to wait for a subscriber.
   * @throws FrameMalformedError when the message cannot be decoded
   */
  deliver(entry: WireEntry, { buffer, start, end }: FrameView): Promise<unknown> | undefined {
    if (entry.via === 'pump') return this.#pump(entry, new ArrivedMessage(entry, buffer, start, end))
    // Machines and logs may keep it for ever, and a view would keep all that was read with it.
    const bytes = Uint8Array.prototype.slice.call(buffer, start, end)
    if (entry.level === Level.LEVEL_IDENTIFIED) this.#toStep(entry, bytes)
    else this.#context.publish(decodeBody(entry, bytes), '', this.#from)
    return undefined
  }

  /** The gate has changed: what waited for a step may have found it. */
  gateChanged(): void {
    const early = this.#early
    this.#early = []
    for (const { entry, bytes } of early) this.#toStep(entry, bytes)
  }

  /** The link has fallen: what waited belongs to steps that will not run. */
  fell(): void {
    this.#early = []
  }

  #toStep(entry: WireEntry, bytes: Uint8Array): void {
    const { step, level } = this.#gate
    const kind = step.slice(0, step.indexOf('/'))
    const body = entry.kinds.has(kind) ? decodeBody(entry, bytes) : undefined
    // Functions of the host program share a type, which names their step.
    if (body !== undefined && !(body instanceof StepMessage && body.step !== stepName(kind))) {
      this.#context.publish(body, step, this.#from)
    } else if (level === Level.LEVEL_IDENTIFIED && this.#roomFor(bytes)) {
      // The other side may be a step ahead of us.
      this.#early.push({ entry, bytes })
    } else {
      this.#context.count('step-messages-dropped')
    }
  }

  #roomFor(bytes: Uint8Array): boolean {
    return this.#early.length < EARLY_MAX && this.#early.reduce((sum, early) => sum + early.bytes.length, bytes.length) <= EARLY_BYTES_MAX
  }

  #pump(entry: WireEntry, message: ArrivedMessage): Promise<unknown> | undefined {
    const handlers = this.#links.handlersOf(entry.name)
    if (handlers === undefined) {
      this.#context.count('messages-without-subscriber')
      return undefined
    }
    let wait: Promise<unknown> | undefined
    for (const handler of handlers) {
      try {
        const result = handler(this.#peerId, message)
        if (result instanceof Promise) {
          const settled = result.catch(error => this.#handlerFailed(entry, error))
          wait = wait === undefined ? settled : Promise.all([wait, settled])
        }
      } catch (error) {
        if (error instanceof FrameMalformedError) throw error
        this.#handlerFailed(entry, error)
      }
    }
    if (wait === undefined) message.expire()
    else wait = wait.then(() => message.expire())
    return wait
  }

  // It belongs to the host program or to another driver: the link goes on.
  #handlerFailed(entry: WireEntry, error: unknown): void {
    this.#context.count('subscribers-failed')
    this.#context.log.error({ type: entry.name, err: error }, 'a subscriber failed')
  }
}
