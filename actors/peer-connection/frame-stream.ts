import type { SimulatedLinkFact } from '../simulated/facts.ts'
import type { FrameView } from './frame-codec.ts'

/** Numbered frames over one secured stream, in order, each kept until the other side has acknowledged it. */
export interface FrameStream {
  /** Whether the stream is held while a subscriber's promise is open; a simulation has no time of its own to wait in. */
  readonly awaits: boolean
  /** Largest frame taken, in bytes. */
  limit: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Whether more is welcome. */
  readonly ready: boolean
  /** Frames that the other side has acknowledged. */
  readonly acknowledged: number
  /** Bytes sent, or waiting, that the other side has not acknowledged. */
  readonly unacknowledged: number
  /** Bytes that the system has not taken yet. */
  readonly waiting: number
  /** Bytes kept of what arrives: a frame under way, or what is held. */
  readonly buffered: number
  /** Nothing passes any more, in either direction. */
  readonly gone: boolean
  /** Begins to read; what arrived before has waited. */
  start(): void
  /**
   * Queues a numbered frame; the body is only lent.
   * @param reserve bytes above the bound that it may use
   * @throws LinkFullError when there is no room
   */
  send(type: number, body: Uint8Array, bodyLength: number, reserve: number): void
  /** Goes on reading after the taker held the stream; never from within the call, so that its effects come first. */
  resume(): void
  /** Says that nothing more comes, after what is queued. */
  end(): void
  /** Ends as {@link end} does; what still comes is thrown away, and the taker hears only when it is gone. */
  farewell(): void
  destroy(): void
  /** Lets go of memory that a burst has left. */
  trim(): void
}

/** Whoever takes what comes by a {@link FrameStream}. */
export interface FrameTaker {
  /** False holds the stream until {@link FrameStream.resume}. */
  frame(frame: FrameView): boolean
  /** Once a chunk was read or a burst acknowledged: something passes. */
  passing(): void
  /** More is welcome again. */
  drained(): void
  /** The other side says that nothing more comes, or the stream broke; the reason is for people. */
  ended(reason: string): void
  /** Nothing passes any more; called once. */
  gone(): void
  /** What came is malformed, or taking it failed. */
  failed(error: unknown): void
}

/** What links use of the world besides their stream. */
export interface LinkWorld {
  /** Milliseconds that only go forward. */
  now(): number
  /** Calls later. Returns what cancels it. */
  after(ms: number, run: () => void): () => void
  /** Numbers that the other side cannot guess, from 0 up to but not including `limit` (1 to 2^31). */
  readonly random: { below(limit: number): number }
  /** Where a simulation hears what no message says. */
  tell?(fact: SimulatedLinkFact): void
}

export interface Place {
  readonly host: string
  readonly port: number
}

/** A stream whose other side has proved its key; nothing was read from it since. */
export interface SecuredStream {
  readonly peerId: string
  readonly linkId: string
  /** See Secured.sessionBinding. */
  readonly sessionBinding: Uint8Array
  readonly local: Place
  readonly remote: Place
  /** The address that was found by the name in `remote`; absent where an address stands there. */
  readonly found?: string | undefined
  open(taker: FrameTaker): FrameStream
}

export interface DialRequest {
  readonly to: Place
  /** Refuse any other; empty takes whoever answers. */
  readonly expectedPeerId: string
  /** The byte stream stands. */
  readonly opened: () => void
  readonly secured: (stream: SecuredStream) => void
  /** A code of docs/codes.md. */
  readonly failed: (code: string, reason: string) => void
}

/** Where a link driver's streams come from. */
export interface LinkTransport {
  readonly world: LinkWorld
  /** Exactly one of `secured` and `failed` is called, later; none once the returned function has given it up. */
  dial(request: DialRequest): () => void
  /** Takes over a caller that the listener has secured; undefined where it is gone. */
  adopt(handle: string): SecuredStream | undefined
  /** Ends all that is still open. */
  stop(): Promise<void> | void
}
