import { assign, enqueueActions, setup } from 'xstate'
import { LinksChanged, type EventOf } from '../proto/index.ts'
import { accept, closeAll, drop, ended, gone, identified, reached, settled, unspawned } from './link-admit.ts'
import { consider, isPlanned, replan } from './link-dial.ts'
import { hear, start } from './link-hear.ts'
import { follow } from './link-policy.ts'
import { linkKeeperContext, say, type LinkKeeperContext, type LinkKeeperOptions, type Turn } from './link-keeper-context.ts'
import { due, plan } from './link-plan.ts'
import { addPeer, setPeer, sweep } from './link-rows.ts'
import { fell, revoke, verifyAnew } from './link-trust.ts'
import { scoreByAcquaintance, type LinkScore } from './link-trim.ts'
import type { MachineInput, Outgoing } from './publish.ts'
import { get, keys } from './table.ts'

/** Links come in bursts: how many there are is told so long after the first of one, in milliseconds. */
const TELL_LINKS_MS = 250

/** Leaves the connections the time to say their goodbyes and to time out, within an actor's time to stop (2000 ms). */
const CLOSE_TIMEOUT_MS = 1_500
/** Things for which one peer may be protected at once: transfers, of which there are fewer, and what a host program names. */
const TAGS_MAX = 64

/** Raised by the keeper itself when a peer's timer is due. */
export interface DialDue {
  readonly type: 'DialDue'
  readonly key: string
  readonly time: number
}

/** Raised by the keeper itself when its next plan is due. */
export interface PlanDue {
  readonly type: 'PlanDue'
  readonly time: number
}

/** Raised by the keeper itself when it is time to say how many links there are. */
export interface TellLinks {
  readonly type: 'TellLinks'
  readonly time: number
}

/** The routine on which peers are forgotten that are not heard any more. */
export const DISCERN_LINKS = 'discern links'

export type LinkKeeperEvent = DialDue | PlanDue | TellLinks | EventOf<
  'PeerHeard' | 'DiscoveryStarted' | 'Listening' | 'InboundSecured' | 'DropPeer' | 'RevokeTrust' | 'VerifyPeer' | 'Stop'
  | 'PolicyChanged' | 'ProtectPeer' | 'RoutineDue' | 'TransferStarted' | 'TransferDone' | 'TransferFailed'
  | 'LinkIdentified' | 'LinkLevelReached' | 'TrustRevoked' | 'PongReceived' | 'LinkEnded' | 'SpawnFailed' | 'Terminated'
>

type EventNamed<N extends LinkKeeperEvent['type']> = Extract<LinkKeeperEvent, { type: N }>

/** An action that decides by changing a copy of the tables and naming what else is to be done. */
const deciding = (score: LinkScore) => <N extends LinkKeeperEvent['type']>(type: N, change: (turn: Turn, event: EventNamed<N>) => void) =>
  enqueueActions<LinkKeeperContext, LinkKeeperEvent, undefined, LinkKeeperEvent, never, never, never, never, Outgoing>(({ context, event, enqueue }) => {
    if (event.type !== type) return
    const turn: Turn = { book: { ...context, now: event.time }, effects: [], score }
    change(turn, event as EventNamed<N>)
    const { connected, toldConnected, telling } = turn.book
    if (connected < toldConnected) tellLinks(turn)
    else if (connected > toldConnected && !telling) {
      turn.book.telling = true
      enqueue.raise({ type: 'TellLinks', time: event.time + TELL_LINKS_MS }, { delay: TELL_LINKS_MS })
    }
    enqueue.assign(turn.book)
    for (const effect of turn.effects) {
      switch (effect.do) {
        case 'say':
          enqueue.emit({ type: 'publish', to: effect.to, body: effect.body })
          break
        case 'wake':
          enqueue.raise({ type: 'DialDue', key: effect.key, time: effect.time }, { id: `dial ${effect.key}`, delay: effect.delayMs })
          break
        case 'sleep':
          enqueue.cancel(`dial ${effect.key}`)
          break
        case 'plan':
          enqueue.cancel('plan')
          enqueue.raise({ type: 'PlanDue', time: effect.time }, { id: 'plan', delay: effect.delayMs })
      }
    }
  })

function tellLinks(turn: Turn): void {
  const { book } = turn
  if (book.connected === book.toldConnected) return
  book.toldConnected = book.connected
  say(turn, '', new LinksChanged({ links: book.connected }))
}

/** For as long as there is a tag the peer is not trimmed. */
function protect(turn: Turn, peerId: string, tag: string, release: boolean): void {
  const peer = get(turn.book.peers, peerId) ?? (release || peerId === '' ? undefined : addPeer(turn, peerId, peerId, true))
  if (peer === undefined) return
  const others = peer.tags.filter(each => each !== tag)
  if (release || others.length < TAGS_MAX) setPeer(turn, peer.key, { tags: release ? others : [...others, tag] })
}

/**
 * Knows every peer and every link: who is dialled, who is admitted, which of two links stays.
 * @param score which links are worth more, where not all can be kept
 */
export function makeLinkKeeperMachine(score: LinkScore) {
  const decide = deciding(score)
  return setup({
    types: {
      context: {} as LinkKeeperContext,
      input: {} as MachineInput<Partial<LinkKeeperOptions>>,
      events: {} as LinkKeeperEvent,
      emitted: {} as Outgoing
    },
    delays: {
      closeTimeout: CLOSE_TIMEOUT_MS
    },
    guards: {
      noLinks: ({ context }) => context.links.size === 0,
      toDiscernLinks: ({ event }) => event.type === 'RoutineDue' && event.body.name === DISCERN_LINKS
    },
    actions: {
      ignore: () => {},
      start: decide('DiscoveryStarted', turn => start(turn, keys(turn.book.peers))),
      keepListening: assign(({ event }) => event.type === 'Listening' ? { acceptsInbound: event.body.endpoints.length > 0 } : {}),
      hear: decide('PeerHeard', (turn, { body }) => hear(turn, body)),
      dialDue: decide('DialDue', (turn, { key }) => {
        const peer = setPeer(turn, key, { due: false })
        if (peer !== undefined && isPlanned(turn, peer)) due(turn, peer)
        else consider(turn, key, 'due')
      }),
      plan: decide('PlanDue', plan),
      tellLinks: decide('TellLinks', turn => {
        turn.book.telling = false
        tellLinks(turn)
      }),
      protect: decide('ProtectPeer', (turn, { body }) => protect(turn, body.peerId, body.tag, body.release)),
      keepForTransfer: decide('TransferStarted', (turn, { body }) => protect(turn, body.peerId, `transfer ${body.transferId}`, false)),
      transferDone: decide('TransferDone', (turn, { body }) => protect(turn, body.peerId, `transfer ${body.transferId}`, true)),
      transferFailed: decide('TransferFailed', (turn, { body }) => protect(turn, body.peerId, `transfer ${body.transferId}`, true)),
      sweep: decide('RoutineDue', turn => {
        sweep(turn)
        replan(turn)
      }),
      accept: decide('InboundSecured', (turn, { body, from }) => accept(turn, body, from)),
      admit: decide('LinkIdentified', (turn, { body, from }) => identified(turn, body, from)),
      climb: decide('LinkLevelReached', (turn, { body, from }) => reached(turn, body, from)),
      fall: decide('TrustRevoked', (turn, { body, from }) => fell(turn, body, from)),
      revoke: decide('RevokeTrust', (turn, { body }) => revoke(turn, body)),
      verifyAnew: decide('VerifyPeer', (turn, { body }) => verifyAnew(turn, body)),
      settle: decide('PongReceived', (turn, { body, from }) => settled(turn, body.id, from)),
      end: decide('LinkEnded', (turn, { body, from }) => ended(turn, body, from)),
      forget: decide('Terminated', (turn, { body }) => gone(turn, body.address)),
      unspawn: decide('SpawnFailed', (turn, { body }) => unspawned(turn, `${body.kind}/${body.id}`)),
      drop: decide('DropPeer', (turn, { body }) => drop(turn, body)),
      followPolicy: decide('PolicyChanged', (turn, { body }) => follow(turn, body)),
      closeAll: decide('Stop', closeAll)
    }
  }).createMachine({
    id: 'link-keeper',
    description: 'Knows every peer and every link: who is dialled, who is admitted, which of two links stays.',
    context: ({ input }) => linkKeeperContext(input),
    initial: 'open',
    on: {
      InboundSecured: { actions: 'accept' },
      LinkIdentified: { actions: 'admit' },
      LinkLevelReached: { actions: 'climb' },
      TrustRevoked: { actions: 'fall' },
      PongReceived: { actions: 'settle' },
      LinkEnded: { actions: 'end' },
      SpawnFailed: { actions: 'unspawn' },
      Terminated: { actions: 'forget' },
      TellLinks: { actions: 'tellLinks' },
      Listening: { actions: 'keepListening' },
      PolicyChanged: { actions: 'followPolicy' },
      PeerHeard: { actions: 'ignore' },
      DiscoveryStarted: { actions: 'ignore' },
      DropPeer: { actions: 'ignore' },
      RevokeTrust: { actions: 'ignore' },
      VerifyPeer: { actions: 'ignore' },
      ProtectPeer: { actions: 'protect' },
      TransferStarted: { actions: 'keepForTransfer' },
      TransferDone: { actions: 'transferDone' },
      TransferFailed: { actions: 'transferFailed' },
      RoutineDue: [{ guard: 'toDiscernLinks', actions: 'sweep' }, { actions: 'ignore' }]
    },
    states: {
      open: {
        description: 'Links are admitted.',
        initial: 'waiting',
        on: {
          PeerHeard: { actions: 'hear' },
          DropPeer: { actions: 'drop' },
          RevokeTrust: { actions: 'revoke' },
          VerifyPeer: { actions: 'verifyAnew' },
          Stop: { target: 'closing', actions: 'closeAll' }
        },
        states: {
          waiting: {
            description: 'Who is heard is remembered, nobody is dialled.',
            on: { DiscoveryStarted: { target: 'keeping', actions: 'start' } }
          },
          keeping: {
            description: 'Peers that are heard are dialled, by the one of two whose turn it is.',
            on: { DialDue: { actions: 'dialDue' }, PlanDue: { actions: 'plan' } }
          }
        }
      },
      closing: {
        description: 'The connections say goodbye.',
        always: { guard: 'noLinks', target: 'closed' },
        after: { closeTimeout: 'closed' }
      },
      closed: {
        description: 'No link is left.',
        type: 'final'
      }
    }
  })
}

/** With the score that serves where a host program brings none. */
export const linkKeeperMachine = makeLinkKeeperMachine(scoreByAcquaintance)
