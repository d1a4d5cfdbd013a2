import { createHash } from 'node:crypto'
import type { AsyncStepOptions } from '../../machines/async-step.ts'
import { cleanCode } from '../../machines/codes.ts'
import { StepDecided, StepSays, StepWaits, type Envelope, type EventOf } from '../../proto/index.ts'
import { transcriptOf } from '../peer-connection/transcript.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'

/** What a step's function is given. */
export interface StepCall {
  /** The step's name. */
  readonly name: string
  /** Who is at the other end; TLS has proved it. */
  readonly peerId: string
  /** The link, by the name that both ends have for it. */
  readonly linkId: string
  /** `out` where this side has dialled. */
  readonly direction: 'in' | 'out'
  /** False where only the other side demands the step, and this one does its part. */
  readonly demanded: boolean
  /** Aborted when the link has ended or the step's time is up. */
  readonly signal: AbortSignal
  /** Sends to the counterpart of this step at the other side, up to 60 KiB. */
  send(bytes: Uint8Array): void
  /** The next that the counterpart sends, in order; rejected when the signal is aborted. */
  receive(): Promise<Uint8Array>
  /** Says that a decision may take minutes: the connection's `pendingTimeoutMs` runs instead of the step's own time. */
  pending(reason: string): void
  /**
   * 32 bytes that only the two ends of this link can compute, for a use of yours and for one prover: what a proof of yours
   * covers, so that it counts on this link alone and cannot be sent back.
   */
  binding(use: string, prover: 'own' | 'other'): Uint8Array
}

/** Passes when it returns nothing or true; refuses when it returns false or throws. */
export type StepFunction = (call: StepCall) => Promise<boolean | void> | boolean | void

/** Thrown by a step's function to refuse the other side with a code and a reason of its own, which both sides see. */
export class StepRefusal extends Error {
  override name = 'StepRefusal'
  /** Lower-case words with hyphens, at most 64 characters. */
  readonly code: string

  constructor(code: string, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Most messages of the counterpart that wait to be received. */
const WAITING_MAX = 64
const BODY_BYTES_MAX = 60 * 1024
const REASON_CHARS = 200

class RunDriver implements Driver {
  readonly #context: DriverContext<AsyncStepOptions>
  readonly #run: StepFunction
  readonly #arrived: Uint8Array[] = []
  readonly #receivers: { readonly resolve: (bytes: Uint8Array) => void; readonly reject: (error: unknown) => void }[] = []
  #over = false

  constructor(context: DriverContext<AsyncStepOptions>, run: StepFunction) {
    this.#context = context
    this.#run = run
  }

  receive(envelope: Envelope): void {
    if (envelope.type === 'RunStep') void this.#call()
    else if (envelope.type === 'StepHeard') this.#hear((envelope as EventOf<'StepHeard'>).body.body)
  }

  #hear(body: Uint8Array): void {
    const receiver = this.#receivers.shift()
    if (receiver !== undefined) receiver.resolve(body)
    else if (this.#arrived.length < WAITING_MAX) this.#arrived.push(body)
    else this.#decide('step-order', `more than ${WAITING_MAX} messages came that nobody waited for`)
  }

  async #call(): Promise<void> {
    const { signal, options, log } = this.#context
    signal.addEventListener('abort', () => {
      for (const { reject } of this.#receivers.splice(0)) reject(signal.reason)
    }, { once: true })
    try {
      if (await this.#run(this.#given()) === false) this.#decide('verify-failed', `the step '${options.name}' did not let it pass`)
      else this.#decide('', '')
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Error && error.name === 'StepRefusal') {
        return this.#decide(cleanCode((error as StepRefusal).code), error.message.slice(0, REASON_CHARS))
      }
      // What went wrong inside is nothing for the other side.
      log.error({ err: error }, `the verification step '${options.name}' threw`)
      this.#decide('step-failed', `the step '${options.name}' broke down`)
    }
  }

  #decide(code: string, reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#context.publish(new StepDecided({ code, reason }))
  }

  #given(): StepCall {
    const context = this.#context
    const { signal, options: { name, peerId, linkId, direction, demanded } } = context
    return {
      name, peerId, linkId, direction, demanded, signal,
      send: bytes => {
        if (bytes.length > BODY_BYTES_MAX) throw new RangeError(`${bytes.length} bytes are too many for one message of a step: send at most ${BODY_BYTES_MAX}`)
        context.publish(new StepSays({ body: Uint8Array.from(bytes) }))
      },
      receive: () => new Promise((resolve, reject) => {
        const next = this.#arrived.shift()
        if (next !== undefined) resolve(next)
        else if (signal.aborted) reject(signal.reason)
        else this.#receivers.push({ resolve, reject })
      }),
      pending: reason => context.publish(new StepWaits({ reason: reason.slice(0, REASON_CHARS) })),
      binding: (use, prover) => {
        const transcript = transcriptOf(context)
        return createHash('sha256').update(transcript.bytes(`step ${name}, ${use}`, transcript[prover])).digest()
      }
    }
  }
}

/** The driver `run`, for one function. */
export const runDriver = (run: StepFunction): DriverFactory<AsyncStepOptions> => context => new RunDriver(context, run)
