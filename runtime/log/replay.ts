import type { ActorDefinition } from '../../actors/seam/index.ts'
import { Registry, UnknownMessageError, type Checkpoint, type Envelope, type MessageClass } from '../../proto/index.ts'
import { Kernel, type Codec, type Witness } from '../kernel/index.ts'
import { divergence, sameEnvelope, type Divergence, type DivergenceAt } from './divergence.ts'
import type { LogEnding, LogEntry, LoggedEnvelope } from './format.ts'
import { recordedKernel } from './header.ts'
import { readLog, type LogReader, type LogSource } from './reader.ts'

/** How long a replay runs before it lets the process do something else, in milliseconds. */
const TURN_MS = 50

export interface ReplayOptions {
  /** Definitions of the kinds in the log; more of them do no harm. */
  readonly definitions: readonly ActorDefinition[]
  /** A host program's own message types; those that definitions listen to or speak are known. */
  readonly messages?: readonly MessageClass[]
  /** Used instead of a new one. */
  readonly registry?: Registry
  /** @default 'lazy' */
  readonly codec?: Codec
  /** Sees every step of the machines. */
  readonly witness?: Witness
  /** Ends the replay early; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface ReplayResult {
  /** Inputs fed. */
  readonly inputs: number
  /** Outputs that came as recorded. */
  readonly outputs: number
  /** A replay stops at the first. */
  readonly differences: 0 | 1
  readonly divergence?: Divergence
  /** How the log ends; undefined when the replay stopped before its end. */
  readonly ending: LogEnding | undefined
  /** The log was cut off within a block; it was compared up to its last whole record. */
  readonly torn: boolean
  /** The log was ended in order, so that nothing of it is missing. */
  readonly clean: boolean
  /** Logical time that was replayed, in milliseconds. */
  readonly durationMs: number
  /** Time that the replay took, in milliseconds. */
  readonly wallMs: number
}

/**
 * Runs a recorded log through fresh machines and compares every output, byte for byte, up to the first
 * difference.
 * @throws UnknownKindError, KindVersionError, UnknownFlagError when the definitions do not fit the log
 * @throws UnknownMessageError when an input is of a type that nobody registered
 * @throws LogCorruptError when the log is damaged, once what stands before the damage has replayed
 * @throws RestoreError when the log begins at a checkpoint that does not fit the definitions
 * @throws everything that readLog throws
 */
export async function replay(log: LogSource | LogReader, options: ReplayOptions): Promise<ReplayResult> {
  const run = new Replay(log, options)
  let turn = performance.now()
  try {
    while (run.step()) {
      if (performance.now() - turn < TURN_MS) continue
      await new Promise(resolve => setImmediate(resolve))
      options.signal?.throwIfAborted()
      turn = performance.now()
    }
    return run.result()
  } finally {
    run.close()
  }
}

/**
 * A replay, step by step: what the log holds is fed to a kernel whose shell does nothing. It begins where the log begins:
 * at the start of the run, or at a checkpoint.
 *
 * The log alone says where each input belongs. Every message takes the next seq, so one that was nested
 * goes in while the core works, when the next seq is its own; the others go in when the core is idle and
 * the clock has come to their time.
 */
export class Replay {
  readonly kernel: Kernel
  readonly registry: Registry
  readonly #log: LogReader
  readonly #entries: Iterator<LogEntry, void, void>
  readonly #started = performance.now()
  #head: LogEntry | undefined
  /** Reading failed here; thrown from the next step, never into the kernel. */
  #fault: { error: unknown } | undefined
  #divergence: Divergence | undefined
  #begun = false
  /** Logical time at which the log begins. */
  #from = 0
  #inputs = 0
  #outputs = 0

  /** @throws as {@link replay}, for the header */
  constructor(log: LogSource | LogReader, options: ReplayOptions) {
    this.#log = typeof log === 'object' && 'header' in log ? log : readLog(log)
    this.#entries = this.#log[Symbol.iterator]()
    this.registry = registryFor(options)
    const meet = () => this.#meet()
    try {
      this.kernel = new Kernel({
        ...recordedKernel(this.#log.header, options.definitions),
        registry: this.registry,
        ...(options.codec === undefined ? {} : { codec: options.codec }),
        ...(options.witness === undefined ? {} : { witness: options.witness }),
        shell: { deliver: meet, actorStarted: meet, actorStopped: meet },
        tap: { input: () => {}, output: envelope => this.#output(envelope), stopped: () => {} }
      })
    } catch (error) {
      this.close()
      throw error
    }
    this.kernel.bus.all.subscribe(meet)
  }

  get divergence(): Divergence | undefined {
    return this.#divergence
  }

  /** Where the run stood when the log begins; undefined where it begins with the run. */
  get checkpoint(): Checkpoint | undefined {
    return this.#log.checkpoint
  }

  /** The entry that is to come next, undefined at the end. */
  get next(): LogEntry | undefined {
    return this.#head
  }

  /**
   * Brings the core to the next entry of the log, and past it.
   * @returns false when the log is at its end or the replay has diverged
   * @throws LogCorruptError when the log is damaged here
   */
  step(): boolean {
    if (!this.#begun) {
      this.#begun = true
      this.#advance()
      const { checkpoint } = this
      if (checkpoint === undefined) this.kernel.start()
      else this.kernel.restore(checkpoint)
      this.#from = this.kernel.clock.now()
    } else if (this.#head !== undefined) {
      this.#toward(this.#head)
    }
    if (this.#divergence !== undefined) return false
    if (this.#fault !== undefined) throw this.#fault.error
    return this.#head !== undefined
  }

  result(): ReplayResult {
    const { ending } = this.#log
    return {
      inputs: this.#inputs,
      outputs: this.#outputs,
      differences: this.#divergence === undefined ? 0 : 1,
      ...(this.#divergence === undefined ? {} : { divergence: this.#divergence }),
      ending,
      torn: ending === 'torn',
      clean: ending === 'stopped' || ending === 'closed' || ending === 'size-limit',
      durationMs: this.kernel.clock.now() - this.#from,
      wallMs: Math.round(performance.now() - this.#started)
    }
  }

  close(): void {
    this.#log.close()
  }

  #advance(): void {
    try {
      this.#head = this.#entries.next().value ?? undefined
    } catch (error) {
      this.#head = undefined
      this.#fault = { error }
    }
  }

  /** The core is idle. */
  #toward(head: LogEntry): void {
    const time = head.kind === 'stopped' ? head.time : head.envelope.time
    const due = this.kernel.nextDue() ?? Infinity
    // One instant a step: a log may claim any time, and a difference on the way there ends the replay.
    if (due < time) return this.kernel.advanceTo(Math.max(due, this.kernel.clock.now()))
    if (this.kernel.clock.now() < time || due === time) this.kernel.advanceTo(time)
    if (this.#head !== head || this.#divergence !== undefined) return
    if (head.kind === 'output') return this.#missing(head.envelope)
    if (head.kind === 'stopped') return this.#end(head)
    if (!head.nested && this.#fits(head.envelope)) return this.#input(head.envelope)
    this.#misplaced(head.envelope)
  }

  /** Called wherever a driver or a subscriber could have answered at once. */
  #meet(): void {
    while (this.#head?.kind === 'input' && this.#head.nested && this.#divergence === undefined && this.#fits(this.#head.envelope)) {
      this.#input(this.#head.envelope)
    }
  }

  #fits(input: LoggedEnvelope): boolean {
    return input.seq === this.kernel.nextSeq && input.time === this.kernel.clock.now()
  }

  #input(input: LoggedEnvelope): void {
    const { seq, time, from, to, cause, type, bytes } = input
    if (!this.registry.has(type)) {
      this.#head = undefined
      this.#fault = {
        error: new UnknownMessageError(`message ${seq} of the log is a ${type}, which is not known here: pass its class, replay(log, { messages: [...] })`)
      }
      return
    }
    this.#inputs++
    this.#advance()
    try {
      this.kernel.inputEncoded(type, bytes, { from, to, cause })
    } catch (error) {
      this.#diverge({
        kind: 'input', seq, time, actor: actorOf(to || from), expected: input, got: undefined,
        summary: `the input cannot be given to the core: ${(error as Error).message}`
      })
    }
  }

  #output(got: Envelope): void {
    const head = this.#head
    if (this.#divergence !== undefined || head === undefined) return
    if (head.kind === 'output') {
      const expected = head.envelope
      if (sameEnvelope(expected, got, this.registry)) {
        this.#outputs++
        return this.#advance()
      }
      if (got.seq > expected.seq) return this.#missing(expected)
      if (got.seq === expected.seq) {
        return this.#diverge({
          kind: 'different', seq: got.seq, time: got.time, actor: actorOf(got.from), expected, got,
          summary: `${got.from} sent something else than recorded`
        })
      }
    } else if (head.kind === 'input' && got.seq >= head.envelope.seq) {
      return this.#misplaced(head.envelope, got)
    } else if (head.kind === 'stopped' && head.reason !== 'stopped') {
      // Recording ended here, the run went on.
      return
    }
    this.#diverge({
      kind: 'extra', seq: got.seq, time: got.time, actor: actorOf(got.from), expected: undefined, got,
      summary: `${got.from} sent ${got.type}, which was not recorded`
    })
  }

  #missing(expected: LoggedEnvelope): void {
    this.#diverge({
      kind: 'missing', seq: expected.seq, time: expected.time, actor: actorOf(expected.from), expected, got: undefined,
      summary: `${expected.from} did not send the ${expected.type} that was recorded`
    })
  }

  #misplaced(input: LoggedEnvelope, got?: Envelope): void {
    this.#diverge({
      kind: 'input', seq: input.seq, time: input.time, actor: actorOf(got?.from ?? (input.to || input.from)), expected: input, got,
      summary: `the recorded run took ${input.type} as message ${input.seq} at ${input.time} ms, ` +
        `the replay is at message ${this.kernel.nextSeq} and ${this.kernel.clock.now()} ms`
    })
  }

  #end(head: Extract<LogEntry, { kind: 'stopped' }>): void {
    const { time } = head
    this.#advance()
    if (head.reason !== 'stopped' || this.kernel.stopped) return
    const left = this.kernel.inspect().actors.map(({ address }) => address)
    this.#diverge({
      kind: 'end', seq: this.kernel.nextSeq, time, actor: left[0] ?? 'system', expected: undefined, got: undefined,
      summary: `the recorded run had stopped, and the replay still runs ${left.join(', ')}`
    })
  }

  #diverge(at: Omit<DivergenceAt, 'state'>): void {
    const state = this.kernel.inspect().actors.find(({ address }) => address === at.actor)?.state
    this.#divergence ??= divergence({ ...at, state }, this.registry)
    // It may be at work without end: a log has limits and options of its own, and may come from anyone.
    this.kernel.halt()
  }
}

/** The actor that an address belongs to. */
function actorOf(address: string): string {
  const driver = address.indexOf('#')
  return driver < 0 ? address : address.slice(0, driver)
}

/** Knows the types that the options name, and those that the definitions listen to or speak. */
export function registryFor({ registry = new Registry(), messages = [], definitions }: ReplayOptions): Registry {
  registry.register(...messages)
  for (const { listens, recalls, messages, wire } of definitions) {
    registry.register(...listens ?? [], ...recalls ?? [], ...messages ?? [], ...(wire ?? []).map(({ type }) => type))
  }
  return registry
}
