import { assign, setup } from 'xstate'
import { SendAnnouncement, SendAnswer, type EventOf } from '../proto/index.ts'
import { throttledMs, waveMs, type AnnounceRate } from './announce-rate.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { jitter } from './random.ts'

export interface BroadcasterOptions extends AnnounceRate {
  /** Ports that peers listen on; one of them is announced to at a time. @default [8001, 8002, 8003] */
  readonly ports: readonly number[]
  /** How long one port is used, in milliseconds; 0 until the routine `rotate broadcast port` is due. @default 30000 */
  readonly rotateMs: number
  /**
   * When a burst sends, in milliseconds from its beginning, the first at 0. Each goes to the next
   * port, so that one port in use by something else delays nobody. @default [0, 500, 1000, 2000]: the second comes when the first links are made
   */
  readonly burstMs: readonly number[]
  /** Intervals vary by up to ± this, so that peers do not fall into step. @default 20 */
  readonly jitterPercent: number
  /**
   * Answers in any one second; beyond that one announcement to all of them serves as the answer.
   * @default 50
   */
  readonly answersPerSecond: number
  /** How long to wait for the listener's port before announcing without one, in milliseconds. @default 2000 */
  readonly listenerPatienceMs: number
}

interface Context {
  readonly driver: string
  readonly options: BroadcasterOptions
  readonly random: number
  /** Time of the latest event or timer; timers fire exactly when due. */
  readonly now: number
  /** When the next announcement goes out. */
  readonly dueAt: number
  readonly begunAt: number
  /** Start of the wave. */
  readonly waveAt: number
  readonly sequence: number
  /** How often the routine was due. */
  readonly rotations: number
  /** How many of the burst have been sent. */
  readonly shots: number
  /** Undefined until the listener has told. */
  readonly listening: { readonly port: number; readonly hosts: readonly string[] } | undefined
  readonly links: number
  /** `name address` of each in use. */
  readonly interfaces: readonly string[]
  /** The second that is being counted. */
  readonly answers: { readonly since: number; readonly sent: number; readonly refused: number }
  /** What became of the latest announcement. */
  readonly sent: { readonly sequence: number; readonly datagrams: number; readonly failed: number }
}

/** The routine on which the next port is announced to. */
export const ROTATE_PORT = 'rotate broadcast port'

type Events = EventOf<'DiscoveryStarted' | 'RoutineDue' | 'Listening' | 'LinksChanged' | 'InterfacesChanged' | 'AnswerWanted' | 'AnnouncementSent' | 'Stop'>

const listeningAt = (event: Events): NonNullable<Context['listening']> => {
  const endpoints = event.type === 'Listening' ? event.body.endpoints : []
  return { port: endpoints[0]?.port ?? 0, hosts: endpoints.map(endpoint => endpoint.host) }
}

const interfacesIn = (event: Events): string[] => event.type === 'InterfacesChanged'
  ? event.body.interfaces.flatMap(each => (each.addresses ?? []).map(address => `${each.name} ${address}`))
  : []

/** The second of answers that an event falls into. */
const answersAt = ({ answers }: Context, time: number): Context['answers'] =>
  time - answers.since < 1_000 ? answers : { since: time, sent: 0, refused: 0 }

/** Announces this peer on the LAN: a burst at first, then ever and again along a slow wave. */
export const broadcasterMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<BroadcasterOptions>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: {
    untilDue: ({ context }) => context.dueAt - context.now,
    listenerPatience: ({ context }) => context.options.listenerPatienceMs
  },
  guards: {
    listenerKnown: ({ context }) => context.listening !== undefined,
    listeningElsewhere: ({ context, event }) => JSON.stringify(listeningAt(event)) !== JSON.stringify(context.listening),
    newInterface: ({ context, event }) => interfacesIn(event).some(each => !context.interfaces.includes(each)),
    fewerLinks: ({ context, event }) => event.type === 'LinksChanged' && event.body.links < context.links,
    toRotate: ({ event }) => event.type === 'RoutineDue' && event.body.name === ROTATE_PORT,
    burstLeft: ({ context }) => context.shots < context.options.burstMs.length,
    mayAnswer: ({ context, event }) => answersAt(context, event.time).sent < context.options.answersPerSecond,
    firstRefusal: ({ context, event }) => answersAt(context, event.time).refused === 0
  },
  actions: {
    ignore: () => {},
    // Events carry the time; a timer has none, and fired when it was due.
    tell: assign({ now: ({ context, event }) => 'time' in event ? event.time : context.dueAt }),
    begin: assign(({ context }) => ({ begunAt: context.now, waveAt: context.now })),
    beginAfterPatience: assign(({ context }) => {
      const now = context.now + context.options.listenerPatienceMs
      return { now, begunAt: now, waveAt: now }
    }),
    keepListening: assign({ listening: ({ event }) => listeningAt(event) }),
    keepLinks: assign({ links: ({ context, event }) => event.type === 'LinksChanged' ? event.body.links : context.links }),
    keepInterfaces: assign({ interfaces: ({ event }) => interfacesIn(event) }),
    keepSent: assign({
      sent: ({ context, event }) => event.type === 'AnnouncementSent'
        ? { sequence: event.body.sequence, datagrams: event.body.datagrams, failed: event.body.failed }
        : context.sent
    }),
    // Not below the run's time, so that a restarted broadcaster goes on above what it announced before.
    renew: assign({ sequence: ({ context }) => Math.max(context.sequence + 1, Math.floor(context.now / 16)) }),
    load: assign({ shots: 0 }),
    scheduleShot: assign(({ context: { options, shots, now } }) => {
      const gap = (options.burstMs[shots + 1] ?? 0) - (options.burstMs[shots] ?? 0)
      return { shots: shots + 1, dueAt: now + Math.max(0, gap) }
    }),
    schedule: assign(({ context }) => {
      const { options, now, waveAt, links } = context
      const interval = throttledMs(options, waveMs(options, now - waveAt), links)
      const [delay, random] = jitter(context.random, interval, options.jitterPercent)
      return { random, dueAt: now + delay }
    }),
    // Keeps the due time where it is the sooner: links that come and go do not put announcements off.
    hasten: assign(({ context }) => {
      const { options, now, dueAt, links } = context
      const [delay, random] = jitter(context.random, throttledMs(options, options.fastMs, links), options.jitterPercent)
      return { random, waveAt: now, dueAt: Math.max(now, Math.min(dueAt, now + delay)) }
    }),
    announce: publish(({ context }) => {
      const { options, now, begunAt, sequence, shots, listening } = context
      const rotations = context.rotations + (options.rotateMs > 0 ? Math.floor((now - begunAt) / options.rotateMs) : 0)
      return [context.driver, new SendAnnouncement({
        sequence,
        broadcastPort: options.ports[(rotations + Math.max(0, shots - 1)) % options.ports.length] ?? 0,
        listenPort: listening?.port ?? 0,
        listenHosts: [...(listening?.hosts ?? [])]
      })]
    }),
    rotate: assign({ rotations: ({ context }) => context.rotations + 1 }),
    unload: assign({ shots: 0 }),
    answer: publish(({ context, event }) => {
      const { sequence, listening } = context
      const body = event.type === 'AnswerWanted' ? event.body : undefined
      return [context.driver, new SendAnswer({
        sequence,
        listenPort: listening?.port ?? 0,
        listenHosts: [...(listening?.hosts ?? [])],
        to: body?.to ?? null,
        maxBytes: body?.maxBytes ?? 0,
        via: body?.via ?? ''
      })]
    }),
    countAnswer: assign(({ context, event }) => {
      const answers = answersAt(context, event.time)
      return { answers: { ...answers, sent: answers.sent + 1 } }
    }),
    countRefusal: assign(({ context, event }) => {
      const answers = answersAt(context, event.time)
      return { answers: { ...answers, refused: answers.refused + 1 } }
    })
  }
}).createMachine({
  id: 'broadcaster',
  description: 'Announces this peer on the LAN.',
  context: ({ input }) => ({
    driver: `${input.address}#udp`,
    options: input.options,
    random: input.random,
    now: 0,
    dueAt: 0,
    begunAt: 0,
    waveAt: 0,
    sequence: 0,
    rotations: 0,
    shots: 0,
    listening: undefined,
    links: 0,
    interfaces: [],
    answers: { since: 0, sent: 0, refused: 0 },
    sent: { sequence: 0, datagrams: 0, failed: 0 }
  }),
  on: {
    Listening: { actions: 'keepListening' },
    LinksChanged: { actions: 'keepLinks' },
    InterfacesChanged: { actions: 'keepInterfaces' },
    // Who is not announced yet is announced to everybody soon.
    AnswerWanted: { actions: 'countRefusal' },
    AnnouncementSent: { actions: 'keepSent' },
    RoutineDue: [{ guard: 'toRotate', actions: 'rotate' }, { actions: 'ignore' }],
    DiscoveryStarted: { actions: 'tell' },
    Stop: '.stopped'
  },
  initial: 'waiting',
  states: {
    waiting: {
      description: 'Sockets are open, nothing is sent until discovery starts.',
      on: {
        DiscoveryStarted: [
          { guard: 'listenerKnown', target: 'announcing', actions: ['tell', 'begin'] },
          { target: 'expecting', actions: 'tell' }
        ]
      }
    },
    expecting: {
      description: 'Discovery has started; the listener has not told its port yet.',
      on: { Listening: { target: 'announcing', actions: ['keepListening', 'tell', 'begin'] } },
      after: { listenerPatience: { target: 'announcing', actions: 'beginAfterPatience' } }
    },
    announcing: {
      initial: 'bursting',
      on: {
        Listening: { guard: 'listeningElsewhere', target: '.bursting', actions: ['keepListening', 'tell'] },
        InterfacesChanged: [
          { guard: 'newInterface', target: '.bursting', actions: ['keepInterfaces', 'tell'] },
          { actions: 'keepInterfaces' }
        ],
        AnswerWanted: [
          { guard: 'mayAnswer', actions: ['countAnswer', 'answer'] },
          { guard: 'firstRefusal', target: '.bursting', actions: ['countRefusal', 'tell'] },
          { actions: 'countRefusal' }
        ]
      },
      states: {
        bursting: {
          description: 'The same announcement a few times, to one port after the other.',
          entry: ['renew', 'load'],
          initial: 'sending',
          states: {
            sending: {
              entry: ['scheduleShot', 'announce'],
              always: { guard: ({ context }) => context.shots >= context.options.burstMs.length, target: '#broadcaster.announcing.steady' },
              after: { untilDue: { target: 'sending', reenter: true, actions: 'tell' } }
            }
          },
          exit: 'unload'
        },
        steady: {
          description: 'One announcement each interval of the wave, the longer the more links there are.',
          entry: 'schedule',
          initial: 'pausing',
          on: { LinksChanged: { guard: 'fewerLinks', target: '.pausing', reenter: false, actions: ['keepLinks', 'tell', 'hasten'] } },
          states: {
            pausing: {
              after: { untilDue: { target: '#broadcaster.announcing.steady', reenter: true, actions: ['tell', 'renew', 'announce'] } }
            }
          }
        }
      }
    },
    stopped: { type: 'final' }
  }
})
