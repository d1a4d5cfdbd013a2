import { randomBytes } from 'node:crypto'
import { serviceKey } from '../seam/services.ts'
import { hashFor } from './domain.ts'
import { Identity } from './identity.ts'

/** What a peer tells others about itself. */
export interface LocalPeer {
  readonly peerId: string
  /** For people; not unique, and anyone may take any. */
  readonly name: string
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
    networkTag: networkTag(network),
    instance: { startedAt: options.startedAt ?? Date.now(), nonce: randomBytes(8) },
    agent: options.agent ?? 'p2pnet'
  }
}

/** 16 bytes that stand for a network's name; anyone who knows the name can compute them. */
export function networkTag(network: string): Uint8Array {
  return hashFor('network tag', Buffer.from(network, 'utf8')).slice(0, 16)
}
