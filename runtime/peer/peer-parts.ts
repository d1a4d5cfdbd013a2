import type { Observable } from 'rxjs'
import type { Policy, PolicyFacts } from '../../machines/policy.ts'
import type { LinkTable } from '../../actors/peer-connection/index.ts'
import type { Envelope, Message, MessageClass } from '../../proto/index.ts'
import type { Kernel, Report } from '../kernel/index.ts'
import type { DriverHost } from './driver-host.ts'
import type { LiveClock } from './live-clock.ts'
import type { Diagnosis } from '../doctor/diagnosis.ts'
import type { KnownAuthorities } from './authority.ts'
import type { Roster } from './roster.ts'

/** A message that another peer sent. */
export interface Received<T extends Message> {
  readonly peerId: string
  readonly body: T
}

/** Every message as it is delivered, as Observables; what a subscriber throws is reported and disturbs nobody. */
export interface BusFace {
  /** Every message of the type, announced or addressed. */
  of<T extends Message>(type: MessageClass<T>): Observable<Envelope<string, T>>
  /** Every message to the address: an actor, a driver, `peer/PEERID`, `host`, `system`. */
  to(address: string): Observable<Envelope>
  readonly all: Observable<Envelope>
}

/** What {@link createPeer} puts together. */
export interface PeerParts {
  readonly peerId: string
  readonly name: string
  readonly network: string
  readonly kernel: Kernel
  readonly clock: LiveClock
  readonly host: DriverHost
  readonly roster: Roster
  /** How it stands with a peer. */
  why(peer: string): Diagnosis
  readonly links: LinkTable
  readonly report: Report
  /** How each type that may cross a link travels. */
  readonly wire: { of(type: MessageClass): { readonly via: 'bus' | 'pump' } | undefined }
  /** Whether one of the actors accepts links, so that start() awaits it. */
  readonly listens: boolean
  readonly linkKeeper: string
  /** The policy it starts with; undefined where no actor keeps one. */
  readonly policy: Policy | undefined
  readonly facts: PolicyFacts & { readonly named: boolean }
  readonly known: KnownAuthorities
  /** Called right before logical zero. */
  open(): void
  /** Copies the log; nothing where none is written. */
  save(): Promise<string | undefined>
  /** Called when the core has stopped and every driver with it. */
  close(): Promise<void>
}
