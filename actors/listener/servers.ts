import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { listenErrorOf, type ListenError } from './listen-error.ts'
import { isDualStack, withoutIPv6, type Place } from './places.ts'

// Another program may have the free port of one address on the next; ten draws never all failed so.
const PORT_DRAWS = 10

export interface ServerEvents {
  readonly connection: (socket: Socket) => void
  /** A server that listened failed. */
  readonly failed: (error: ListenError) => void
}

/** TCP servers at several places on one port. */
export class Servers {
  readonly #events: ServerEvents
  readonly #servers = new Map<string, Server>()
  #port = 0

  constructor(events: ServerEvents) {
    this.#events = events
  }

  get endpoints(): { host: string; port: number }[] {
    return [...this.#servers.values()].map(server => {
      const { address, port } = server.address() as AddressInfo
      return { host: address, port }
    })
  }

  /**
   * Binds all the places, or none; port 0 takes a free one, the same for all.
   * @throws ListenError
   */
  async open(places: readonly Place[], port: number): Promise<void> {
    for (let draw = 1; ; draw += 1) {
      this.#port = port
      try {
        for (const place of places) await this.#listen(place)
        return
      } catch (error) {
        await this.close()
        const again = port === 0 && places.length > 1 && (error as ListenError).code === 'address-in-use' && draw < PORT_DRAWS
        if (!again) throw error
      }
    }
  }

  /** Binds places that came and closes those that went, on the same port; links that stand are left alone. */
  async follow(places: readonly Place[]): Promise<{ changed: boolean; failed: readonly ListenError[] }> {
    const gone = [...this.#servers.keys()].filter(host => !places.some(place => place.host === host))
    const come = places.filter(place => !this.#servers.has(place.host))
    const failed: ListenError[] = []
    for (const host of gone) this.#close(host)
    for (const place of come) await this.#listen(place).catch((error: ListenError) => failed.push(error))
    return { changed: gone.length + come.length > failed.length, failed }
  }

  /** Stops to listen. Connections that others took over stay, so this does not wait for them. */
  async close(): Promise<void> {
    if (this.#servers.size === 0) return
    for (const host of this.#servers.keys()) this.#close(host)
    // A closed handle is gone with the next turn of the loop.
    await new Promise(setImmediate)
  }

  #close(host: string): void {
    this.#servers.get(host)?.close()
    this.#servers.delete(host)
  }

  async #listen(place: Place): Promise<void> {
    try {
      this.#add(place, await listening(place, this.#port, this.#events.connection))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (!isDualStack(place) || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL')) {
        throw listenErrorOf(error as NodeJS.ErrnoException, place.host, this.#port)
      }
      try {
        this.#add(place, await listening(withoutIPv6, this.#port, this.#events.connection))
      } catch (second) {
        throw listenErrorOf(second as NodeJS.ErrnoException, withoutIPv6.host, this.#port)
      }
    }
  }

  #add(place: Place, server: Server): void {
    const { port } = server.address() as AddressInfo
    this.#port = port
    this.#servers.set(place.host, server)
    server.on('error', error => this.#events.failed(listenErrorOf(error, place.host, port)))
  }
}

function listening({ host, ipv6Only }: Place, port: number, connection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, connection)
    server.once('error', reject)
    server.listen({ host, port, ipv6Only, exclusive: true }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}
