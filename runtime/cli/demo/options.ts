/** The options of `p2pnet demo`, as commander gives them. */
export interface DemoValues {
  readonly exit?: true
  readonly json?: true
  readonly record?: string
}

/** Deadlines of the demo, in milliseconds: far beyond what each step takes on a slow, busy machine. */
export const DEADLINES = {
  /** A process starts, loads and binds its ports. */
  ready: 30_000,
  /** All three have verified each other. */
  mesh: 30_000,
  message: 10_000,
  answer: 10_000,
  file: 60_000,
  /** A peer stops in order; then it is killed. */
  stop: 15_000
} as const

/** Large enough that its progress can be seen, small enough for a temporary folder that is kept in memory. */
export const FILE_BYTES = 32 * 1024 * 1024
