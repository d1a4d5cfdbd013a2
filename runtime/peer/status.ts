/** Counts of what a peer holds. */
export interface PeerStatus {
  readonly actors: number
  readonly drivers: number
  readonly links: number
  readonly peers: number
  readonly timers: number
  readonly queued: number
  readonly deadLetters: number
  /** Memory of the whole process, in bytes. */
  readonly rss: number
}
