import type { EventOf } from '../proto/index.ts'
import { hex } from './hex.ts'

/** What a peer's announcements told. Times are logical milliseconds. */
export interface Known {
  readonly startedAt: number
  /** In hex. */
  readonly nonce: string
  readonly sequence: number
  readonly name: string
  readonly via: string
  readonly acceptsInbound: boolean
  /** The latest heard first. */
  readonly endpoints: readonly HeardEndpoint[]
  readonly heardAt: number
  /** When it was last announced as PeerHeard; never: -1. */
  readonly toldAt: number
}

export interface HeardEndpoint {
  readonly host: string
  readonly port: number
  readonly heardAt: number
}

export interface HearingLimits {
  readonly refreshMs: number
  readonly forgetMs: number
  readonly endpointsMax: number
  readonly endpointMs: number
}

type Heard = EventOf<'AnnouncementHeard'>

/**
 * What an announcement is to those who know this of its peer: `new-instance`, `changed` (another
 * endpoint, name or port), `due` (nothing new, but time to tell again), `known`, `repeated` (the same
 * once more), or `stale`: of an older instance, or older than what was heard of this one.
 */
export function judge(known: Known | undefined, { time, body }: Heard, limits: HearingLimits):
'new-instance' | 'changed' | 'due' | 'known' | 'repeated' | 'stale' {
  if (known === undefined || time - known.heardAt > limits.forgetMs) return 'new-instance'
  const life = compareLives(body, known)
  if (life !== 0) return life > 0 ? 'new-instance' : 'stale'
  if (body.sequence < known.sequence) return 'stale'
  const { host, port } = body.endpoint ?? { host: '', port: 0 }
  const endpoint = known.endpoints.find(each => each.host === host)
  // Copies of one announcement from ever more places would otherwise be news each time.
  const full = endpoint === undefined && known.endpoints.length >= limits.endpointsMax
  if (full && body.sequence === known.sequence) return 'repeated'
  if (port !== 0 && endpoint?.port !== port) return 'changed'
  if (body.sequence === known.sequence) return 'repeated'
  // A port is announced only where links are accepted: none on one interface says nothing about others.
  if (body.name !== known.name || (port === 0 && endpoint !== undefined)) return 'changed'
  return time - known.toldAt >= limits.refreshMs ? 'due' : 'known'
}

/** Positive where the announcement is of a newer instance; of two that began in one millisecond the greater nonce is. */
function compareLives(body: Heard['body'], known: Known): number {
  const startedAt = body.instance?.startedAt ?? 0
  if (startedAt !== known.startedAt) return startedAt - known.startedAt
  const nonce = hex(body.instance?.nonce ?? new Uint8Array())
  return nonce === known.nonce ? 0 : nonce > known.nonce ? 1 : -1
}

/** What is known of the peer with this announcement, which is not stale. */
export function merge(before: Known | undefined, heard: Heard, limits: HearingLimits): Known {
  const { time, body } = heard
  const known = judge(before, heard, limits) === 'new-instance' ? undefined : before
  const { host, port } = body.endpoint ?? { host: '', port: 0 }
  const others = (known?.endpoints ?? []).filter(each => each.host !== host && time - each.heardAt <= limits.endpointMs)
  const endpoint = { host, port, heardAt: time }
  // A newer announcement's own source is the surest; further sources of the same one come after it.
  const endpoints = port === 0 ? others : body.sequence === known?.sequence ? [...others, endpoint] : [endpoint, ...others]
  return {
    startedAt: body.instance?.startedAt ?? 0,
    nonce: hex(body.instance?.nonce ?? new Uint8Array()),
    sequence: body.sequence,
    name: body.name,
    via: known?.via ?? body.via,
    acceptsInbound: endpoints.length > 0,
    endpoints: endpoints.slice(0, limits.endpointsMax),
    heardAt: time,
    toldAt: known?.toldAt ?? -1
  }
}
