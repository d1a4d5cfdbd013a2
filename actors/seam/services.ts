/** Names something that the drivers of one peer share; made when it is first asked for. */
export interface ServiceKey<T> {
  readonly name: string
  readonly create: (services: Services) => T
}

export function serviceKey<T>(name: string, create: ServiceKey<T>['create']): ServiceKey<T> {
  return { name, create }
}

/** One peer's shared things, by key: its identity, its links, its secured sockets. */
export class Services {
  readonly #made = new Map<ServiceKey<unknown>, unknown>()

  get<T>(key: ServiceKey<T>): T {
    if (!this.#made.has(key)) this.#made.set(key, key.create(this))
    return this.#made.get(key) as T
  }

  /** Puts a service in place before anyone asks, for example the identity or a simulated network. */
  provide<T>(key: ServiceKey<T>, service: T): void {
    this.#made.set(key, service)
  }
}
