/** What both actors of the LAN are told. */
export interface LanDriverOptions {
  /** Names of the interfaces to stay on; empty for every usable one, loopback too. @default [] */
  readonly interfaces: readonly string[]
  /**
   * How often the interfaces are read, in milliseconds. Node has no event for a change, and a reading
   * takes about 0.1 ms: a network that was just joined is announced on within a second.
   * @default 1000
   */
  readonly pollMs: number
}
