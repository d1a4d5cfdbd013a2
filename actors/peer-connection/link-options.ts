import { peerConnectionDefaults, type PeerConnectionOptions } from '../../machines/peer-connection-context.ts'

/** What a link driver may use, as options of its connection. */
export interface LinkOptions {
  /**
   * Most bytes sent but not acknowledged, or waiting to be sent; beyond it nothing is taken. @default 16 MiB,
   * four of the largest frames: a gigabit path of 100 ms holds 12 MiB, and a hundred links that take nothing 1.6 GiB
   */
  readonly maxQueuedBytes: number
  /**
   * Bytes waiting to be sent above which senders are asked to wait. @default 1 MiB: enough to keep the socket
   * busy while a sender is woken, and a loop that ignores it runs into the bound soon
   */
  readonly highWaterBytes: number
  /**
   * Largest frame taken at the enhanced level, without its length prefix, in bytes. @default 4 MiB: a
   * chunk of a file fits with room, and as it is kept whole until it has come, each link may take that much memory
   */
  readonly maxFrameBytes: number
  /**
   * Largest frame below the enhanced level, in bytes; a part of the protocol. @default 64 KiB: Identify with a
   * thousand types fits, and who has proved nothing yet takes no more memory than that
   */
  readonly maxFrameBytesBelow: number
  /** An acknowledgement is due after so many frames, @default 64: for a stream of small ones they are lost in the noise */
  readonly ackFrames: number
  /** or so many bytes, @default 64 KiB: what a socket hands out in one read */
  readonly ackBytes: number
  /** or so many milliseconds. @default 500: it frees memory and nothing waits for it, so that it goes with another frame wherever one follows */
  readonly ackDelayMs: number
  /**
   * Pings of the other side answered a second, and at once; more are dropped and counted. @default 100,
   * many times what keep-alive and verification ask, and nothing for the processor
   */
  readonly pingsPerSecond: number
  /**
   * Messages of the other side that go over the bus, a second; each KiB beyond the first counts as one
   * more. Above it the link is read more slowly, so that nobody fills the core and its log. @default 2000,
   * a twentieth of what the core can do; hot types go by `pump`, which has no such bound
   */
  readonly busMessagesPerSecond: number
  /** Such messages taken at once. @default 4000, what two seconds allow: a link that was quiet may catch up */
  readonly busBurst: number
  /** As the connection's own option of that name. */
  readonly refusalsMax: PeerConnectionOptions['refusalsMax']
  /**
   * With more than `highWaterBytes` waiting and none of it acknowledged for so long, a link ends, in
   * milliseconds. @default 30000, several times what a stalled path takes to recover
   */
  readonly stallMs: number
  /** Milliseconds for the TLS handshake. @default 10000, as for the whole dial: it never cuts a dial short by itself */
  readonly tlsTimeoutMs: number
  /** Shortest time between two traffic reports, in milliseconds. @default 1000: logs grow by a message a second and busy link */
  readonly trafficEveryMs: number
}

/** Defaults of {@link LinkOptions}. */
export const linkDefaults: LinkOptions = {
  maxQueuedBytes: 16 * 1024 * 1024,
  highWaterBytes: 1024 * 1024,
  maxFrameBytes: 4 * 1024 * 1024,
  maxFrameBytesBelow: 64 * 1024,
  ackFrames: 64,
  ackBytes: 64 * 1024,
  ackDelayMs: 500,
  pingsPerSecond: 100,
  busMessagesPerSecond: 2_000,
  busBurst: 4_000,
  refusalsMax: peerConnectionDefaults.refusalsMax,
  stallMs: 30_000,
  tlsTimeoutMs: 10_000,
  trafficEveryMs: 1000
}
