import { assign, enqueueActions, setup } from 'xstate'
import { LinksChanged, type EventOf } from '../proto/index.ts'
import { accept, closeAll, drop, ended, gone, identified, reached, settled, unspawned } from './link-admit.ts'
import { consider } from './link-dial.ts'
import { hear, start } from './link-hear.ts'
import { linkKeeperContext, say, type LinkKeeperContext, type LinkKeeperOptions, type Turn } from './link-keeper-context.ts'
import { setPeer } from './link-rows.ts'
import type { MachineInput, Outgoing } from './publish.ts'
import { keys } from './table.ts'

/** Links come in bursts: how many there are is told so long after the first of one, in milliseconds. */
const TELL_LINKS_MS = 250

/** Leaves the connections the time to say their goodbyes and to time out, within an actor's time to stop (2000 ms). */
const CLOSE_TIMEOUT_MS = 1_500

/** Raised by the keeper itself when a peer's timer is due. */
export interface DialDue {
  readonly type: 'DialDue'
  readonly key: string
  readonly time: number
}

/** Raised by the keeper itself when it is time to say how many links there are. */
export interface TellLinks {
  readonly type: 'TellLinks'
  readonly time: number
}

export type LinkKeeperEvent = DialDue | TellLinks | EventOf<
  'PeerHeard' | 'DiscoveryStarted' | 'Listening' | 'InboundSecured' | 'DropPeer' | 'Stop'
  | 'LinkIdentified' | 'LinkLevelReached' | 'PongReceived' | 'LinkEnded' | 'SpawnFailed' | 'Terminated'
>

type EventNamed<N extends LinkKeeperEvent['type']> = Extract<LinkKeeperEvent, { type: N }>

/** An action that decides by changing a copy of the tables and naming what else is to be done. */
const decide = <N extends LinkKeeperEvent['type']>(type: N, change: (turn: Turn, event: EventNamed<N>) => void) =>
  enqueueActions<LinkKeeperContext, LinkKeeperEvent, undefined, LinkKeeperEvent, never, never, never, never, Outgoing>(({ context, event, enqueue }) => {
    if (event.type !== type) return
    const turn: Turn = { book: { ...context, now: event.time }, effects: [] }
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
      }
    }
  })

function tellLinks(turn: Turn): void {
  const { book } = turn
  if (book.connected === book.toldConnected) return
  book.toldConnected = book.connected
  say(turn, '', new LinksChanged({ links: book.connected }))
}

/** Knows every peer and every link: who is dialled, who is admitted, which of two links stays. */
export const linkKeeperMachine = setup({
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
    noLinks: ({ context }) => context.links.size === 0
  },
  actions: {
    ignore: () => {},
    start: decide('DiscoveryStarted', turn => start(turn, keys(turn.book.peers))),
    keepListening: assign(({ event }) => event.type === 'Listening' ? { acceptsInbound: event.body.endpoints.length > 0 } : {}),
    hear: decide('PeerHeard', (turn, { body }) => hear(turn, body)),
    dialDue: decide('DialDue', (turn, { key }) => {
      setPeer(turn, key, { due: false })
      consider(turn, key, 'due')
    }),
    tellLinks: decide('TellLinks', turn => {
      turn.book.telling = false
      tellLinks(turn)
    }),
    accept: decide('InboundSecured', (turn, { body, from }) => accept(turn, body, from)),
    admit: decide('LinkIdentified', (turn, { body, from }) => identified(turn, body, from)),
    climb: decide('LinkLevelReached', (turn, { body, from }) => reached(turn, body, from)),
    settle: decide('PongReceived', (turn, { body, from }) => settled(turn, body.id, from)),
    end: decide('LinkEnded', (turn, { body, from }) => ended(turn, body, from)),
    forget: decide('Terminated', (turn, { body }) => gone(turn, body.address)),
    unspawn: decide('SpawnFailed', (turn, { body }) => unspawned(turn, `${body.kind}/${body.id}`)),
    drop: decide('DropPeer', (turn, { body }) => drop(turn, body)),
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
    PongReceived: { actions: 'settle' },
    LinkEnded: { actions: 'end' },
    SpawnFailed: { actions: 'unspawn' },
    Terminated: { actions: 'forget' },
    TellLinks: { actions: 'tellLinks' },
    Listening: { actions: 'keepListening' },
    PeerHeard: { actions: 'ignore' },
    DiscoveryStarted: { actions: 'ignore' },
    DropPeer: { actions: 'ignore' }
  },
  states: {
    open: {
      description: 'Links are admitted.',
      initial: 'waiting',
      on: {
        PeerHeard: { actions: 'hear' },
        DropPeer: { actions: 'drop' },
        Stop: { target: 'closing', actions: 'closeAll' }
      },
      states: {
        waiting: {
          description: 'Who is heard is remembered, nobody is dialled.',
          on: { DiscoveryStarted: { target: 'keeping', actions: 'start' } }
        },
        keeping: {
          description: 'Peers that are heard are dialled, by the one of two whose turn it is.',
          on: { DialDue: { actions: 'dialDue' } }
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
