import {
  CollectionShare, Endpoint, PeerRecord, RecordSigned, SendShare, ShareHeard, SignedPeerRecord, SignRecord, type Envelope
} from '../../proto/index.ts'
import { Identity, LocalPeer, verify } from '../identity/index.ts'
import { LinkError, Links } from '../peer-connection/index.ts'
import type { Driver, DriverContext, DriverFactory } from '../seam/index.ts'
import { Interfaces } from '../shared/interface-watcher.ts'
import type { PeerExchangeDriverOptions } from './options.ts'
import { ADDRESSES_MAX, PEER_RECORD_CONTEXT, PEER_RECORD_VERSION } from './record.ts'
import { ownAddresses } from './own-addresses.ts'
import { ShareFilter } from './share-filter.ts'

/** What the driver needs of the machine it runs on. */
export interface RecordWorld {
  /** Milliseconds on a clock that only goes forward, and since the epoch. */
  now(): number
  wallTime(): number
  /** Addresses of this machine. */
  addresses(): readonly string[]
  sign(record: Uint8Array): Uint8Array
  verify(publicKey: Uint8Array, record: Uint8Array, signature: Uint8Array): boolean
}

/** Signs this peer's record, sends shares, and hears those of others. */
export class RecordsDriver implements Driver {
  readonly #context: DriverContext<PeerExchangeDriverOptions>
  readonly #world: RecordWorld
  readonly #filter: ShareFilter
  readonly #unsubscribe: () => void
  #signed = { key: '', sequence: 0, expiresAt: 0 }

  constructor(context: DriverContext<PeerExchangeDriverOptions>, world: RecordWorld) {
    const { services, options } = context
    this.#context = context
    this.#world = world
    this.#filter = new ShareFilter({
      networkTag: services.get(LocalPeer).networkTag, publicKey: services.get(Identity).publicKey,
      maxEntries: options.maxEntries, sharesPerMinute: options.sharesPerMinute, recordMs: options.recordMs,
      now: () => world.now(), wallTime: () => world.wallTime(), verify: (...args) => world.verify(...args), count: context.count,
      ignored: peer => context.publish(peer, '')
    })
    this.#unsubscribe = services.get(Links).subscribe(CollectionShare, (peerId, message) => {
      if (!options.share || !this.#filter.admits(peerId, message.bytes.length)) return
      const claims = this.#filter.judge(peerId, message.body)
      if (claims.length > 0) context.publish(new ShareHeard({ peerId, claims }))
    })
  }

  receive({ body }: Envelope): void {
    if (body instanceof SignRecord) this.#sign(body)
    else if (body instanceof SendShare) this.#send(body)
  }

  stop(): void {
    this.#unsubscribe()
  }

  #sign({ endpoints }: SignRecord): void {
    const { services, options } = this.#context
    const wall = Math.floor(this.#world.wallTime())
    const addresses = ownAddresses(endpoints as Endpoint[], this.#world.addresses(), options.loopback).slice(0, ADDRESSES_MAX)
    const key = addresses.map(({ host, port }) => `${host} ${port}`).join('\n')
    if (key === this.#signed.key && wall < this.#signed.expiresAt - options.recordMs / 2) return
    // A clock that was set back makes no older record: a life begins later than every one before.
    const sequence = Math.max(wall, services.get(LocalPeer).instance.startedAt, this.#signed.sequence + 1)
    const expiresAt = sequence + options.recordMs
    this.#signed = { key, sequence, expiresAt }
    const told = addresses.map(address => new Endpoint(address))
    if (told.length === 0) return this.#context.publish(new RecordSigned())
    const record = PeerRecord.encode(new PeerRecord({
      version: PEER_RECORD_VERSION, network: services.get(LocalPeer).networkTag, publicKey: services.get(Identity).publicKey, sequence, expiresAt, addresses: told
    })).finish()
    this.#context.publish(new RecordSigned({
      record: SignedPeerRecord.encode(new SignedPeerRecord({ record, signature: this.#world.sign(record) })).finish(), endpoints: told
    }))
  }

  #send({ peerId, records }: SendShare): void {
    const share = new CollectionShare({ entries: records.map(bytes => SignedPeerRecord.decode(bytes)) })
    try {
      this.#context.services.get(Links).send(peerId, share)
    } catch (error) {
      // It left, is full, or does not speak of others: the next round may find it otherwise.
      if (!(error instanceof LinkError)) throw error
      this.#context.count('share-unsent')
    }
  }
}

/** Stands between the exchange and the links: keys, signatures and budgets. */
export const recordsDriver: DriverFactory<PeerExchangeDriverOptions> = context => {
  const { services, options } = context
  return new RecordsDriver(context, {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    addresses: () => {
      const found = services.get(Interfaces).read()
      return Object.entries(found).flatMap(([name, infos = []]) => options.interfaces.length === 0 || options.interfaces.includes(name) ? infos.map(({ address }) => address) : [])
    },
    sign: record => services.get(Identity).sign(PEER_RECORD_CONTEXT, record),
    verify: (publicKey, record, signature) => verify(publicKey, PEER_RECORD_CONTEXT, record, signature)
  })
}
