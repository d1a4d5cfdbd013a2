import { Disconnect, Initiator } from '../../proto/index.ts'
import { DISCONNECT } from './built-in.ts'
import type { FrameView } from './frame-codec.ts'
import { FrameMalformedError } from './frame-errors.ts'
import type { FrameStream, FrameTaker, LinkWorld, SecuredStream } from './frame-stream.ts'

/** How long a link that we broke off may take to tell the other side why, in milliseconds. */
const FAREWELL_MS = 500
/** Room above the bound for the few messages of the link itself. */
export const RESERVE_BYTES = 128 * 1024

export interface LinkEnd {
  readonly code: string
  readonly reason: string
  readonly initiator: Initiator
}

const closedByUs: LinkEnd = { code: 'closed', reason: 'closed by this side', initiator: Initiator.INITIATOR_SELF }
const closedByOther: LinkEnd = { code: 'closed', reason: 'closed by the other side', initiator: Initiator.INITIATOR_REMOTE }

/** Whoever uses a link. */
export interface LinkUser {
  /** A numbered frame, in order. False holds the stream until {@link Link.resume}. */
  arrived(frame: FrameView): boolean
  /** More is welcome again. */
  ready(): void
  /** Once a chunk was read or a burst acknowledged: something passes. */
  passing(): void
  /** The link is over; called once. */
  ended(end: LinkEnd): void
  /** Its stream is gone; called once. */
  gone(): void
  /** An exception that is nobody's fault but ours. */
  crashed(error: unknown): void
}

/** One link's life over a stream of frames: it ends once, for one reason, and says goodbye. */
export class Link implements FrameTaker {
  readonly #frames: FrameStream
  readonly #world: LinkWorld
  readonly #user: LinkUser
  #cancelEnd: (() => void) | undefined
  #closing = false
  #over = false
  /** The other side has said goodbye. */
  goodbye = false

  constructor(stream: SecuredStream, world: LinkWorld, user: LinkUser) {
    this.#world = world
    this.#user = user
    this.#frames = stream.open(this)
  }

  /** Begins to read; what arrived before has waited. */
  start(): void {
    this.#frames.start()
  }

  /** Whether nothing passes any more. */
  get over(): boolean {
    return this.#over
  }

  /** Whether it is being closed by us. */
  get closing(): boolean {
    return this.#closing
  }

  /** What it passes by. */
  get frames(): Omit<FrameStream, 'send' | 'end' | 'farewell' | 'destroy' | 'start'> {
    return this.#frames
  }

  get ready(): boolean {
    return this.#frames.ready
  }

  /** Queues a numbered frame. @throws LinkFullError */
  send(type: number, body: Uint8Array, bodyLength = body.length): void {
    if (!this.#over) this.#frames.send(type, body, bodyLength, type <= DISCONNECT ? RESERVE_BYTES : 0)
  }

  /** Writes what is queued, says that nothing more comes, and waits for the other side to do the same. */
  close(lingerMs: number): void {
    if (this.#over || this.#closing) return
    this.#closing = true
    // Who said goodbye still reads what we have sent; torn down at once, the connection would lose it.
    if (this.goodbye) return this.#finish(closedByOther, FAREWELL_MS)
    if (!(lingerMs > 0)) return this.#finish(closedByUs)
    this.#cancelEnd = this.#world.after(lingerMs, () => {
      const { waiting } = this.#frames
      this.#finish(waiting > 0 ? { ...closedByUs, reason: `closed by this side with ${waiting} bytes not written in ${lingerMs} ms` } : closedByUs)
    })
    this.#frames.end()
  }

  /** Breaks off with a peer that breaks the rules: it is told why if it listens, and not heard any more. */
  breakOff(code: string, reason: string): void {
    if (this.#over) return
    try {
      this.send(DISCONNECT, Disconnect.encode(new Disconnect({ code, reason })).finish())
    } catch {
      // Its queue is full; it does not listen.
    }
    this.#finish({ code, reason, initiator: Initiator.INITIATOR_SELF }, FAREWELL_MS)
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#over = true
    this.#cancelEnd?.()
    this.#frames.destroy()
  }

  frame(frame: FrameView): boolean {
    return this.#user.arrived(frame)
  }

  passing(): void {
    if (!this.#over) this.#user.passing()
  }

  drained(): void {
    if (!this.#over) this.#user.ready()
  }

  ended(reason: string): void {
    if (this.#over) return
    if (this.#closing) return this.#finish(closedByUs)
    if (this.goodbye) return this.#finish(closedByOther, FAREWELL_MS)
    this.#finish({ code: 'lost', reason, initiator: Initiator.INITIATOR_NETWORK })
  }

  gone(): void {
    this.#cancelEnd?.()
    this.#user.gone()
  }

  failed(error: unknown): void {
    if (error instanceof FrameMalformedError) this.breakOff('malformed', error.message)
    else this.#user.crashed(error)
  }

  #finish(end: LinkEnd, farewellMs = 0): void {
    if (this.#over) return
    this.#over = true
    this.#cancelEnd?.()
    if (farewellMs > 0 && !this.#frames.gone) {
      this.#cancelEnd = this.#world.after(farewellMs, () => this.#frames.destroy())
      this.#frames.farewell()
    } else {
      this.#frames.destroy()
    }
    this.#user.ended(end)
  }
}
