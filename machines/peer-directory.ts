import { assign, enqueueActions, setup } from 'xstate'
import { DirectoryOpened, OpenDirectory, PeerSample, StoreRecords, type EventOf } from '../proto/index.ts'
import { directoryContext, type DirectoryContext, type DirectoryTurn, type PeerDirectoryOptions } from './directory-context.ts'
import { blocked, claimed, unblocked, connected, disconnected, heard, refused, verified } from './directory-hear.ts'
import { load, setOffset } from './directory-load.ts'
import { round, sample, sweep } from './directory-offer.ts'
import { toRecord } from './directory-row.ts'
import { makeRoom } from './directory-rows.ts'
import { publish, type MachineInput, type Outgoing } from './publish.ts'
import { emptyTable, get, keys, remove, rows } from './table.ts'

/** For the last write, within an actor's time to stop (2000 ms). */
const CLOSE_TIMEOUT_MS = 1_500

interface RoundDue {
  readonly type: 'RoundDue'
  readonly time: number
}

interface SweepDue {
  readonly type: 'SweepDue'
  readonly time: number
}

type Events = RoundDue | SweepDue | EventOf<
  'DirectoryPage' | 'DirectoryFailed' | 'RecordsStored' | 'DiscoveryStarted' | 'PeerHeard' | 'PeerConnected' | 'PeerVerified' | 'PeerRefused'
  | 'PeerDisconnected' | 'PeerBlocked' | 'PolicyChanged' | 'PeersClaimed' | 'SampleWanted' | 'Stop'
>
type EventNamed<N extends Events['type']> = Extract<Events, { type: N }>

type Act = Parameters<typeof enqueueActions<DirectoryContext, Events, undefined, Events, never, never, never, never, Outgoing>>[0]
const act = (run: Act) => enqueueActions<DirectoryContext, Events, undefined, Events, never, never, never, never, Outgoing>(run)

/** An action that decides by changing a copy of the tables and naming what is to be said. */
const decide = <N extends Events['type']>(type: N, change: (turn: DirectoryTurn, event: EventNamed<N>) => void) =>
  act(({ context, event, enqueue }) => {
    if (event.type !== type) return
    const turn: DirectoryTurn = { book: { ...context }, now: context.offset + event.time, says: [] }
    change(turn, event as EventNamed<N>)
    enqueue.assign(turn.book)
    for (const { to, body } of turn.says) enqueue.emit({ type: 'publish', to, body })
  })

/** Remembers peers from one run to the next, and offers them again. */
export const peerDirectoryMachine = setup({
  types: {
    context: {} as DirectoryContext,
    input: {} as MachineInput<Partial<PeerDirectoryOptions>>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  delays: {
    flush: ({ context }) => context.options.flushMs,
    closeTimeout: CLOSE_TIMEOUT_MS
  },
  guards: {
    last: ({ event }) => event.type === 'DirectoryPage' && event.body.last,
    opened: ({ context }) => context.opened,
    inFlight: ({ context }) => context.inFlight,
    hasChanges: ({ context }) => context.opened && context.changed.size > 0,
    lastAndNotKept: ({ event }) => event.type === 'DirectoryPage' && event.body.last && !event.body.durable
  },
  actions: {
    open: publish(({ context }) => [context.driver, new OpenDirectory()]),
    load: decide('DirectoryPage', (turn, { body, time }) => load(turn, body, time)),
    opened: decide('DirectoryPage', (turn, { body }) => {
      const { book, says } = turn
      sweep(turn)
      // A store of a larger bound.
      while (book.rows.size > book.options.maxPeers && makeRoom(turn, true)) continue
      if (!body.durable) book.changed = emptyTable()
      book.opened = true
      const blocked = book.tellsBlocked ? [...rows(book.rows)].flatMap(row => row.blocked ? [row.peerId] : []) : []
      says.push({ to: '', body: new DirectoryOpened({ peers: book.rows.size, durable: body.durable, blocked }) })
    }),
    fail: decide('DirectoryFailed', ({ book, says }, { body, time }) => {
      if (book.offset === 0) setOffset(book, body.wallTime, time)
      const { code, reason } = body
      Object.assign(book, { opened: true, durable: false, inFlight: false, changed: emptyTable(), failure: { code, reason } })
      says.push({ to: '', body: new DirectoryOpened({ peers: book.rows.size, durable: false, code, reason }) })
    }),
    write: act(({ context: { driver, options, changed, rows: table, batch, offset }, event, enqueue }) => {
      const now = offset + ('time' in event ? event.time : 0)
      const ids = [...keys(changed)].slice(0, options.batchMax)
      const kept = ids.flatMap(id => get(table, id) ?? [])
      enqueue.assign({ batch: batch + 1, inFlight: true, changed: ids.reduce((rest, id) => remove(rest, id), changed) })
      enqueue.emit({
        type: 'publish', to: driver,
        body: new StoreRecords({ batch: batch + 1, records: kept.map(row => toRecord(row, now)), removed: ids.filter(id => get(changed, id) === false) })
      })
    }),
    stored: assign({ inFlight: false }),
    ignore: () => {},
    hear: decide('PeerHeard', (turn, { body }) => heard(turn, body)),
    connect: decide('PeerConnected', (turn, { body }) => connected(turn, body)),
    verify: decide('PeerVerified', (turn, { body }) => verified(turn, body)),
    refuse: decide('PeerRefused', (turn, { body }) => refused(turn, body)),
    disconnect: decide('PeerDisconnected', (turn, { body }) => disconnected(turn, body)),
    block: decide('PeerBlocked', (turn, { body }) => blocked(turn, body)),
    unblock: decide('PolicyChanged', (turn, { body }) => unblocked(turn, body)),
    claim: decide('PeersClaimed', (turn, { body }) => claimed(turn, body)),
    sample: decide('SampleWanted', (turn, { body: { peerId, count }, from }) => {
      turn.says.push({ to: from, body: new PeerSample({ peerId, records: sample(turn, peerId, count) }) })
    }),
    see: decide('Stop', turn => sweep(turn)),
    startOffers: act(({ context, event, enqueue }) => {
      enqueue.assign({ atStart: context.options.offersAtStart })
      enqueue.raise({ type: 'RoundDue', time: 'time' in event ? event.time : 0 })
    }),
    round: act(({ context, event, enqueue }) => {
      if (event.type !== 'RoundDue') return
      const turn: DirectoryTurn = { book: { ...context }, now: context.offset + event.time, says: [] }
      const delay = round(turn)
      enqueue.assign(turn.book)
      for (const { to, body } of turn.says) enqueue.emit({ type: 'publish', to, body })
      enqueue.raise({ type: 'RoundDue', time: event.time + delay }, { id: 'round', delay })
    }),
    sweep: decide('SweepDue', turn => sweep(turn)),
    sweepLater: act(({ context: { options: { sweepMs } }, event, enqueue }) => {
      if ('time' in event) enqueue.raise({ type: 'SweepDue', time: event.time + sweepMs }, { id: 'sweep', delay: sweepMs })
    }),
    endTimers: act(({ enqueue }) => {
      enqueue.cancel('round')
      enqueue.cancel('sweep')
    })
  }
}).createMachine({
  id: 'peer-directory',
  description: 'Remembers peers from one run to the next, and offers them again while links are wanted.',
  context: ({ input }) => directoryContext(input),
  initial: 'working',
  on: {
    PeerHeard: { actions: 'hear' },
    PeerConnected: { actions: 'connect' },
    PeerVerified: { actions: 'verify' },
    PeerRefused: { actions: 'refuse' },
    PeerDisconnected: { actions: 'disconnect' },
    PeerBlocked: { actions: 'block' },
    PolicyChanged: { actions: 'unblock' },
    PeersClaimed: { actions: 'claim' },
    SampleWanted: { actions: 'sample' }
  },
  states: {
    working: {
      type: 'parallel',
      on: {
        SweepDue: { actions: ['sweep', 'sweepLater'] },
        Stop: { target: 'closing', actions: ['endTimers', 'see'] }
      },
      states: {
        store: {
          initial: 'opening',
          states: {
            opening: {
              description: 'The driver reads what was kept; who is heard meanwhile is remembered.',
              entry: 'open',
              on: {
                DirectoryPage: [
                  { guard: 'lastAndNotKept', target: 'memory', actions: ['load', 'opened', 'sweepLater'] },
                  { guard: 'last', target: 'idle', actions: ['load', 'opened', 'sweepLater'] },
                  { actions: 'load' }
                ],
                DirectoryFailed: { target: 'memory', actions: ['fail', 'sweepLater'] }
              }
            },
            idle: {
              description: 'The store has all that is known.',
              always: { guard: 'hasChanges', target: 'gathering' }
            },
            gathering: {
              description: 'Changes are gathered, so that many are one write.',
              after: { flush: 'writing' }
            },
            writing: {
              description: 'The driver writes; further changes wait.',
              entry: 'write',
              on: {
                RecordsStored: { target: 'idle', actions: 'stored' },
                DirectoryFailed: { target: 'memory', actions: 'fail' }
              }
            },
            memory: { description: 'Nothing is kept: there is no folder, or its store cannot be used.' }
          }
        },
        offers: {
          initial: 'held',
          states: {
            held: {
              description: 'Nobody is offered before discovery starts.',
              on: { DiscoveryStarted: 'reading' }
            },
            reading: {
              description: 'The store is not read yet.',
              on: { DiscoveryStarted: { actions: 'ignore' } },
              always: { guard: 'opened', target: 'offering' }
            },
            offering: {
              description: 'Known peers are offered to the link keeper while links are wanted.',
              entry: 'startOffers',
              on: { RoundDue: { actions: 'round' }, DiscoveryStarted: { actions: 'ignore' } }
            }
          }
        }
      }
    },
    closing: {
      description: 'The last changes are written.',
      initial: 'looking',
      on: { DirectoryPage: { actions: 'ignore' }, DirectoryFailed: 'closed', DiscoveryStarted: { actions: 'ignore' } },
      after: { closeTimeout: 'closed' },
      states: {
        looking: {
          description: 'Is there anything left to write?',
          always: [
            { guard: 'inFlight', target: 'draining' },
            { guard: 'hasChanges', target: 'draining', actions: 'write' },
            { target: '#peer-directory.closed' }
          ]
        },
        draining: {
          description: 'The driver writes.',
          on: { RecordsStored: { target: 'looking', actions: 'stored' } }
        }
      }
    },
    closed: { type: 'final' }
  }
})
