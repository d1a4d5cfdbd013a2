import { assign, enqueueActions, setup } from 'xstate'
import { PeerClaim, PeersClaimed, SampleWanted, SendShare, SignRecord, type EventOf } from '../proto/index.ts'
import { meantForUs } from './address-scope.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { toEndpoint, toPlace, type Place } from './place.ts'
import { below, jitter } from './random.ts'
import { emptyTable, get, keys, put, remove, type Table } from './table.ts'

export interface PeerExchangeOptions {
  /** False neither tells of peers nor listens to what others tell. @default true */
  readonly share: boolean
  /** Where peers are remembered. @default 'peer-directory/main' */
  readonly directory: string
  /** A new link is left alone for so long, in milliseconds, at least {@link JOIN_DELAY_MS_MIN}; as much again is added by chance. @default 2000 */
  readonly joinDelayMs: number
  /** Peers told of to a new link, besides this one. @default 16 */
  readonly joinEntries: number
  /** How often peers are told of after that, ± 20 %, in milliseconds. @default 60000 */
  readonly trickleMs: number
  /** Links that are told each time, by chance. @default 3 */
  readonly trickleLinks: number
  /** Peers told of each time. @default 8 */
  readonly trickleEntries: number
  /** Takes loopback addresses from peers that are linked over loopback; for tests. @default false */
  readonly loopback: boolean
}

export const peerExchangeDefaults: PeerExchangeOptions = {
  share: true,
  directory: 'peer-directory/main',
  joinDelayMs: 2_000,
  joinEntries: 16,
  trickleMs: 60_000,
  trickleLinks: 3,
  trickleEntries: 8,
  loopback: false
}

export const JOIN_DELAY_MS_MIN = 2_000

interface Context {
  readonly driver: string
  readonly options: PeerExchangeOptions
  readonly random: number
  /** Where links are accepted. */
  readonly listening: readonly Place[]
  /** This peer's own SignedPeerRecord; empty while there is none. */
  readonly own: Uint8Array
  /** Address of the other end, by peer. */
  readonly links: Table<string>
  /** Peers that are verified, and whether they were told of others once. */
  readonly verified: Table<boolean>
}

/** Raised by the exchange itself when a link is to be told of peers. */
interface ShareDue {
  readonly type: 'ShareDue'
  readonly peerId: string
}

type Events = ShareDue | { readonly type: 'TrickleDue' } | EventOf<
  'Listening' | 'InterfacesChanged' | 'RecordSigned' | 'PeerConnected' | 'PeerVerified' | 'PeerDisconnected' | 'PeerSample' | 'ShareHeard' | 'Stop'
>

type Act = Parameters<typeof enqueueActions<Context, Events, undefined, Events, never, never, never, never, Outgoing>>[0]
const act = (run: Act) => enqueueActions<Context, Events, undefined, Events, never, never, never, never, Outgoing>(run)

/** Tells linked peers of others that were verified, and hears the same from them. */
export const peerExchangeMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<Partial<PeerExchangeOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  guards: {
    off: ({ context }) => !context.options.share
  },
  actions: {
    ignore: () => {},
    keepListening: assign(({ event }) => event.type === 'Listening' ? { listening: event.body.endpoints.map(toPlace) } : {}),
    // Its driver signs only where addresses changed or the last record grows old.
    sign: publish(({ context }) => [context.driver, new SignRecord({ endpoints: context.listening.map(toEndpoint) })]),
    // Whoever is linked learns of new addresses, as it will tell of them to others.
    keepOwn: act(({ context: { verified, options, random }, event, enqueue }) => {
      if (event.type !== 'RecordSigned') return
      enqueue.assign({ own: event.body.record })
      let next = random
      for (const peerId of keys(verified)) next = shareLater(enqueue.raise, peerId, options, next)
      enqueue.assign({ random: next })
    }),
    keepLink: assign(({ context, event }) => event.type === 'PeerConnected' ? { links: put(context.links, event.body.peerId, event.body.remote?.host ?? '') } : {}),
    greet: act(({ context: { verified, options, random }, event, enqueue }) => {
      if (event.type !== 'PeerVerified') return
      const { peerId } = event.body
      enqueue.assign({ verified: put(verified, peerId, false), random: shareLater(enqueue.raise, peerId, options, random) })
    }),
    forget: act(({ context: { links, verified }, event, enqueue }) => {
      if (event.type !== 'PeerDisconnected') return
      const { peerId } = event.body
      enqueue.cancel(`share ${peerId}`)
      enqueue.assign({ links: remove(links, peerId), verified: remove(verified, peerId) })
    }),
    askFor: act(({ context: { options, verified }, event, enqueue }) => {
      if (event.type !== 'ShareDue') return
      enqueue.assign({ verified: put(verified, event.peerId, true) })
      enqueue.emit({ type: 'publish', to: options.directory, body: new SampleWanted({ peerId: event.peerId, count: options.joinEntries }) })
    }),
    trickle: act(({ context: { options, verified, random }, enqueue }) => {
      const peers = [...keys(verified)].filter(peerId => get(verified, peerId))
      let next = random
      for (let left = Math.min(options.trickleLinks, peers.length); left > 0; left--) {
        const [at, after] = below(next, peers.length)
        next = after
        const [peerId = ''] = peers.splice(at, 1)
        enqueue.emit({ type: 'publish', to: options.directory, body: new SampleWanted({ peerId, count: options.trickleEntries }) })
      }
      enqueue.assign({ random: next })
    }),
    trickleLater: act(({ context: { options, random }, enqueue }) => {
      const [delay, next] = jitter(random, options.trickleMs, 20)
      enqueue.assign({ random: next })
      enqueue.raise({ type: 'TrickleDue' }, { id: 'trickle', delay })
    }),
    share: act(({ context: { driver, own, verified }, event, enqueue }) => {
      if (event.type !== 'PeerSample' || get(verified, event.body.peerId) === undefined) return
      const { peerId, records } = event.body
      const all = own.length === 0 ? records : [own, ...records]
      if (all.length > 0) enqueue.emit({ type: 'publish', to: driver, body: new SendShare({ peerId, records: all }) })
    }),
    // Addresses that cannot be meant for us are left out, and who has none left.
    pass: act(({ context: { options, links, verified }, event, enqueue }) => {
      if (event.type !== 'ShareHeard') return
      const { peerId: source } = event.body
      const from = get(links, source)
      if (from === undefined || get(verified, source) === undefined) return
      const claims = event.body.claims.flatMap(claim => {
        const endpoints = claim.endpoints.filter(({ host }) => meantForUs(host ?? '', from, options.loopback))
        return endpoints.length === 0 ? [] : [new PeerClaim({ ...claim, endpoints })]
      })
      if (claims.length > 0) enqueue.emit({ type: 'publish', to: options.directory, body: new PeersClaimed({ source, claims }) })
    })
  }
}).createMachine({
  id: 'peer-exchange',
  description: 'Tells linked peers of others that were verified, and hears the same from them.',
  context: ({ input }) => {
    const options = { ...peerExchangeDefaults, ...input.options }
    return {
      driver: `${input.address}#records`,
      options: { ...options, joinDelayMs: Math.max(JOIN_DELAY_MS_MIN, options.joinDelayMs) },
      random: input.random,
      listening: [],
      own: new Uint8Array(),
      links: emptyTable(),
      verified: emptyTable()
    }
  },
  initial: 'starting',
  on: { Stop: '.stopped' },
  states: {
    starting: {
      description: 'Is it wanted at all?',
      always: [{ guard: 'off', target: 'off' }, { target: 'sharing' }]
    },
    off: {
      description: 'Nothing is told and nothing is heard.',
      on: Object.fromEntries(['Listening', 'InterfacesChanged', 'PeerConnected', 'PeerVerified', 'PeerDisconnected', 'ShareHeard'].map(type => [type, { actions: 'ignore' }]))
    },
    sharing: {
      description: 'New links are told of peers once, and some links now and then.',
      entry: 'trickleLater',
      exit: enqueueActions(({ enqueue }) => { enqueue.cancel('trickle') }),
      on: {
        Listening: { actions: ['keepListening', 'sign'] },
        InterfacesChanged: { actions: 'sign' },
        RecordSigned: { actions: 'keepOwn' },
        PeerConnected: { actions: 'keepLink' },
        PeerVerified: { actions: 'greet' },
        PeerDisconnected: { actions: 'forget' },
        ShareDue: { actions: 'askFor' },
        TrickleDue: { actions: ['sign', 'trickle', 'trickleLater'] },
        PeerSample: { actions: 'share' },
        ShareHeard: { actions: 'pass' }
      }
    },
    stopped: { type: 'final' }
  }
})

/** Not all at once, and not while a link has just come up. Returns the next state of the random stream. */
function shareLater(raise: (event: ShareDue, options: { id: string; delay: number }) => void, peerId: string, { joinDelayMs }: PeerExchangeOptions, random: number): number {
  const [more, next] = below(random, joinDelayMs + 1)
  raise({ type: 'ShareDue', peerId }, { id: `share ${peerId}`, delay: joinDelayMs + more })
  return next
}
