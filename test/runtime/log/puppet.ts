import { assign, enqueueActions, setup } from 'xstate'
import { defineActor, type ActorDefinition, type ActorSpec, type Driver } from '../../../actors/seam/index.ts'
import { draw } from '../../../machines/random.ts'
import { publish, type MachineInput, type Outgoing } from '../../../machines/publish.ts'
import { LinksChanged, SpawnActor, StopActor, TextMessage, Watch, type Envelope, type EventOf, type Message } from '../../../proto/index.ts'
import { Kernel, type Codec, type Tap } from '../../../runtime/kernel/index.ts'
import { LogWriter, logHeader, type LogWriterOptions } from '../../../runtime/log/index.ts'

interface Context {
  address: string
  count: number
  random: number
  step: number
}

/** The options of a puppet: how much it counts at a time. */
interface PuppetOptions {
  readonly step: number
  readonly token?: string
}

/**
 * An actor that does what it is told, letter by letter: a announce, d tell its driver, p tell a peer, h tell the
 * host, l tell itself, r draw a random number, s spawn a child, k stop it, c tell it, w wait 30 ms and say so, q do so quietly, x throw, f finish.
 */
const puppetMachine = setup({
  types: {} as {
    context: Context
    events: EventOf<'TextMessage' | 'SpawnFailed' | 'Terminated' | 'Stop' | 'LinksChanged'>
    input: MachineInput<PuppetOptions>
    emitted: Outgoing
  },
  actions: {
    obey: enqueueActions(({ enqueue, event, context }) => {
      const tell = (to: string, body: Message) => enqueue(publish(() => [to, body]))
      for (const letter of (event as EventOf<'TextMessage'>).body.text) {
        enqueue(assign({ count: ({ context: { count, step } }) => count + step, random: ({ context: { random } }) => draw(random)[1] }))
        const text = new TextMessage({ text: `${letter}${context.count}` })
        const child = `${context.address.slice('puppet/'.length)}-c`
        if (letter === 'a') enqueue(publish(({ context: { count } }) => ['', new LinksChanged({ links: count })]))
        if (letter === 'd') enqueue(publish(({ context: { count } }) => [`${context.address}#hand`, new LinksChanged({ links: count })]))
        if (letter === 'r') enqueue(publish(({ context: { random } }) => ['host', new TextMessage({ text: String(random) })]))
        if (letter === 'p') tell('peer/bob', text)
        if (letter === 'h') tell('host', text)
        if (letter === 'l') tell(context.address, new TextMessage({ text: 'ar' }))
        if (letter === 's') {
          tell('system', new Watch({ address: `puppet/${child}` }))
          tell('system', new SpawnActor({ kind: 'puppet', id: child, options: '{"step":2}' }))
        }
        if (letter === 'k') tell('system', new StopActor({ address: `puppet/${child}`, reason: 'told to' }))
        if (letter === 'c') tell(`puppet/${child}`, new TextMessage({ text: 'dar' }))
        if (letter === 'x') throw new Error(`told to throw at ${context.count}`)
      }
    }),
    tick: publish(({ context }: { context: Context }) => ['', new TextMessage({ text: `tick ${context.count}` })])
  },
  guards: {
    finish: ({ event }) => (event as EventOf<'TextMessage'>).body.text.includes('f'),
    wait: ({ event }) => (event as EventOf<'TextMessage'>).body.text.includes('w'),
    hush: ({ event }) => (event as EventOf<'TextMessage'>).body.text.includes('q')
  }
}).createMachine({
  context: ({ input }) => ({ address: input.address, count: 0, random: input.random, step: input.options.step }),
  initial: 'ready',
  on: { LinksChanged: {}, SpawnFailed: {}, Terminated: {} },
  states: {
    ready: {
      on: {
        TextMessage: [
          { guard: 'finish', actions: 'obey', target: 'done' },
          { guard: 'wait', actions: 'obey', target: 'waiting' },
          { guard: 'hush', actions: 'obey', target: 'quiet' },
          { actions: 'obey' }
        ]
      }
    },
    waiting: {
      after: { 30: { actions: 'tick', target: 'ready' } },
      on: { Stop: { actions: 'tick', target: 'done' } }
    },
    quiet: { after: { 30: 'ready' } },
    done: { type: 'final' }
  }
})

export const puppet: ActorDefinition<PuppetOptions> = defineActor<PuppetOptions>({
  kind: 'puppet',
  machine: puppetMachine,
  options: { step: 1, token: 'hunter2' },
  secrets: ['token'],
  listens: [LinksChanged],
  // Only named: the shell of these tests plays it.
  drivers: { hand: () => ({ receive() {} }) satisfies Driver }
})

export interface Order {
  /** Milliseconds after the order before it. */
  readonly after: number
  readonly to: string
  readonly text: string
}

export interface Play {
  readonly seed: Uint8Array
  readonly orders: readonly Order[]
  /** Answers at once that drivers and the host may give in all. */
  readonly answers?: number
  readonly codec?: Codec
  /** Text of an announcement that the host answers at once with an order to puppet/b. */
  readonly tickAnswered?: string
  /** Stops the kernel at the end. @default true */
  readonly stop?: boolean
}

export const specs: readonly ActorSpec[] = [{ definition: puppet, id: 'a' }, { definition: puppet, id: 'b', options: { step: 3 } }]

/** Runs a play with drivers that answer at once, or throw, now and then. */
export function perform({ seed, orders, answers = 20, codec = 'lazy', stop = true, tickAnswered }: Play, tap: Tap): Kernel {
  let left = answers
  const answer = (e: Envelope): void => {
    const { links } = e.body as LinksChanged
    if (left === 0) return
    left--
    if (links % 7 === 6) throw new Error('the hand is broken')
    if (links % 3 === 0) kernel.input(new TextMessage({ text: links % 2 === 0 ? 'ad' : 'w' }), { from: e.to || 'host', to: e.to.split('#')[0] || 'puppet/b', cause: e.seq })
  }
  const kernel = new Kernel({
    seed, actors: specs, codec, tap,
    shell: {
      deliver: e => { if (e.to.includes('#')) answer(e) },
      actorStarted: address => {
        if (left > 0 && address.endsWith('-c')) kernel.input(new TextMessage({ text: 'd' }), { from: `${address}#hand`, to: address })
      },
      actorStopped: () => {}
    }
  })
  kernel.bus.of(LinksChanged).subscribe(e => { if (e.to === '' && e.body.links % 5 === 0) answer(e) })
  kernel.bus.of(TextMessage).subscribe(e => {
    if (e.body.text !== tickAnswered || left-- <= 0) return
    kernel.input(new TextMessage({ text: 'da' }), { from: 'host', to: 'puppet/b', cause: e.seq })
  })
  kernel.start()
  for (const { after, to, text } of orders) {
    // An actor that fails too often takes the peer with it.
    if (kernel.stopped) break
    kernel.advanceTo(kernel.clock.now() + after)
    if (kernel.stopped) break
    kernel.input(new TextMessage({ text }), { from: 'host', to })
  }
  if (stop) {
    kernel.advanceTo(kernel.clock.now() + 1)
    kernel.stop('the play is over')
    if (!kernel.stopped) kernel.advanceTo(kernel.clock.now() + 10_000)
  }
  return kernel
}

/** Performs and records a play. */
export async function record(path: string, play: Play, options: LogWriterOptions = {}): Promise<LogWriter> {
  const head = logHeader({ seed: play.seed, actors: specs, wallTime: 1_700_000_000_000, peerId: 'p', name: 'ada' })
  const writer = new LogWriter(path, head, options)
  perform(play, writer)
  await writer.close()
  return writer
}

export const seed = new Uint8Array(32).fill(42)

/** Something of everything; it lasts 300 ms. */
export const orders: readonly Order[] = [
  { after: 0, to: 'puppet/a', text: 'adprh' },
  { after: 5, to: 'puppet/b', text: 'sldd' },
  { after: 0, to: 'puppet/a', text: 'sw' },
  { after: 10, to: 'puppet/a', text: 'a' },
  { after: 30, to: 'puppet/a', text: 'cdda' },
  { after: 1, to: 'puppet/nobody', text: 'a' },
  { after: 7, to: 'puppet/b', text: 'drx' },
  { after: 200, to: 'puppet/b', text: 'rda' },
  { after: 3, to: 'puppet/a', text: 'kddd' },
  { after: 4, to: 'puppet/a-c', text: 'f' },
  { after: 40, to: 'puppet/b', text: 'w' }
]

/** A long run, in which nothing fails. */
export const manyOrders: readonly Order[] = Array.from({ length: 100 }, () => orders.filter(({ text }) => !text.includes('x'))).flat()
