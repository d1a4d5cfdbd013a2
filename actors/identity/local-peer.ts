import { randomBytes } from 'node:crypto'
import { serviceKey } from '../seam/services.ts'
import { hashFor } from './domain.ts'
import { Identity } from './identity.ts'
import type { NetworkKey } from './network-key.ts'

/** What a peer tells others about itself. */
export interface LocalPeer {
  readonly peerId: string
  /** For people; not unique, and anyone may take any. It may change while the peer runs. */
  name: string
  /** Peers of other networks are ignored. */
  readonly network: string
  /** Stands for the network's name on the wire; 16 bytes. */
  readonly networkTag: Uint8Array
  /** This life of the peer; a later one has a greater `startedAt` (ms since the epoch). The nonce has 8 bytes. */
  readonly instance: { readonly startedAt: number; readonly nonce: Uint8Array }
  /** Library and version, for people. */
  readonly agent: string
}

export interface LocalPeerOptions {
  /** @default the first eight letters of the PeerId */
  readonly name?: string | undefined
  /** @default 'p2pnet' */
  readonly network?: string | undefined
  /** The key of the network; networks of one name with other keys, or none, are other networks. @default none */
  readonly key?: NetworkKey | undefined
  /** @default 'p2pnet' */
  readonly agent?: string | undefined
  /** When this life began, in milliseconds since the epoch. @default now */
  readonly startedAt?: number | undefined
}

/** This peer; with the default name and network unless another is provided. */
export const LocalPeer = serviceKey<LocalPeer>('local-peer', services => localPeer(services.get(Identity)))

export function localPeer(identity: Pick<Identity, 'peerId'>, options: LocalPeerOptions = {}): LocalPeer {
  const network = options.network ?? 'p2pnet'
  return {
    peerId: identity.peerId,
    name: options.name ?? identity.peerId.slice(0, 8),
    network,
    networkTag: networkTag(network, options.key),
    instance: { startedAt: options.startedAt ?? Date.now(), nonce: randomBytes(8) },
    agent: options.agent ?? 'p2pnet'
  }
}

/**
 * 16 bytes that stand for a network's name and key; without a key anyone who knows the name can compute them. With one they
 * show who has the same key, and to others no more than that: the key has 128 random bits, which nobody can try.
 */
export function networkTag(network: string, key?: NetworkKey): Uint8Array {
  if (key !== undefined) return key.derive(`network tag, ${network}`, 16)
  return hashFor('network tag', Buffer.from(network, 'utf8')).slice(0, 16)
}
