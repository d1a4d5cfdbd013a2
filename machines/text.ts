/**
 * Text from another peer, made fit for screens and logs: no control, format or lone surrogate
 * characters, and at most `limit` characters.
 */
export function cleanText(text: string, limit: number): string {
  return text.slice(0, limit).replace(/\p{C}/gu, '')
}

/** The bytes of a hex string; pairs that are not hex become 0. */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
