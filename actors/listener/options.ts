import type { ListenerMachineOptions } from '../../machines/listener.ts'

/** Limits of the accept path: fixed rules, which hold whatever state the peer is in. */
export interface TcpDriverOptions {
  /**
   * Callers that may be on their way at once, from accept until a connection takes them over. One costs 50 KiB,
   * and 200 KiB with the longest ClientHello that OpenSSL takes, so this is 12 to 50 MiB; a core does some
   * 900 handshakes a second, so honest ones leave in time.
   * @default 256
   */
  readonly maxPending: number
  /** The same for one source. A quarter: many peers may share an address, but none should fill the house. @default 64 */
  readonly maxPendingPerSource: number
  /**
   * Connections a second from one source in the long run, measured by a token bucket. A peer needs one link;
   * this leaves room for twenty behind one address, each dialling every second. @default 20
   */
  readonly acceptPerSecond: number
  /** Connections from one source at once: a hundred peers on one host start together. @default 128 */
  readonly acceptBurst: number
  /**
   * Connections a second from all sources together, by a bucket that is asked once the source's own has let one pass: whoever
   * has many addresses, as anyone with IPv6 has, is held by this alone. A core does some 900 handshakes a second; this leaves
   * three quarters of it for the links that stand. @default 200
   */
  readonly acceptPerSecondAll: number
  /** Connections from all sources at once: twice as many as may be on their way, for a network whose peers all start together. @default 512 */
  readonly acceptBurstAll: number
  /** Sources whose rate is remembered, about 100 bytes each. @default 4096 */
  readonly maxSources: number
  /** From accept to the end of the TLS handshake, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs: number
  /** From there until a connection takes the socket over, in milliseconds. @default 10000 */
  readonly adoptTimeoutMs: number
  /**
   * Milliseconds between readings of the named interfaces, unless LAN discovery, which shares them, has its own
   * period. Node has no event for a change; a reading takes 50 µs, and it is sooner than a person expects. @default 2000
   */
  readonly interfacePollMs: number
}

export interface ListenerOptions extends ListenerMachineOptions, TcpDriverOptions {}
