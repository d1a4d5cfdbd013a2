import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Endpoint, InboundSecured, ListenFailed, ListenOpened, type Envelope, type EventOf } from '../../proto/index.ts'
import { codeEntry } from '../../machines/codes.ts'
import { Identity } from '../identity/index.ts'
import { LINK_KEEPER } from '../link-keeper/address.ts'
import { goodbyeFrame } from '../peer-connection/goodbye.ts'
import { BlockedAddresses, type AddressGuard } from '../policy-keeper/blocked-addresses.ts'
import { Interfaces } from '../shared/interface-watcher.ts'
import { TokenBucket, TokenBuckets } from '../shared/token-buckets.ts'
import type { Driver, DriverContext } from '../seam/index.ts'
import { handshake, LinkSecurityError, secureInbound, tlsOptions, type Secured } from '../tls/index.ts'
import { ListenError } from './listen-error.ts'
import type { TcpDriverOptions } from './options.ts'
import { PendingCallers } from './pending.ts'
import { placesOf, type Place } from './places.ts'
import { Refusals } from './refusals.ts'
import { SecuredSockets } from './secured-sockets.ts'
import { Servers } from './servers.ts'
import { plainAddress, sourceOf } from './source.ts'

/** Somebody who connected and whom no connection has taken over yet. */
interface Caller {
  readonly socket: TLSSocket
  readonly source: string
  readonly remote: { readonly host: string; readonly port: number }
  readonly local: { readonly host: string; readonly port: number }
}

/** Accepts TCP connections, secures them, and holds them until a connection takes them over. */
export class TcpDriver implements Driver {
  readonly #context: DriverContext<TcpDriverOptions>
  readonly #blocked: AddressGuard
  readonly #rate: TokenBuckets
  readonly #rateOfAll: TokenBucket
  readonly #pending: PendingCallers<Caller>
  readonly #refusals: Refusals
  readonly #servers: Servers
  // One change of the servers after the other.
  #work: Promise<void> = Promise.resolve()
  #unfollow: () => void = ignore

  constructor(context: DriverContext<TcpDriverOptions>) {
    const { options } = context
    this.#context = context
    this.#blocked = context.services.get(BlockedAddresses)
    // Its context is made now, once for all links, and not under the first of them.
    tlsOptions(context.services.get(Identity))
    this.#rate = new TokenBuckets({ burst: options.acceptBurst, perSecond: options.acceptPerSecond }, options.maxSources)
    this.#rateOfAll = new TokenBucket({ burst: options.acceptBurstAll, perSecond: options.acceptPerSecondAll }, performance.now())
    this.#pending = new PendingCallers({ total: options.maxPending, perSource: options.maxPendingPerSource }, caller => {
      context.count('pending-evicted')
      abandon(caller)
    })
    this.#refusals = new Refusals(refused => context.publish(refused, ''))
    this.#servers = new Servers({ connection: socket => this.#accept(socket), failed: error => this.#queue(() => this.#fail(error)) })
  }

  receive(envelope: Envelope): void {
    switch (envelope.type) {
      case 'ListenAt':
        return this.#queue(() => this.#listenAt((envelope as EventOf<'ListenAt'>).body))
      case 'StopListening':
        return this.#queue(() => this.#stopListening())
      case 'RejectInbound':
        return this.#reject((envelope as EventOf<'RejectInbound'>).body)
    }
  }

  async stop(): Promise<void> {
    this.#stopFollowing()
    this.#refusals.stop()
    this.#queue(() => this.#servers.close())
    const gone = [...this.#pending].map(caller => {
      const closed = new Promise(resolve => caller.socket.once('close', resolve))
      abandon(caller)
      return closed
    })
    await Promise.all([this.#work, ...gone])
  }

  // In its turn: a command before it that has not run yet would follow the interfaces.
  #stopListening(): Promise<void> {
    this.#stopFollowing()
    return this.#servers.close()
  }

  #reject({ handle, code, reason, forMs, silent }: EventOf<'RejectInbound'>['body']): void {
    this.#context.services.get(SecuredSockets).reject(handle, silent ? undefined : goodbyeFrame(code, reason, forMs))
  }

  #queue(change: () => Promise<void>): void {
    this.#work = this.#work.then(change)
  }

  async #listenAt({ hosts, port, interfaces }: EventOf<'ListenAt'>['body']): Promise<void> {
    const { signal, options, services } = this.#context
    this.#stopFollowing()
    await this.#servers.close()
    if (signal.aborted) return
    const watcher = services.get(Interfaces)
    const places = (): Place[] => placesOf(hosts, interfaces, watcher.found)
    if (interfaces.length > 0) {
      // A look that waits in the queue behind a failure, or behind another command, is out of date.
      const unfollow = watcher.listen(() => this.#queue(async () => this.#unfollow === unfollow ? this.#follow(places()) : undefined), options.interfacePollMs)
      this.#unfollow = unfollow
    }
    try {
      const first = places()
      if (first.length === 0) throw noInterface(interfaces, Object.keys(watcher.found))
      await this.#servers.open(first, port)
    } catch (error) {
      return this.#fail(error as ListenError)
    }
    if (!signal.aborted) this.#opened()
  }

  async #follow(places: readonly Place[]): Promise<void> {
    const { changed, failed } = await this.#servers.follow(places)
    // An address that is not ready yet is tried again at the next look.
    if (failed.length > 0) this.#context.count('address-not-ready', failed.length)
    if (changed) this.#opened()
  }

  #opened(): void {
    this.#context.publish(new ListenOpened({ endpoints: this.#servers.endpoints.map(endpoint => new Endpoint(endpoint)) }))
  }

  #stopFollowing(): void {
    this.#unfollow()
    this.#unfollow = ignore
  }

  async #fail(error: ListenError): Promise<void> {
    this.#stopFollowing()
    await this.#servers.close()
    this.#context.publish(new ListenFailed({ code: error.code, reason: error.message }))
  }

  #accept(raw: Socket): void {
    raw.on('error', ignore)
    const { remoteAddress, remotePort, localAddress, localPort } = raw
    if (remoteAddress === undefined || this.#context.signal.aborted) return void raw.destroy()
    const source = sourceOf(remoteAddress)
    const remote = { host: plainAddress(remoteAddress), port: remotePort ?? 0 }
    if (this.#blocked.blocks(remoteAddress)) {
      this.#context.count('blocked-address')
      this.#refusals.turnedAway(source, remote, 'blocked-address', () => `the policy here blocks ${this.#blocked.entryFor(remote.host) ?? remote.host}`)
      return void raw.resetAndDestroy()
    }
    const now = performance.now()
    const excess = !this.#rate.take(source, now) ? 'accept-rate' : !this.#rateOfAll.take(now) ? 'accept-rate-all' : undefined
    if (excess !== undefined) {
      this.#context.count(excess)
      this.#refusals.turnedAway(source, remote, excess, () => codeEntry(excess).means)
      // A reset tells the caller at once and leaves nothing waiting here.
      return void raw.resetAndDestroy()
    }
    const caller: Caller = {
      socket: secureInbound(raw, this.#context.services.get(Identity)),
      source,
      remote,
      local: { host: plainAddress(localAddress ?? ''), port: localPort ?? 0 }
    }
    const leave = (): void => this.#pending.remove(source, caller)
    caller.socket.once('close', leave)
    this.#pending.add(source, caller)
    handshake(caller.socket, { timeoutMs: this.#context.options.handshakeTimeoutMs }).then(
      secured => this.#secured(caller, secured, leave),
      (error: LinkSecurityError) => {
        if (error.code === 'aborted') return
        this.#context.count(`handshake-${error.code}`)
        // Who hangs up was not turned away: one of two that dial each other does so in the course of things.
        if (error.code !== 'closed') this.#refusals.turnedAway(source, remote, error.code, () => error.message)
      }
    )
  }

  #secured({ socket, local, remote }: Caller, secured: Secured, leave: () => void): void {
    const { services, signal, options } = this.#context
    if (signal.aborted || socket.destroyed) return void socket.destroy()
    const handle = services.get(SecuredSockets).put({ ...secured, socket, local, remote }, {
      adoptWithinMs: options.adoptTimeoutMs,
      left: how => {
        // Who is refused counts until it has read why.
        if (how === 'rejected') return
        socket.off('close', leave)
        leave()
        if (how === 'expired') this.#context.count('adopt-timeout')
      }
    })
    this.#context.publish(new InboundSecured({ handle, peerId: secured.peerId, linkId: secured.linkId, remote: new Endpoint(remote) }), LINK_KEEPER)
  }
}

function ignore(): void {}

function abandon({ socket }: Caller): void {
  socket.destroy(new LinkSecurityError('aborted', 'the listener gave the caller up'))
}

function noInterface(wanted: readonly string[], there: readonly string[]): ListenError {
  return new ListenError('no-interface', `no interface named ${wanted.join(' or ')} has an address; there are: ${there.join(', ') || 'none'}`)
}
