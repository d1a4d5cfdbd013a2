import type { ActorDefinition, ActorSpec } from '../../../actors/seam/index.ts'
import { classOf, typeName, type Envelope, type Message } from '../../../proto/index.ts'
import { encodeEnvelope, Kernel, type KernelOptions, type Shell, type Tap } from '../../../runtime/kernel/index.ts'

/** What the tests run with; the default of the repository's tests is to encode and decode every hop. */
export const codecs = ['always', 'lazy'] as const

export interface Harness {
  readonly kernel: Kernel
  /** Everything on the bus, in order of delivery, as `from>to Type {json}`. */
  readonly seen: string[]
  readonly envelopes: Envelope[]
  /** What reached drivers, peers and the host. */
  readonly delivered: Envelope[]
  /** `start ADDRESS` and `stop ADDRESS`. */
  readonly shell: string[]
  readonly taps: { record: 'input' | 'nested' | 'output' | 'stopped'; bytes: string }[]
  readonly reports: { where: string; error: unknown }[]
  host(body: Message, to?: string): Envelope
  driver(body: Message, from: string, to?: string): Envelope
  types(...types: (new () => Message)[]): Envelope[]
}

export interface HarnessOptions extends Partial<Omit<KernelOptions, 'shell' | 'tap' | 'actors'>> {
  readonly shell?: Partial<Shell>
  readonly tap?: boolean
  readonly watch?: boolean
}

export function spec(definition: ActorDefinition, rest: Omit<ActorSpec, 'definition'> = {}): ActorSpec {
  return { definition, ...rest }
}

export function show(envelope: Envelope): string {
  // As it would be read from a log: fields that hold their default are left out.
  const type = classOf(envelope.body)
  const json = JSON.stringify(type.toObject(type.decode(envelope.bytes)))
  return `${envelope.from}>${envelope.to} ${envelope.type}${json === '{}' ? '' : ` ${json}`}`
}

/** A started kernel whose boundary is written down. */
export function start(actors: readonly ActorSpec[], options: HarnessOptions = {}): Harness {
  const harness = make(actors, options)
  harness.kernel.start()
  return harness
}

export function make(actors: readonly ActorSpec[], options: HarnessOptions = {}): Harness {
  const seen: string[] = []
  const envelopes: Envelope[] = []
  const delivered: Envelope[] = []
  const shell: string[] = []
  const taps: Harness['taps'] = []
  const reports: Harness['reports'] = []
  const { shell: given, tap: tapped = true, watch = true, ...rest } = options
  const hex = (envelope: Envelope) => Buffer.from(encodeEnvelope(envelope)).toString('hex')
  const tap: Tap = {
    input: (envelope, nested) => taps.push({ record: nested ? 'nested' : 'input', bytes: hex(envelope) }),
    output: envelope => taps.push({ record: 'output', bytes: hex(envelope) }),
    stopped: time => taps.push({ record: 'stopped', bytes: String(time) })
  }
  const kernel = new Kernel({
    seed: Uint8Array.of(1, 2, 3),
    codec: 'always',
    report: (where, error) => reports.push({ where, error }),
    ...rest,
    actors,
    shell: {
      deliver: envelope => {
        delivered.push(envelope)
        given?.deliver?.(envelope)
      },
      actorStarted: (address, definition, opts) => {
        shell.push(`start ${address}`)
        given?.actorStarted?.(address, definition, opts)
      },
      actorStopped: address => {
        shell.push(`stop ${address}`)
        given?.actorStopped?.(address)
      }
    },
    ...(tapped && { tap })
  })
  if (watch) {
    kernel.bus.all.subscribe(envelope => {
      seen.push(show(envelope))
      envelopes.push(envelope)
    })
  }
  return {
    kernel, seen, envelopes, delivered, shell, taps, reports,
    host: (body, to = '') => kernel.input(body, { from: 'host', to }),
    driver: (body, from, to = '') => kernel.input(body, { from, to }),
    types: (...types) => envelopes.filter(({ type }) => types.some(each => typeName(each as never) === type))
  }
}

/** What must be zero when nothing is left. */
export function leftovers({ kernel }: Harness): object {
  const { actors, timers, queued } = kernel.inspect()
  return { actors: actors.length, timers, queued, receivers: kernel.bus.receivers, watches: kernel.system.watches }
}
