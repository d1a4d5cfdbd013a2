import { Endpoint } from '../proto/index.ts'

/** A place that can be dialled, as plain data: contexts hold no message instances. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** Any endpoint of a message. */
export interface EndpointLike {
  readonly host?: string | null
  readonly port?: number | null
}

/** A peer is dialled at no more places than this; js-libp2p allows 25, a LAN peer has one for each interface. */
export const MAX_PLACES = 16

export function toPlace(endpoint: EndpointLike | null | undefined): Place {
  return { host: endpoint?.host ?? '', port: endpoint?.port ?? 0 }
}

/** The place as it stands in messages. */
export function toEndpoint({ host, port }: Place): Endpoint {
  return new Endpoint({ host, port })
}

export function placeKey(place: Place): string {
  return `${place.host} ${place.port}`
}

/**
 * The known places with the newly heard ones: the newest heard first, at most {@link MAX_PLACES}.
 * Returns `known` itself where nothing new was heard.
 */
export function mergePlaces(known: readonly Place[], heard: readonly EndpointLike[]): readonly Place[] {
  let merged = known
  for (let i = Math.min(heard.length, MAX_PLACES) - 1; i >= 0; i--) {
    const { host, port } = heard[i]!
    if (!host || !port || port > 65_535) continue
    if (merged.some(place => place.host === host && place.port === port)) continue
    merged = [{ host, port }, ...merged]
  }
  return merged.length > MAX_PLACES ? merged.slice(0, MAX_PLACES) : merged
}
