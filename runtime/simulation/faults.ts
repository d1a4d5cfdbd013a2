import type { Spread } from './random.ts'

/** How often something happens to each peer, and how long it lasts. */
export interface Trouble {
  /** Times an hour, for each peer, on average. */
  readonly perPeerHour: number
  /** How long it lasts, in milliseconds. */
  readonly ms: Spread
}

/** Everything that goes wrong in a simulated network. Chances are in percent, times in milliseconds. */
export interface Faults {
  /** Datagrams that are lost; a stream's segments come later instead, as TCP sends them again. */
  readonly lossPercent: number
  /** One way, between two machines of a subnet, in milliseconds. Another subnet is three times as far. */
  readonly delayMs: Spread
  /** Datagrams that overtake or are overtaken: they take this much longer. */
  readonly reorder: { readonly percent: number; readonly ms: Spread }
  /** Datagrams that come twice. */
  readonly duplicatePercent: number
  /** Datagrams of which bits are flipped. A stream's segment is sent again: TCP's checksum shows it. */
  readonly corruptPercent: number
  /** Of one direction of a stream, in bytes a second; 0 for no bound. */
  readonly bandwidth: number
  /** All that a machine sends is held back. */
  readonly clog: Trouble
  /** A random part of the network is cut off from the rest, as often for the network as a whole. */
  readonly partition: {
    readonly perMinute: number
    readonly ms: Spread
    /** Those that let one direction through. */
    readonly oneWayPercent: number
    /** Those that cut off a single peer; the others split the network in two at random. */
    readonly isolatePercent: number
  }
  /** An interface goes down and comes back. */
  readonly flap: Trouble
  /** A stream is reset by something on its way, for each peer. */
  readonly resetsPerPeerHour: number
  readonly clock: {
    /** Clocks run faster or slower by up to this, in parts per million. */
    readonly driftPpm: number
    /** Wall clocks are set, for each peer, as often an hour, by up to so many milliseconds either way. */
    readonly stepsPerPeerHour: number
    readonly stepMs: number
  }
  /** The process ends without a word and starts again after the time. */
  readonly crash: Trouble & {
    /** Those in which the machine loses power: what was not synced is lost, and nobody is told. */
    readonly powerPercent: number
  }
  /** The peer is stopped in order and starts again after the time. */
  readonly restart: Trouble
  /** The process stands still: SIGSTOP, or a laptop that sleeps. */
  readonly pause: Trouble
}

/** What {@link simulate} takes: any part of {@link Faults}, over a calm network. */
export type FaultOptions = { readonly [K in keyof Faults]?: Faults[K] extends object ? Partial<Faults[K]> : Faults[K] }

const never = (mean: number): Trouble => ({ perPeerHour: 0, ms: { min: mean / 10, mean, max: mean * 10 } })

/** A calm network: a LAN with nothing wrong. */
export const noFaults: Faults = {
  lossPercent: 0,
  delayMs: { min: 0.2, mean: 0.5, max: 5 },
  reorder: { percent: 0, ms: { min: 1, mean: 10, max: 100 } },
  duplicatePercent: 0,
  corruptPercent: 0,
  bandwidth: 0,
  clog: never(1_000),
  partition: { perMinute: 0, ms: { min: 1_000, mean: 8_000, max: 60_000 }, oneWayPercent: 25, isolatePercent: 50 },
  flap: never(3_000),
  resetsPerPeerHour: 0,
  clock: { driftPpm: 0, stepsPerPeerHour: 0, stepMs: 0 },
  crash: { ...never(3_000), powerPercent: 50 },
  restart: never(2_000),
  pause: never(2_000)
}

/** What `p2pnet simulate` and simulate() use where no faults are given: all of them, none overwhelming. */
export const usualFaults: Faults = {
  ...noFaults,
  lossPercent: 2,
  delayMs: { min: 0.2, mean: 3, max: 200 },
  reorder: { percent: 2, ms: { min: 1, mean: 20, max: 500 } },
  duplicatePercent: 1,
  corruptPercent: 0.5,
  bandwidth: 12_500_000,
  clog: { ...noFaults.clog, perPeerHour: 6 },
  partition: { ...noFaults.partition, perMinute: 2 },
  flap: { ...noFaults.flap, perPeerHour: 4 },
  resetsPerPeerHour: 12,
  clock: { driftPpm: 200, stepsPerPeerHour: 4, stepMs: 60_000 },
  crash: { ...noFaults.crash, perPeerHour: 6 },
  restart: { ...noFaults.restart, perPeerHour: 4 },
  pause: { ...noFaults.pause, perPeerHour: 6 }
}

/** Thrown for faults that cannot be; the message names the option and what it takes. */
export class FaultOptionError extends Error {
  override name = 'FaultOptionError'
}

/**
 * Fills in what is left out, from `base`.
 * @throws FaultOptionError for an option that there is not, or a value that it cannot have
 */
export function faultsOf(given: FaultOptions = {}, base: Faults = noFaults): Faults {
  return merged(base, given, 'faults') as Faults
}

function merged(base: object, given: unknown, path: string): object {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new FaultOptionError(`${path} is no object: it takes ${Object.keys(base).join(', ')}`)
  const result: Record<string, unknown> = { ...base }
  for (const [name, value] of Object.entries(given)) {
    const before = (base as Record<string, unknown>)[name]
    const at = `${path}.${name}`
    if (before === undefined) throw new FaultOptionError(`${path} has no '${name}': it takes ${Object.keys(base).join(', ')}`)
    if (typeof before === 'object' && before !== null) {
      result[name] = merged(before, value, at)
    } else if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER) || (/percent$/i.test(name) && value > 100)) {
      throw new FaultOptionError(`${at} is ${String(value)}: give a number from 0 ${/percent$/i.test(name) ? 'to 100' : 'up'}`)
    } else {
      result[name] = value
    }
  }
  if ('mean' in result) {
    const { min, mean, max } = result as unknown as Spread
    if (!(min <= mean && mean <= max)) throw new FaultOptionError(`${path} goes from ${min} over ${mean} to ${max}: min, mean and max must not fall`)
  }
  return result
}
