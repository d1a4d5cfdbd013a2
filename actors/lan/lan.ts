import type { ActorSpec } from '../seam/index.ts'
import { PeerOptionError } from '../shared/option-error.ts'
import { broadcaster } from './broadcaster.ts'
import { discoveryChannel } from './discovery-channel.ts'
import { ANNOUNCE_PORTS } from './wire.ts'

export interface LanOptions {
  /** UDP ports that peers announce to and listen on, the same for all of them. @default [8001, 8002, 8003] */
  readonly ports?: readonly number[] | undefined
  /** Names of the interfaces to stay on. @default every usable one, loopback too */
  readonly interfaces?: readonly string[] | undefined
  /** How often the interfaces are looked at, in milliseconds. @default 1000 */
  readonly pollMs?: number | undefined
  /** Options of the broadcaster: how often it announces. */
  readonly broadcaster?: Partial<NonNullable<typeof broadcaster.options>> | undefined
  /** Options of the discovery channel: what it remembers and for how long. */
  readonly channel?: Partial<NonNullable<typeof discoveryChannel.options>> | undefined
}

/**
 * Peers on the local network find each other: `createPeer({ actors: [lan()] })`.
 * @throws PeerOptionError when there is no port, or one is not from 1 to 65535
 */
export function lan(options: LanOptions = {}): ActorSpec[] {
  const { ports = ANNOUNCE_PORTS, interfaces = [], pollMs = 1_000 } = options
  const bad = ports.find(port => !(Number.isInteger(port) && port >= 1 && port <= 65_535))
  if (ports.length === 0 || bad !== undefined) {
    throw new PeerOptionError(`announcement ports [${ports.join(', ')}]: give at least one, each from 1 to 65535`)
  }
  const shared = { ports, interfaces, pollMs }
  return [
    { definition: discoveryChannel, id: 'lan', options: { ...shared, ...options.channel } },
    { definition: broadcaster, id: 'lan', options: { ...shared, ...options.broadcaster } }
  ]
}
