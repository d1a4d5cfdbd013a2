import { peerDirectoryDefaults, type DirectoryContext, type PeerDirectoryOptions } from '../../../machines/directory-context.ts'
import type { DirectoryRow } from '../../../machines/directory-row.ts'
import { peerDirectoryMachine } from '../../../machines/peer-directory.ts'
import { get } from '../../../machines/table.ts'
import {
  Direction, DirectoryAddress, DirectoryPage, DirectoryRecord, Endpoint, PeerClaim, PeerConnected, PeerDisconnected, PeersClaimed, PeerVerified,
  RecordsStored
} from '../../../proto/index.ts'
import { MachineRun } from '../../../runtime/testing/machine-run.ts'

/** The time since the epoch at which a run starts. */
export const WALL = 1_700_000_000_000
export const DAY = 86_400_000
export const STORE = 'peer-directory/main#store'

export const at = (host: string, port = 4_000): Endpoint => new Endpoint({ host, port })

/** A record as a store has it: verified, and seen an hour ago. */
export function record(peerId: string, change: Partial<DirectoryRecord> = {}): DirectoryRecord {
  return new DirectoryRecord({
    peerId, heardAt: WALL - 3_600_000, seenAt: WALL - 3_600_000, verifiedAt: WALL - DAY, steps: ['pings'],
    addresses: [new DirectoryAddress({ endpoint: at(`5.0.0.${peerId.length}`), via: 'link', heardAt: WALL - DAY, workedAt: WALL - DAY })], ...change
  })
}

export function claim(peerId: string, sequence: number, ...hosts: string[]): PeerClaim {
  return new PeerClaim({ peerId, sequence, expiresAt: WALL + DAY, endpoints: hosts.map(host => at(host)), record: Uint8Array.of(sequence & 255, 7) })
}

/** The directory of peer `mia`, with its driver and everybody else played by the test. */
export class DirectoryRun extends MachineRun {
  /** @param records what its store holds; null where it is not read yet */
  constructor(options: Partial<PeerDirectoryOptions> = {}, records: DirectoryRecord[] | null = []) {
    super(peerDirectoryMachine, { address: 'peer-directory/main', options: { ...peerDirectoryDefaults, peerId: 'mia', ...options } })
    if (records !== null) this.hear(new DirectoryPage({ wallTime: WALL, records, last: true, durable: true }), STORE)
  }

  row(peerId: string): DirectoryRow | undefined {
    return get((this.context as DirectoryContext).rows, peerId)
  }

  get size(): number {
    return (this.context as DirectoryContext).rows.size
  }

  /** A link to a peer that we dialled comes up and is verified. */
  link(peerId: string, host = '5.5.5.5'): this {
    this.hear(new PeerConnected({ peerId, name: peerId.toUpperCase(), remote: at(host), direction: Direction.DIRECTION_OUT }))
    this.hear(new PeerVerified({ peerId, steps: ['pings'] }))
    return this
  }

  unlink(peerId: string): this {
    this.hear(new PeerDisconnected({ peerId, code: 'lost' }))
    return this
  }

  told(source: string, ...claims: PeerClaim[]): this {
    this.hear(new PeersClaimed({ source, claims }), 'peer-exchange/main')
    return this
  }

  /** The driver has written what it was last told to. */
  stored(): this {
    this.hear(new RecordsStored({ batch: (this.context as DirectoryContext).batch }), STORE)
    return this
  }

  /** Who was offered since the last call, in order. */
  offers(): { time: number; peerId: string; via: string; hosts: string[] }[] {
    return this.take().filter(({ type }) => type === 'PeerHeard').map(({ time, body }) => {
      const { peerId, via, endpoints } = body as unknown as { peerId: string; via: string; endpoints: Endpoint[] }
      return { time, peerId, via, hosts: endpoints.map(({ host }) => host) }
    })
  }
}
