/** Counts of what a peer holds. */
export interface PeerStatus {
  readonly actors: number
  readonly drivers: number
  readonly links: number
  readonly peers: number
  readonly timers: number
  readonly queued: number
  /** Ends of actors that somebody waits for. */
  readonly watches: number
  /** Who is given messages: actors, by address and by type, and Observables of the bus that are subscribed to. */
  readonly subscriptions: number
  readonly deadLetters: number
  /** Memory of the whole process, in bytes. */
  readonly rss: number
}
