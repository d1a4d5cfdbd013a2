import { Endpoint, PeerRecord, SignedPeerRecord } from '../../proto/index.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../identity/index.ts'

/** What the signature of a peer record is for. */
export const PEER_RECORD_CONTEXT = 'p2pnet/1 peer record'

export const PEER_RECORD_VERSION = 1

/** Larger records are not looked at, in bytes: eight IPv6 addresses and a key take less than half. */
export const RECORD_BYTES_MAX = 1_024

/** Addresses that count of a record. */
export const ADDRESSES_MAX = 8

const NETWORK_BYTES = 16
const HOST_CHARS_MAX = 45
/** Below are the ports of common services, where nobody may have others knock. */
const PORT_MIN = 1_024

/** A record as it was received, of the right form; who signed it is not known yet. */
export interface ParsedRecord {
  /** The bytes that are signed. */
  readonly record: Uint8Array
  readonly signature: Uint8Array
  readonly network: Uint8Array
  readonly publicKey: Uint8Array
  readonly sequence: number
  readonly expiresAt: number
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
}

/** Undefined for what is no record that this version understands. */
export function parseRecord({ record, signature }: SignedPeerRecord): ParsedRecord | undefined {
  if (signature.length !== SIGNATURE_BYTES || record.length === 0 || record.length > RECORD_BYTES_MAX) return undefined
  let told: PeerRecord
  try {
    told = PeerRecord.decode(record)
  } catch {
    return undefined
  }
  const { version, network, publicKey, sequence, expiresAt } = told
  if (version !== PEER_RECORD_VERSION || network.length !== NETWORK_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return undefined
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(expiresAt) || sequence < 1) return undefined
  const addresses = told.addresses.slice(0, ADDRESSES_MAX).flatMap(endpoint => {
    const { host, port } = endpoint as Endpoint
    return host.length <= HOST_CHARS_MAX && port >= PORT_MIN && port <= 65_535 ? [{ host, port }] : []
  })
  return { record, signature, network, publicKey, sequence, expiresAt, addresses }
}
