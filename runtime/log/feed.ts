import { Registry, UnknownMessageError, type Envelope } from '../../proto/index.ts'
import { Kernel } from '../kernel/index.ts'
import { checkpointAs, headerAs } from './feed-as.ts'
import type { LogEntry, LoggedEnvelope } from './format.ts'
import { recordedKernel } from './header.ts'
import type { LogReader } from './reader.ts'
import { registryFor, type ReplayOptions } from './replay.ts'

/** Entries after which a stretch ends with its instant. */
const STRETCH_MAX = 10_000

/** An output, with the state into which its actor's step led. */
export interface Sent {
  readonly envelope: LoggedEnvelope
  readonly state: unknown
}

/** What happened between two inputs that found the core idle. */
export interface Stretch {
  readonly recorded: readonly LoggedEnvelope[]
  readonly sent: readonly Sent[]
}

/**
 * Feeds the inputs of a log to machines that need not do what the recorded ones did, at the recorded times. An input that
 * came while the core worked goes in where it did then, as long as nothing has changed; after that, with the delivery of a
 * message like the one that it answered, or at its time.
 */
export class Feed {
  readonly registry: Registry
  readonly kernel: Kernel
  /** Inputs that could not be given: the kernel had stopped, or they are no messages any more. */
  refused = 0
  readonly #log: LogReader
  readonly #definitions: ReplayOptions['definitions']
  readonly #entries: Iterator<LogEntry, void, void>
  #head: LogEntry | undefined
  /** Inputs of the stretch at hand that came while the core worked. */
  #nested: LoggedEnvelope[] = []
  readonly #causes = new Map<number, LoggedEnvelope>()
  #recorded: LoggedEnvelope[] = []
  #sent: Sent[] = []
  /** The machines have sent something else than recorded: their messages have other numbers from here on. */
  #changed = false

  /** @throws UnknownKindError for a kind that is not given */
  constructor(log: LogReader, options: ReplayOptions) {
    const { definitions, codec } = options
    this.#log = log
    this.#definitions = definitions
    this.#entries = log[Symbol.iterator]()
    this.registry = registryFor(options)
    this.kernel = new Kernel({
      ...recordedKernel(headerAs(log.header, definitions), definitions),
      registry: this.registry,
      ...(codec === undefined ? {} : { codec }),
      shell: { deliver: () => this.#meet(), actorStarted: () => this.#meet(), actorStopped: () => this.#meet() },
      tap: { input: () => {}, output: envelope => this.#output(envelope), stopped: () => {} }
    })
    this.kernel.bus.all.subscribe(envelope => this.#meet(envelope))
  }

  /**
   * Undefined is one instant of timers on the way: a log may claim any time.
   * @param limit outputs of one stretch, in excess of those recorded, at which it ends
   * @throws RestoreError when the log begins at a checkpoint that does not fit the definitions
   * @throws UnknownMessageError for an input of a type that nobody registered, LogCorruptError for a damaged log
   */
  *stretches(limit: number): Generator<Stretch | undefined, void, void> {
    let input: LoggedEnvelope | undefined
    this.#head = this.#next()
    for (let first = true; first || input !== undefined || this.#head !== undefined; first = false) {
      this.#take()
      const most = this.#recorded.length + limit
      if (first) this.#begin()
      else if (input !== undefined) this.#give(input)
      while (this.#nested.length > 0) {
        const nested = this.#nested[0]!
        yield* this.#advance(nested.time, most)
        if (this.#nested[0] === nested) this.#give(this.#nested.shift()!)
      }
      const head = this.#head
      input = head?.kind === 'input' && !head.nested ? head.envelope : undefined
      // A stretch that was too long ends before the next instant.
      if (head !== undefined) yield* this.#advance(timeOf(head) - (input === undefined && head.kind !== 'stopped' ? 1 : 0), most)
      yield { recorded: this.#recorded, sent: this.#sent }
      if (this.#sent.length > most || head?.kind === 'stopped') return
      this.#sent = []
      if (input !== undefined) this.#head = this.#next()
    }
  }

  #begin(): void {
    const { checkpoint, header } = this.#log
    if (checkpoint === undefined) this.kernel.start()
    else this.kernel.restore(checkpointAs(checkpoint, this.#definitions, header.flags))
  }

  /** Outputs until the next input that found the core idle; nested inputs wait for their turn. */
  #take(): void {
    const recorded: LoggedEnvelope[] = this.#recorded = []
    this.#causes.clear()
    let time = 0
    for (let head = this.#head; head?.kind === 'output' || (head?.kind === 'input' && head.nested); head = this.#head) {
      if (recorded.length + this.#nested.length >= STRETCH_MAX && head.envelope.time > time) return
      time = head.envelope.time
      if (head.kind === 'input') {
        this.#nested.push(head.envelope)
      } else {
        recorded.push(head.envelope)
        this.#causes.set(head.envelope.seq, head.envelope)
      }
      this.#head = this.#next()
    }
  }

  #next(): LogEntry | undefined {
    return this.#entries.next().value ?? undefined
  }

  /** One instant a step, so that a run that sends without end is noticed. */
  *#advance(time: number, most: number): Generator<undefined, void, void> {
    const { kernel } = this
    for (let due = kernel.nextDue(); due !== undefined && due < time && this.#sent.length <= most; due = kernel.nextDue()) {
      kernel.advanceTo(Math.max(due, kernel.clock.now()))
      yield
    }
    if (this.#sent.length <= most && kernel.clock.now() <= time) kernel.advanceTo(time)
  }

  #give({ seq, type, bytes, from, to, cause }: LoggedEnvelope): void {
    if (!this.registry.has(type)) {
      throw new UnknownMessageError(`message ${seq} of the log is a ${type}, which is not known here: pass its class, { messages: [...] }`)
    }
    try {
      this.kernel.inputEncoded(type, bytes, { from, to, cause })
    } catch {
      this.refused++
    }
  }

  /** Called wherever a driver or a subscriber could have answered at once. */
  #meet(delivered?: Envelope): void {
    for (let nested = this.#nested[0]; nested !== undefined; nested = this.#nested[0]) {
      if (!this.#changed) {
        if (nested.seq !== this.kernel.nextSeq || nested.time !== this.kernel.clock.now()) return
      } else {
        const cause = this.#causes.get(nested.cause)
        if (cause === undefined || delivered?.type !== cause.type || delivered.to !== cause.to || delivered.from !== cause.from) return
        // It answers once.
        delivered = undefined
      }
      this.#nested.shift()
      this.#give(nested)
    }
  }

  #output({ seq, time, from, to, type, cause, bytes }: Envelope): void {
    const expected = this.#recorded[this.#sent.length]
    this.#changed ||= expected?.seq !== seq || expected.type !== type || expected.to !== to || expected.from !== from
    this.#sent.push({ envelope: { seq, time, from, to, type, cause, bytes }, state: this.kernel.system.cell(from)?.snapshot?.value })
  }
}

function timeOf(entry: LogEntry): number {
  return entry.kind === 'stopped' ? entry.time : entry.envelope.time
}
