import { assign, enqueueActions, setup } from 'xstate'
import { AnswerWanted, Endpoint, Instance, OpenChannel, PeerHeard, type EventOf } from '../proto/index.ts'
import { unhex } from './hex.ts'
import { judge, merge, type Known } from './heard-peers.ts'
import { dialsFirst } from './link-rules.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { jitter } from './random.ts'
import { emptyTable, get, keys, put, remove, type Table } from './table.ts'

export interface DiscoveryChannelOptions {
  /** Ports to listen on for announcements. @default [8001, 8002, 8003] */
  readonly ports: readonly number[]
  /** Who answers new instances. @default 'broadcaster/lan' */
  readonly broadcaster: string
  /**
   * Our own PeerId: who has a lower one dials us and is answered at once, whom we dial is answered
   * later. Without it every new instance is answered at once. @default ''
   */
  readonly self: string
  /**
   * How much later, in milliseconds: our link tells them sooner, and where it cannot be made they
   * should know of us all the same. @default 500
   */
  readonly answerPatienceMs: number
  /** First wait before a port that could not be opened is tried again, doubled each time, in milliseconds. @default 1000 */
  readonly retryMs: number
  /** Longest such wait, in milliseconds. @default 60000 */
  readonly retryMaxMs: number
  /** A peer that goes on announcing the same is announced again this often at most, in milliseconds. @default 10000 */
  readonly refreshMs: number
  /** A peer not heard for so long is forgotten, in milliseconds. @default 600000, ten of the longest intervals */
  readonly forgetMs: number
  /** Peers remembered; beyond that the one heard longest ago is forgotten. @default 1024 */
  readonly peersMax: number
  /** Endpoints remembered of a peer, the latest heard first. @default 8 */
  readonly endpointsMax: number
  /** An endpoint not heard for so long is left out, in milliseconds. @default 180000, three of the longest intervals */
  readonly endpointMs: number
}

interface Context {
  readonly driver: string
  readonly options: DiscoveryChannelOptions
  readonly random: number
  /** Ports that are open. */
  readonly open: readonly number[]
  /** Tries since all ports were open. */
  readonly attempts: number
  readonly retryInMs: number
  readonly failure: { readonly code: string; readonly reason: string } | undefined
  readonly peers: Table<Known>
  /** Announcements that told nothing. */
  readonly stale: number
  readonly repeated: number
}

/** Raised by the channel itself for an answer that was put off. */
interface AnswerDue {
  readonly type: 'AnswerDue'
  readonly host: string
  readonly port: number
  readonly maxBytes: number
  readonly via: string
}

type Events = AnswerDue | EventOf<'DiscoveryStarted' | 'ChannelOpened' | 'ChannelFailed' | 'AnnouncementHeard' | 'Stop'>

const missing = ({ options, open }: Context): number[] => options.ports.filter(port => !open.includes(port))

const verdict = ({ context, event }: { context: Context; event: Events }): ReturnType<typeof judge> | undefined =>
  event.type === 'AnnouncementHeard' ? judge(get(context.peers, event.body.peerId), event, context.options) : undefined

/** What is announced about a peer. */
function heard(peerId: string, known: Known | undefined): PeerHeard {
  if (known === undefined) return new PeerHeard({ peerId })
  const { name, via, endpoints, startedAt, nonce, acceptsInbound } = known
  return new PeerHeard({
    peerId, name, via, acceptsInbound,
    endpoints: endpoints.map(({ host, port }) => new Endpoint({ host, port })),
    instance: new Instance({ startedAt, nonce: unhex(nonce) })
  })
}

/** The table with what was just heard; to make room the peer heard longest ago goes. */
function keep({ peers, options }: Context, event: Events, told: boolean): Partial<Context> {
  if (event.type !== 'AnnouncementHeard') return {}
  const { peerId } = event.body
  const known = get(peers, peerId)
  const room = known === undefined && peers.size >= options.peersMax ? remove(peers, longestUnheard(peers)) : peers
  const now = merge(known, event, options)
  return { peers: put(room, peerId, told ? { ...now, toldAt: event.time } : now) }
}

function longestUnheard(peers: Table<Known>): string {
  let oldest = ''
  let heardAt = Infinity
  for (const drawer of Object.values(peers.drawers)) for (const [peerId, known] of Object.entries(drawer)) {
    if (known.heardAt < heardAt) [oldest, heardAt] = [peerId, known.heardAt]
  }
  return oldest
}

const wanted = ({ host, port, maxBytes, via }: Omit<AnswerDue, 'type'>): AnswerWanted =>
  new AnswerWanted({ to: new Endpoint({ host, port }), maxBytes, via })

/** Hears the announcements of others on the LAN and tells what is new in them. */
export const discoveryChannelMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<DiscoveryChannelOptions>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: {
    retry: ({ context }) => context.retryInMs
  },
  guards: {
    portsMissing: ({ context }) => missing(context).length > 0,
    anyOpen: ({ context, event }) => event.type === 'ChannelFailed' && context.open.some(port => !event.body.ports.includes(port)),
    stale: args => verdict(args) === 'stale',
    repeated: args => verdict(args) === 'repeated',
    asksForAnswer: args => args.event.type === 'AnnouncementHeard' && !args.event.body.answer && verdict(args) === 'new-instance',
    worthTelling: args => verdict(args) !== 'known'
  },
  actions: {
    open: publish(({ context }) => [context.driver, new OpenChannel({ ports: missing(context) })]),
    keepOpen: assign(({ context, event }) => {
      const opened = event.type === 'ChannelOpened' ? event.body.ports : []
      const open = context.options.ports.filter(port => context.open.includes(port) || opened.includes(port))
      return open.length < context.options.ports.length ? { open } : { open, attempts: 0, failure: undefined }
    }),
    keepFailed: assign(({ context, event }) => event.type !== 'ChannelFailed' ? {} : {
      open: context.open.filter(port => !event.body.ports.includes(port)),
      failure: { code: event.body.code, reason: event.body.reason }
    }),
    backOff: assign(({ context: { options, attempts, random } }) => {
      let wait = options.retryMs
      for (let i = 0; i < attempts && wait < options.retryMaxMs; i++) wait *= 2
      const [retryInMs, next] = jitter(random, Math.min(wait, options.retryMaxMs), 20)
      return { retryInMs, random: next, attempts: attempts + 1 }
    }),
    remember: assign(({ context, event }) => keep(context, event, false)),
    rememberTold: assign(({ context, event }) => keep(context, event, true)),
    countStale: assign({ stale: ({ context }) => context.stale + 1 }),
    countRepeated: assign({ repeated: ({ context }) => context.repeated + 1 }),
    askForAnswer: enqueueActions(({ context: { options }, event, enqueue }) => {
      if (event.type !== 'AnnouncementHeard') return
      const { peerId, endpoint, source, bytes, via } = event.body
      const answer = { host: source?.host ?? '', port: source?.port ?? 0, maxBytes: bytes, via }
      const theyDial = options.self === '' || dialsFirst(peerId, options.self) || (endpoint?.port ?? 0) === 0
      if (theyDial) enqueue.emit({ type: 'publish', to: options.broadcaster, body: wanted(answer) })
      else enqueue.raise({ type: 'AnswerDue', ...answer }, { id: `answer ${peerId}`, delay: options.answerPatienceMs })
    }),
    answerNow: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'AnswerDue') enqueue.emit({ type: 'publish', to: context.options.broadcaster, body: wanted(event) })
    }),
    tell: publish(({ context, event }) => {
      const peerId = event.type === 'AnnouncementHeard' ? event.body.peerId : ''
      return ['', heard(peerId, get(context.peers, peerId))]
    }),
    tellAll: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'AnswerDue') return
      const { time } = event
      for (const peerId of keys(context.peers)) enqueue.emit({ type: 'publish', to: '', body: heard(peerId, get(context.peers, peerId)) })
      enqueue.assign({
        peers: ({ context: { peers } }) => [...keys(peers)].reduce((told, peerId) => put(told, peerId, { ...get(peers, peerId)!, toldAt: time }), peers)
      })
    })
  }
}).createMachine({
  id: 'discovery-channel',
  description: 'Hears the announcements of others on the LAN.',
  context: ({ input }) => ({
    driver: `${input.address}#udp`,
    options: input.options,
    random: input.random,
    open: [],
    attempts: 0,
    retryInMs: 0,
    failure: undefined,
    peers: emptyTable(),
    stale: 0,
    repeated: 0
  }),
  initial: 'working',
  on: { Stop: '.stopped' },
  states: {
    working: {
      type: 'parallel',
      states: {
        ports: {
          initial: 'opening',
          states: {
            opening: {
              description: 'The driver opens the ports that are not open.',
              entry: 'open',
              on: {
                ChannelOpened: { target: 'listening', actions: 'keepOpen' },
                ChannelFailed: { target: 'failed', actions: 'keepFailed' }
              }
            },
            listening: {
              description: 'At least one port is open; the others are tried again.',
              entry: 'backOff',
              on: {
                ChannelOpened: { target: 'listening', reenter: true, actions: 'keepOpen' },
                ChannelFailed: [
                  { guard: 'anyOpen', target: 'listening', reenter: true, actions: 'keepFailed' },
                  { target: 'failed', actions: 'keepFailed' }
                ]
              },
              after: { retry: { guard: 'portsMissing', actions: 'open' } }
            },
            failed: {
              description: 'No port could be opened.',
              entry: 'backOff',
              on: { ChannelOpened: { target: 'listening', actions: 'keepOpen' }, ChannelFailed: { actions: 'keepFailed' } },
              after: { retry: 'opening' }
            }
          }
        },
        discovery: {
          initial: 'held',
          states: {
            held: {
              description: 'Peers are remembered, and told once discovery starts.',
              on: {
                DiscoveryStarted: { target: 'started', actions: 'tellAll' },
                AnnouncementHeard: [
                  { guard: 'stale', actions: 'countStale' },
                  { guard: 'repeated', actions: 'countRepeated' },
                  { actions: 'remember' }
                ]
              }
            },
            started: {
              description: 'What is new is told at once, what is not ever and again.',
              on: {
                DiscoveryStarted: { actions: 'tellAll' },
                AnswerDue: { actions: 'answerNow' },
                AnnouncementHeard: [
                  { guard: 'stale', actions: 'countStale' },
                  { guard: 'repeated', actions: 'countRepeated' },
                  { guard: 'asksForAnswer', actions: ['askForAnswer', 'rememberTold', 'tell'] },
                  { guard: 'worthTelling', actions: ['rememberTold', 'tell'] },
                  { actions: 'remember' }
                ]
              }
            }
          }
        }
      }
    },
    stopped: { type: 'final' }
  }
})
