import { ownerOf } from '../kernel/address.ts'
import type { LogEntry } from './format.ts'

/** What is to be seen of a log; all that is given must hold. */
export interface EntryFilter {
  /**
   * To, from or for drivers of this actor: an address (`link-keeper/main`), one with an end that is cut
   * (`peer-connection/V1St…`), or a kind (`peer-connection`).
   */
  readonly actor?: string
  /** Names of message types, any of them. */
  readonly types?: readonly string[]
  /** Logical time from which on, in milliseconds. @default 0 */
  readonly sinceMs?: number
}

/** Whether an entry is to be seen; the end of a log always is. */
export function matches(entry: LogEntry, { actor, types, sinceMs = 0 }: EntryFilter): boolean {
  if (entry.kind !== 'input' && entry.kind !== 'output') return true
  const { time, type, from, to } = entry.envelope
  return time >= sinceMs && (types === undefined || types.includes(type)) && (actor === undefined || isFor(from, actor) || isFor(to, actor))
}

/** Whether an address is the one asked for, or belongs to it. */
export function isFor(address: string, asked: string): boolean {
  if (address === asked) return true
  const owner = ownerOf(address)
  const cut = /^(.+?)(?:…|\.\.\.)(#.*)?$/.exec(asked)
  if (cut !== null) return owner.startsWith(cut[1]!) && (cut[2] === undefined || address.endsWith(cut[2]))
  return owner === asked || owner.startsWith(`${asked}/`)
}

const UNIT_MS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Logical milliseconds of `1500`, `10s`, `2m`, `1.5h`; undefined for what is no time. */
export function parseTime(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|)$/.exec(text) ?? []
  return number === undefined ? undefined : Math.round(Number(number) * UNIT_MS[unit!]!)
}
