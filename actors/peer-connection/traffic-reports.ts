import { LinkTraffic } from '../../proto/index.ts'
import type { LinkWorld } from './frame-stream.ts'
import type { LinkOptions } from './link-options.ts'
import type { Link } from './link.ts'
import type { Outbox } from './outbox.ts'

/** While so many bytes await acknowledgement, a link is in use even if no frame is whole. */
const IN_USE_BYTES = 4096

const nothing = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }

/** Tells every now and then what has passed a link, while something does; ends a link whose other side takes nothing. */
export class TrafficReports {
  /** Messages that have come, beyond the link's own. */
  framesIn = 0
  readonly #link: Link
  readonly #outbox: Outbox
  readonly #options: LinkOptions
  readonly #world: LinkWorld
  readonly #tell: (traffic: LinkTraffic) => void
  #reported = nothing
  /** Bytes that had come when the latest ping went out. */
  #bytesInAtPing = 0
  /** Since when nothing was acknowledged although much waits, and how much had been by then. */
  #stuck = { since: 0, acknowledged: 0 }
  #cancel: (() => void) | undefined

  constructor(link: Link, outbox: Outbox, options: LinkOptions, world: LinkWorld, tell: (traffic: LinkTraffic) => void) {
    this.#link = link
    this.#outbox = outbox
    this.#options = options
    this.#world = world
    this.#tell = tell
  }

  /** A message went out. */
  passed(): void {
    this.#cancel ??= this.#world.after(this.#options.trafficEveryMs, this.#report)
  }

  /** Bytes came or were taken. */
  moved(): void {
    const { frames } = this.#link
    if (frames.unacknowledged >= IN_USE_BYTES || frames.buffered >= IN_USE_BYTES || this.framesIn > this.#reported.framesIn) this.passed()
  }

  /** A ping goes out: what comes from now on may be its answer. */
  pinged(): void {
    this.#bytesInAtPing = this.#link.frames.bytesIn
  }

  /** The link is over: tells what a report would have told later. */
  tellRest(): void {
    if (this.#cancel !== undefined) this.#report()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  readonly #report = (): void => {
    this.stop()
    const { frames } = this.#link
    const before = this.#reported
    const now = { framesIn: this.framesIn, framesOut: this.#outbox.sent, bytesIn: frames.bytesIn, bytesOut: frames.bytesOut }
    this.#reported = now
    const traffic = {
      framesIn: now.framesIn - before.framesIn,
      framesOut: now.framesOut - before.framesOut,
      bytesIn: now.bytesIn - before.bytesIn,
      bytesOut: now.bytesOut - before.bytesOut
    }
    const some = traffic.framesIn + traffic.framesOut > 0 || traffic.bytesIn + traffic.bytesOut >= IN_USE_BYTES
    const bytesInSincePing = Math.min(traffic.bytesIn, frames.bytesIn - this.#bytesInAtPing)
    if (some) this.#tell(new LinkTraffic({ ...traffic, unacknowledged: frames.unacknowledged, bytesInSincePing }))
    if (this.#link.over || this.#takesNothing()) return
    // While a lot is under way something passes, even if no report was due to frames.
    if (frames.unacknowledged >= IN_USE_BYTES) this.passed()
    else frames.trim()
  }

  /** Ends a link whose other side pins what waits for it, by taking none of it. */
  #takesNothing(): boolean {
    const { acknowledged, unacknowledged } = this.#link.frames
    const now = this.#world.now()
    if (unacknowledged < this.#options.highWaterBytes || acknowledged !== this.#stuck.acknowledged) this.#stuck = { since: now, acknowledged }
    if (now - this.#stuck.since < this.#options.stallMs) return false
    this.#link.breakOff('overloaded', `it took nothing for ${this.#options.stallMs} ms, while ${unacknowledged} bytes wait for it`)
    return true
  }
}
