import { SimulationOptionError } from './option-error.ts'

interface Timed {
  /** Whole milliseconds of the run. */
  readonly atMs: number
}

export interface ToOne extends Timed {
  /** Number of the peer, from 0 over all subnets of the run. */
  readonly peer: number
}

interface Lasting extends ToOne {
  /** How long it lasts, in milliseconds. */
  readonly ms: number
}

/** One thing that happens to a network. What cannot be done to a peer just then, because it is down, say, is left out. */
export type ScheduledEvent =
  /** A text message to the peer of that number, or to the next one that it is linked with. */
  | ToOne & { readonly do: 'say'; readonly to: number }
  | Lasting & { readonly do: 'clog' | 'restart' | 'pause' }
  /** An interface goes down: the one at that place, round and round, among those of the machine. */
  | Lasting & { readonly do: 'flap'; readonly nic: number }
  | Lasting & { readonly do: 'crash'; readonly power: boolean }
  /** A stream is reset: the one at that place, round and round, among those that the peer has open. */
  | ToOne & { readonly do: 'reset'; readonly stream: number }
  /** The wall clock is set, by so many milliseconds. */
  | ToOne & { readonly do: 'clock-step'; readonly byMs: number }
  /** `away` are cut off from the others; with `oneWay` they still hear them. */
  | Timed & { readonly do: 'partition'; readonly away: readonly number[]; readonly oneWay: boolean; readonly ms: number }
  /** A fault of the host program's. */
  | Lasting & { readonly do: OwnFaultName }

/** Two words with a slash between: no fault of the simulation has such a name. */
export type OwnFaultName = `${string}/${string}`

/** What an event of each kind has, besides its time. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  say: ['peer', 'to'], clog: ['peer', 'ms'], restart: ['peer', 'ms'], pause: ['peer', 'ms'], flap: ['peer', 'nic', 'ms'], crash: ['peer', 'ms'],
  reset: ['peer', 'stream'], 'clock-step': ['peer', 'byMs'], partition: ['ms']
}

/** @throws SimulationOptionError for a schedule that cannot be, with the place of the event */
export function checkSchedule(schedule: readonly ScheduledEvent[] | undefined): void {
  if (schedule === undefined) return
  if (!Array.isArray(schedule)) throw new SimulationOptionError('schedule is no list: give a list of events')
  for (const [index, event] of schedule.entries()) {
    const at = `schedule[${index}]`
    const fields = FIELDS[event?.do] ?? (String(event?.do).includes('/') ? ['peer', 'ms'] : undefined)
    if (fields === undefined) throw new SimulationOptionError(`${at} does '${String(event?.do)}': it can do ${Object.keys(FIELDS).join(', ')}`)
    for (const name of ['atMs', ...fields]) {
      const value = (event as unknown as Record<string, unknown>)[name]
      if (!Number.isSafeInteger(value) || (name !== 'byMs' && (value as number) < 0)) throw new SimulationOptionError(`${at}.${name} is ${String(value)}: give a whole number`)
    }
    if (event.do === 'partition' && !Array.isArray(event.away)) throw new SimulationOptionError(`${at}.away is no list: give the numbers of peers`)
  }
}

/** The events that concern some of a network's peers. A cut is then one of those peers alone; one of others is left out. */
export function eventsAmong(events: readonly ScheduledEvent[], among: (peer: number) => boolean): ScheduledEvent[] {
  return events.flatMap((event): ScheduledEvent[] => {
    if (event.do !== 'partition') return among(event.peer) ? [event] : []
    const away = event.away.filter(among)
    return away.length > 0 || event.away.length === 0 ? [{ ...event, away }] : []
  })
}

/** The same event of other peers: each number is higher by so many. Whom a message is for may be nobody of them; then it is for the first. */
export function numberedFrom(event: ScheduledEvent, by: number): ScheduledEvent {
  if (event.do === 'partition') return { ...event, away: event.away.map(number => number + by) }
  const peer = event.peer + by
  return event.do === 'say' ? { ...event, peer, to: Math.max(0, event.to + by) } : { ...event, peer }
}
