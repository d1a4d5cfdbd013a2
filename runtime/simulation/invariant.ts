import type { SimulatedFact } from '../../actors/simulated/index.ts'
import type { Envelope } from '../../proto/index.ts'
import type { Inspection } from '../kernel/index.ts'
import type { Faults } from './faults.ts'
import type { Network } from './network.ts'
import type { SimulatedPeer } from './peer.ts'
import type { Process } from './process.ts'

/** What is wrong. */
export interface Violation {
  readonly invariant: string
  /** When it was seen, in milliseconds of the run. */
  readonly atMs: number
  readonly message: string
}

/** The network as invariants see it. */
export interface SimulationView {
  /** Milliseconds of the run. */
  readonly nowMs: number
  readonly peers: readonly SimulatedPeer[]
  readonly network: Network
  readonly faults: Faults
  /** Most links that each peer may hold. */
  readonly maxLinks: number
  /** The same where the peers keep only some links, and together one network; undefined where each keeps all it may. */
  readonly maxLanLinks: number | undefined
  /** Since when nothing goes wrong, in milliseconds of the run: since the faults ended, or from the start where there are none; undefined while things go wrong. */
  readonly calmSinceMs: number | undefined
  /** The peers that were healed, in the liveness phase. */
  readonly healed: ReadonlySet<SimulatedPeer>
  /** The peer with a PeerId. */
  peer(peerId: string): SimulatedPeer | undefined
  /** Says that the invariant does not hold; a hook may also be answered by what {@link Invariant.check} returns. */
  violated(message: string): void
}

/** What one peer holds after an ordered stop. */
export type Left = Inspection & { readonly drivers: number; readonly open: Process['open'] }

/**
 * Something that must hold however bad the network is. Only `name` is needed; what it must remember it
 * keeps itself, so give simulate() a function that makes it.
 */
export interface Invariant {
  readonly name: string
  /** Every second of the run. Returns what is wrong. */
  check?(view: SimulationView): string | undefined
  /** In the liveness phase: what is still missing. It must be nothing within the bound. */
  missing?(view: SimulationView): string | undefined
  /** Everything that drivers tell; see SimulatedFact. */
  fact?(view: SimulationView, peer: SimulatedPeer, fact: SimulatedFact): void
  /** Every envelope that comes into a peer. */
  input?(view: SimulationView, peer: SimulatedPeer, envelope: Envelope): void
  /** Every envelope that leaves a peer's core, and every announcement in it. */
  output?(view: SimulationView, peer: SimulatedPeer, envelope: Envelope): void
  lifeEnded?(view: SimulationView, peer: SimulatedPeer, how: 'stop' | 'exit' | 'power'): void
  /** A peer has stopped in order. */
  stopped?(view: SimulationView, peer: SimulatedPeer, left: Left): void
}

export type InvariantMaker = () => Invariant
