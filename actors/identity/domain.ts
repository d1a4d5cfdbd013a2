import { createHash } from 'node:crypto'

const prefix = Buffer.from('p2pnet/1\0', 'latin1')

/**
 * The bytes that are hashed or signed for one use: a fixed prefix, the context's length and text,
 * then the data. The length makes it unambiguous; the prefix keeps it apart from what else an
 * identity key signs: certificates begin with 0x30, TLS 1.3 handshakes with 64 spaces (RFC 8446, 4.4.3).
 * @throws RangeError when the context is empty or longer than 255 bytes
 */
export function separated(context: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const name = Buffer.from(context, 'utf8')
  if (name.length === 0 || name.length > 255) throw new RangeError(`a context of ${name.length} bytes: give it 1 to 255`)
  return Buffer.concat([prefix, Uint8Array.of(name.length), name, ...parts])
}

/** SHA-256 over {@link separated} bytes. */
export function hashFor(context: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return createHash('sha256').update(separated(context, ...parts)).digest()
}
