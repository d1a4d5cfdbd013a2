import { Announcement, Instance, SignedAnnouncement, Transport } from '../../proto/index.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type Identity, type LocalPeer } from '../identity/index.ts'
import { ANNOUNCEMENT_BYTES, ANNOUNCEMENT_CONTEXT, ANNOUNCEMENT_VERSION, NAME_MAX_BYTES, PORT_MIN } from './wire.ts'

/** What changes from one announcement of a peer to the next. */
export interface AnnouncementFields {
  readonly sequence: number
  /** Port on which links are accepted; 0 for none. */
  readonly port: number
  readonly answer: boolean
  readonly transport: Transport
}

/** Writes this peer's announcements; a signature is made once and used for every copy. */
export class AnnouncementWriter {
  readonly #identity: Identity
  readonly #local: LocalPeer
  readonly #signed = new Map<string, { announcement: Uint8Array; signature: Uint8Array }>()
  #sequence = -1

  constructor(identity: Identity, local: LocalPeer) {
    this.#identity = identity
    this.#local = local
  }

  /** A datagram of 256 bytes. */
  announcement(fields: Omit<AnnouncementFields, 'answer'>): Uint8Array {
    const { transport } = fields
    const signed = this.#sign(fields.sequence, fields.port, false, cut(this.#local.name))
    const bare = SignedAnnouncement.encode(new SignedAnnouncement({ ...signed, transport })).finish()
    // Two bytes and a length of one or two come with the field itself.
    const room = ANNOUNCEMENT_BYTES - bare.length
    const padding = new Uint8Array(Math.max(0, room - (room > 129 ? 3 : 2)))
    return SignedAnnouncement.encode(new SignedAnnouncement({ ...signed, transport, padding })).finish()
  }

  /** A datagram of at most `maxBytes`, without the name if need be; undefined where even that is too large. */
  answer(fields: Omit<AnnouncementFields, 'answer'>, maxBytes: number): Uint8Array | undefined {
    for (const name of [cut(this.#local.name), '']) {
      const signed = this.#sign(fields.sequence, fields.port, true, name)
      const bytes = SignedAnnouncement.encode(new SignedAnnouncement({ ...signed, transport: fields.transport })).finish()
      if (bytes.length <= maxBytes) return bytes
    }
    return undefined
  }

  #sign(sequence: number, port: number, answer: boolean, name: string): { announcement: Uint8Array; signature: Uint8Array } {
    if (sequence !== this.#sequence) this.#signed.clear()
    this.#sequence = sequence
    const key = `${port} ${answer} ${name === ''}`
    let signed = this.#signed.get(key)
    if (signed === undefined) {
      const { networkTag, instance } = this.#local
      const announcement = Announcement.encode(new Announcement({
        version: ANNOUNCEMENT_VERSION,
        network: networkTag,
        publicKey: this.#identity.publicKey,
        instance: new Instance(instance),
        sequence, port, name, answer
      })).finish()
      this.#signed.set(key, signed = { announcement, signature: this.#identity.sign(ANNOUNCEMENT_CONTEXT, announcement) })
    }
    return signed
  }
}

/** An announcement as it was received, of the right form; who signed it is not known yet. */
export interface ParsedAnnouncement {
  /** The bytes that are signed, within the datagram. */
  readonly announcement: Uint8Array
  readonly signature: Uint8Array
  readonly transport: Transport
  readonly network: Uint8Array
  readonly publicKey: Uint8Array
  readonly startedAt: number
  readonly nonce: Uint8Array
  readonly sequence: number
  readonly port: number
  readonly name: string
  readonly answer: boolean
}

const NETWORK_BYTES = 16
const NONCE_BYTES = 8

/** `malformed`, `version` or `port` where the datagram is no announcement that this version understands. */
export function parseAnnouncement(datagram: Uint8Array): ParsedAnnouncement | 'malformed' | 'version' | 'port' {
  let signed: SignedAnnouncement
  let told: Announcement
  try {
    signed = SignedAnnouncement.decode(datagram)
    if (signed.signature.length !== SIGNATURE_BYTES || signed.announcement.length === 0) return 'malformed'
    told = Announcement.decode(signed.announcement)
  } catch {
    return 'malformed'
  }
  // Before all else: another version may mean something else by the other fields.
  if (told.version !== ANNOUNCEMENT_VERSION) return 'version'
  const { startedAt, nonce } = told.instance ?? { startedAt: -1, nonce: new Uint8Array() }
  const formed = told.network.length === NETWORK_BYTES && told.publicKey.length === PUBLIC_KEY_BYTES
    && nonce.length === NONCE_BYTES && Number.isSafeInteger(startedAt) && startedAt >= 0
    && Buffer.byteLength(told.name) <= NAME_MAX_BYTES
  if (!formed) return 'malformed'
  if (told.port !== 0 && (told.port < PORT_MIN || told.port > 65_535)) return 'port'
  return {
    announcement: signed.announcement, signature: signed.signature, transport: signed.transport,
    network: told.network, publicKey: told.publicKey, startedAt, nonce,
    sequence: told.sequence, port: told.port, name: printable(told.name), answer: told.answer
  }
}

/** A name ends on terminals: nothing in it may move a cursor or turn the direction of writing. */
function printable(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** At most 64 bytes, of whole characters. */
function cut(name: string): string {
  let text = ''
  let bytes = 0
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > NAME_MAX_BYTES) break
    text += character
  }
  return text
}
