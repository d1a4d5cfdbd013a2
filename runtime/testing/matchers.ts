import { matchesState, type StateValue } from 'xstate'
import { formatDivergence, LogCorruptError, type Divergence, type LogReader, type LogSource, type WalkStep } from '../log/index.ts'
import { replay, walk, type ReplayOptions } from './replay.ts'

/** States of an actor told in a message at most, the last ones. */
const SEEN_MAX = 12

/** What is looked for in a log; every part that is given must fit. */
export interface LogPattern {
  /** Address of the actor that took the step; `peer-connection/*` is every one of the kind. */
  readonly actor?: string
  /** Its state after the step, as `secured.basic`, or as a state value. */
  readonly state?: StateValue
  /** Type of the message. */
  readonly type?: string
  /** Address of the sender, `*` at the end as above. */
  readonly from?: string
  readonly to?: string
}

/**
 * Matchers for logs: a path, the bytes, or a log that was opened and not read yet. Options are those of replay:
 * the definitions of a host program's actors, and its messages.
 */
export interface LogMatchers<R = void> {
  /** Fresh machines do what the log says, byte for byte, to its end. */
  toReplay(options?: ReplayOptions): Promise<R>
  /** The actor comes to the state; of several, to each in turn. `kind/*` stands for any one actor of the kind. */
  toReach(actor: string, state: StateValue | readonly StateValue[], options?: ReplayOptions): R
  /** No step is such. A function may also ask for contexts, causes and times. */
  toNever(what: LogPattern | ((step: WalkStep) => boolean), options?: ReplayOptions): R
}

type Log = LogSource | LogReader
interface Verdict { readonly pass: boolean; readonly message: () => string }

/** `expect.extend(logMatchers)`, in Jest as in Vitest. */
export const logMatchers = {
  async toReplay(log: Log, options?: ReplayOptions): Promise<Verdict> {
    try {
      const { divergence, inputs, outputs } = await replay(log, options)
      if (divergence !== undefined) return fails(`expected ${nameOf(log)} to replay\n\n${formatDivergence(divergence)}`)
      return passes(`expected ${nameOf(log)} not to replay, and it does: ${inputs} inputs, and ${outputs} outputs as recorded`)
    } catch (error) {
      if (error instanceof LogCorruptError) return fails(`expected ${nameOf(log)} to replay, and it is damaged: ${error.message}`)
      throw error
    }
  },

  toReach(log: Log, actor: string, state: StateValue | readonly StateValue[], options?: ReplayOptions): Verdict {
    const states: readonly StateValue[] = Array.isArray(state) ? state as StateValue[] : [state as StateValue]
    const wanted = `${actor} to reach ${states.map(text).join(', then ')}`
    const reached = new Map<string, number>()
    const seen = new Seen()
    const steps = walk(log, options)
    for (const step of steps) {
      if (step.actor === undefined) continue
      seen.note(step, actor)
      if (!fits(step.actor, actor)) continue
      let next = reached.get(step.actor) ?? 0
      if (!matchesState(states[next]!, step.after as StateValue)) continue
      reached.set(step.actor, ++next)
      if (next < states.length) continue
      steps.close()
      return passes(`expected ${nameOf(log)} never to bring ${wanted}; ${step.actor} did:\n${describe(step)}`)
    }
    surely(steps.divergence, log)
    const most = Math.max(0, ...reached.values())
    return fails(`expected ${nameOf(log)} to bring ${wanted}\n\n${most === 0 ? '' : `of these ${text(states[most - 1]!)} came, and not ${text(states[most]!)} after it\n`}${seen.toString()}`)
  },

  toNever(log: Log, what: LogPattern | ((step: WalkStep) => boolean), options?: ReplayOptions): Verdict {
    const is = typeof what === 'function' ? what : (step: WalkStep) => matches(step, what)
    const named = typeof what === 'function' ? what.name || 'such a step' : JSON.stringify(what)
    const steps = walk(log, options)
    let count = 0
    for (const step of steps) {
      count++
      if (!is(step)) continue
      steps.close()
      return fails(`expected ${nameOf(log)} never to hold ${named}, and it does:\n${describe(step)}`)
    }
    surely(steps.divergence, log)
    return passes(`expected ${nameOf(log)} to hold ${named}, and none of its ${count} steps is that`)
  }
}

const passes = (message: string): Verdict => ({ pass: true, message: () => message })
const fails = (message: string): Verdict => ({ pass: false, message: () => message })

/** What the log shows is not known beyond the point at which the replay left it. */
function surely(divergence: Divergence | undefined, log: Log): void {
  if (divergence !== undefined) throw new Error(`${nameOf(log)} does not replay, so that it is not known what it shows\n\n${formatDivergence(divergence)}`)
}

function matches(step: WalkStep, { actor, state, type, from, to }: LogPattern): boolean {
  return (actor === undefined || (step.actor !== undefined && fits(step.actor, actor)))
    && (state === undefined || (step.after !== undefined && matchesState(state, step.after as StateValue)))
    && (type === undefined || step.type === type)
    && (from === undefined || fits(step.from, from))
    && (to === undefined || fits(step.to, to))
}

function fits(address: string, pattern: string): boolean {
  return pattern.endsWith('*') ? address.startsWith(pattern.slice(0, -1)) : address === pattern
}

/** States as a person writes them: `secured.basic`; JSON where there are several at once. */
function text(state: unknown): string {
  if (typeof state === 'string') return state
  if (typeof state !== 'object' || state === null) return String(state)
  const entries = Object.entries(state)
  return entries.length === 1 ? `${entries[0]![0]}.${text(entries[0]![1])}` : JSON.stringify(state)
}

function nameOf(log: Log): string {
  return typeof log === 'string' || log instanceof URL ? String(log) : 'the log'
}

function describe(step: WalkStep): string {
  const { kind, seq, time, from, to, type, actor, before, after, origin } = step
  const what = kind === 'message' ? `message ${seq}, ${type} from ${from} to ${to || 'all'}` : kind === 'timer' ? 'a timer' : step.restored ? 'as the log begins' : 'its start'
  const state = actor === undefined ? '' : before === undefined ? `\n  ${actor} in ${text(after)}` : `\n  ${actor} from ${text(before)} to ${text(after)}`
  return `  ${what}, at ${(time / 1000).toFixed(3)} s${origin === 0 ? '' : `, because of ${origin}`}${state}`
}

/** What was seen instead. */
class Seen {
  readonly #states = new Map<string, string[]>()
  readonly #actors = new Set<string>()

  note({ actor, time, seq, before, after }: WalkStep, wanted: string): void {
    this.#actors.add(actor!)
    if (!fits(actor!, wanted) || text(before) === text(after)) return
    const states = this.#states.get(actor!) ?? []
    states.push(`${text(after)} (${seq === 0 ? '' : `message ${seq}, `}${(time / 1000).toFixed(3)} s)`)
    this.#states.set(actor!, states)
  }

  toString(): string {
    if (this.#states.size === 0) return `there is no such actor; there are ${[...this.#actors].join(', ')}`
    return [...this.#states].map(([actor, states]) =>
      `${actor} was in\n${states.length > SEEN_MAX ? '  …\n' : ''}${states.slice(-SEEN_MAX).map(state => `  ${state}`).join('\n')}`).join('\n')
  }
}

declare global {
  namespace jest {
    interface Matchers<R, T = {}> extends LogMatchers<R> {}
  }
}

// @ts-ignore -- there is no such module in a program without Jest, as the library's own build; the declarations do no harm there
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends LogMatchers<R> {}
}
