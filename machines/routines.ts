import { enqueueActions, setup } from 'xstate'
import { Routine, RoutineDue, RoutinesChanged, type EventOf } from '../proto/index.ts'
import type { MachineInput, Outgoing } from './publish.ts'

/** Something that a peer does ever and again. */
export interface RoutineOptions {
  readonly name: string
  /** Between two times, in milliseconds, at least {@link EVERY_MS_MIN}. */
  readonly everyMs: number
  /** @default true */
  readonly running?: boolean
}

export interface RoutinesOptions {
  /** @default those of the default actors */
  readonly routines: readonly RoutineOptions[]
}

/** Oftener is a task for a driver, in milliseconds. */
export const EVERY_MS_MIN = 100
/** 24 days, as far as timers reach, in milliseconds. */
export const EVERY_MS_MAX = 0x7fff_ffff
/** Those of the library are a handful. */
const ROUTINES_MAX = 256
const NAME_CHARS = 64

interface Row {
  readonly name: string
  readonly everyMs: number
  readonly running: boolean
}

interface Context {
  readonly rows: readonly Row[]
}

/** Raised by the machine itself. */
interface TimeOver {
  readonly type: 'TimeOver'
  readonly name: string
}

type Events = TimeOver | EventOf<'DiscoveryStarted' | 'SetRoutine' | 'Stop'>

const rowOf = ({ name, everyMs, running = true }: RoutineOptions): Row => ({ name, everyMs: clamp(everyMs), running })

function clamp(everyMs: number): number {
  return Math.floor(Math.min(Math.max(everyMs, EVERY_MS_MIN), EVERY_MS_MAX)) || EVERY_MS_MIN
}

const act = (what: Parameters<typeof enqueueActions<Context, Events, undefined, Events, never, never, never, never, Outgoing>>[0]) => enqueueActions(what)
type Enqueue = Parameters<Parameters<typeof act>[0]>[0]['enqueue']

const timerOf = (name: string): string => `routine ${name}`

function wind(enqueue: Enqueue, { name, everyMs, running }: Row): void {
  enqueue.cancel(timerOf(name))
  if (running) enqueue.raise({ type: 'TimeOver', name }, { id: timerOf(name), delay: everyMs })
}

/** What comes of the command; the same row where it changes nothing. */
function changed(row: Row, { everyMs, change }: EventOf<'SetRoutine'>['body']): Row {
  const next = { name: row.name, everyMs: everyMs > 0 ? clamp(everyMs) : row.everyMs, running: change === '' ? row.running : change === 'start' }
  return next.everyMs === row.everyMs && next.running === row.running ? row : next
}

const told = (rows: readonly Row[]): Outgoing => ({ type: 'publish', to: '', body: new RoutinesChanged({ routines: rows.map(row => new Routine(row)) }) })

/** What a peer does ever and again, by name; announces when it is time. */
export const routinesMachine = setup({
  types: {
    context: {} as Context,
    input: {} as MachineInput<RoutinesOptions>,
    events: {} as Events,
    emitted: {} as Outgoing
  },
  actions: {
    windAll: act(({ context, enqueue }) => {
      for (const row of context.rows) wind(enqueue, row)
    }),
    tellAll: act(({ context, enqueue }) => enqueue.emit(told(context.rows))),
    due: act(({ context, event, enqueue }) => {
      if (event.type !== 'TimeOver') return
      const row = context.rows.find(({ name }) => name === event.name)
      if (row === undefined) return
      enqueue.emit({ type: 'publish', to: '', body: new RoutineDue({ name: row.name }) })
      wind(enqueue, row)
    }),
    set: act(({ context, event, enqueue }) => {
      if (event.type !== 'SetRoutine') return
      const { name, everyMs } = event.body
      const before = context.rows.find(row => row.name === name)
      if (before === undefined && (everyMs <= 0 || name === '' || name.length > NAME_CHARS || context.rows.length >= ROUTINES_MAX)) return
      const row = changed(before ?? { name, everyMs: clamp(everyMs), running: true }, event.body)
      if (row === before) return
      const rows = before === undefined ? [...context.rows, row] : context.rows.map(each => each === before ? row : each)
      enqueue.assign({ rows })
      enqueue.emit(told(rows))
    }),
    windIt: act(({ context, event, enqueue }) => {
      const row = event.type === 'SetRoutine' ? context.rows.find(({ name }) => name === event.body.name) : undefined
      if (row !== undefined) wind(enqueue, row)
    })
  }
}).createMachine({
  id: 'routines',
  description: 'What a peer does ever and again, by name.',
  context: ({ input }) => ({ rows: input.options.routines.map(rowOf) }),
  initial: 'waiting',
  on: {
    Stop: '.stopped'
  },
  states: {
    waiting: {
      description: 'Discovery has not started: nothing is done yet.',
      entry: 'tellAll',
      on: {
        DiscoveryStarted: 'running',
        SetRoutine: { actions: 'set' }
      }
    },
    running: {
      description: 'Each routine that is not stopped is announced when it is due.',
      entry: 'windAll',
      on: {
        SetRoutine: { actions: ['set', 'windIt'] },
        TimeOver: { actions: 'due' }
      }
    },
    stopped: { type: 'final' }
  }
})
