import type { AnyActor, AnyStateMachine } from 'xstate'
import { linkKeeperMachine } from '../../machines/link-keeper.ts'
import type { LinkKeeperOptions, PeerRow } from '../../machines/link-keeper-context.ts'
import { get } from '../../machines/table.ts'
import {
  DiscoveryStarted, Endpoint, InboundSecured, Initiator, Instance, Level, LinkEnded, LinkIdentified, LinkLevelReached, PeerHeard, PongReceived, Terminated,
  type EventOf
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

export const KEEPER = 'link-keeper/main'
export const LISTENER = 'listener/main#tcp'
export const coverage = new TransitionCoverage(linkKeeperMachine)

/** The keeper of peer `mia`, with everybody else played by the test. */
export class KeeperRun extends MachineRun {
  constructor(options: Partial<LinkKeeperOptions> = {}, started = true, machine: AnyStateMachine = linkKeeperMachine) {
    super(machine, { address: KEEPER, options: { peerId: 'mia', network: 'aa', ...options } })
    if (machine === linkKeeperMachine) coverage.watch(this.actor as AnyActor)
    if (started) this.hear(new DiscoveryStarted())
  }

  heard(peerId: string, change: object = {}): this {
    this.hear(new PeerHeard({
      peerId, name: peerId.toUpperCase(), via: 'broadcast', endpoints: [new Endpoint({ host: `host-${peerId}`, port: 1 })],
      instance: new Instance({ startedAt: 10, nonce: Uint8Array.of(1) }), acceptsInbound: true, ...change
    }), 'discovery-channel/lan')
    return this
  }

  /** Addresses and options of the connections that were started since the last call. */
  spawned(): { address: string; options: Record<string, unknown> }[] {
    return this.take().filter(({ type }) => type === 'SpawnActor').map(({ body }) => {
      const { kind, id, options } = body as EventOf<'SpawnActor'>['body']
      return { address: `${kind}/${id}`, options: JSON.parse(options) as Record<string, unknown> }
    })
  }

  /** The address of the one connection that was started since the last call. */
  one(): string {
    const spawned = this.spawned()
    if (spawned.length !== 1) throw new Error(`${String(spawned.length)} connections were started`)
    return spawned[0]!.address
  }

  inbound(peerId: string, handle = `in-${peerId}`, host = `host-${peerId}`): string {
    this.take()
    this.hear(new InboundSecured({ handle, peerId, linkId: handle, remote: new Endpoint({ host, port: 2 }) }), LISTENER)
    return this.one()
  }

  identified(address: string, peerId: string, change: object = {}): this {
    this.hear(new LinkIdentified({
      peerId, name: peerId.toUpperCase(), instance: new Instance({ startedAt: 10, nonce: Uint8Array.of(1) }), direction: 2, linkId: address, dial: 1,
      remote: new Endpoint({ host: `host-${peerId}`, port: 1 }), ...change
    }), address)
    return this
  }

  reached(address: string, peerId: string, level: Level): this {
    this.hear(new LinkLevelReached({ peerId, level, steps: ['pings'] }), address)
    return this
  }

  /** A link up to enhanced. */
  linked(address: string, peerId: string, change: object = {}): this {
    this.identified(address, peerId, change).reached(address, peerId, Level.LEVEL_BASIC).reached(address, peerId, Level.LEVEL_ENHANCED)
    return this
  }

  ended(address: string, change: object = {}): this {
    this.hear(new LinkEnded({ code: 'lost', reason: 'broken', initiator: Initiator.INITIATOR_NETWORK, level: Level.LEVEL_ENHANCED, ...change }), address)
    return this
  }

  gone(address: string, failed = false): this {
    this.hear(new Terminated({ address, reason: 'done', failed }), 'system')
    return this
  }

  pong(address: string, id: number): this {
    this.hear(new PongReceived({ id, rttUs: 1 }), `${address}#link`)
    return this
  }

  peer(key: string): PeerRow | undefined {
    return get<PeerRow>(this.context.peers, key)
  }

  /** Type, address and code of what was published since the last call. */
  codes(): unknown[] {
    return this.take().map(({ type, to, body }) => [type, to, (body as { code?: string }).code].filter(part => part !== undefined && part !== ''))
  }
}
