import { sourceOf } from '../../actors/listener/source.ts'
import { toPlace } from '../../machines/place.ts'
import type { CallerRefused } from '../../proto/index.ts'
import type { Case } from './case.ts'
import { keep } from './note.ts'

/** Sources of which it is remembered that they were turned away, some 300 bytes a code; whoever called longest ago is forgotten first. */
const SOURCES_MAX = 256
/** A source is turned away for one reason, or for a few one after the other. */
const NOTES_MAX = 16
/** These are decided before TLS begins. */
const BEFORE_TLS: ReadonlySet<string> = new Set(['blocked-address', 'accept-rate', 'accept-rate-all'])

/** Who called and was turned away before anybody knew who it is; apart from peers, whom a flood of callers is not to displace. */
export class Strangers {
  /** By what the listener takes for one source. */
  readonly #cases = new Map<string, Case>()

  /** Addresses of the last call of each. */
  get keys(): string[] {
    return [...this.#cases.values()].map(({ key }) => key)
  }

  /** @param address as text without brackets; undefined where nobody from there was turned away since somebody from there was let in */
  at(address: string): Case | undefined {
    return this.#cases.get(sourceOf(address))
  }

  refused({ remote, code, reason, count, agoMs }: CallerRefused, time: number): void {
    const host = remote?.host ?? ''
    const source = sourceOf(host)
    const notes = this.#cases.get(source)?.notes ?? []
    this.#cases.delete(source)
    this.#cases.set(source, { key: host, name: '', notes, attempts: new Map(), startedAt: 0, toldAt: 0 })
    if (this.#cases.size > SOURCES_MAX) this.#cases.delete(this.#cases.keys().next().value!)
    keep(notes, {
      event: 'CallerRefused', state: 'refused', places: [toPlace(remote)], inbound: true, code, reason, by: 'self', rung: BEFORE_TLS.has(code) ? 'dialing' : 'securing'
    }, agoMs > 0 && agoMs < time ? time - agoMs : time, NOTES_MAX, count > 1 ? count : 1)
  }

  /** Somebody from there proved a key. */
  taken(address: string): void {
    this.#cases.delete(sourceOf(address))
  }
}
