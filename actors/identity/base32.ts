const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Lowercase base32 without padding (RFC 4648, section 6). */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[held >>> bits]
      held &= (1 << bits) - 1
    }
  }
  return bits > 0 ? text + alphabet[held << (5 - bits)] : text
}

/** Bytes of lowercase base32 without padding; undefined where the text is none, or not the shortest form. */
export function fromBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let held = 0
  let bits = 0
  let at = 0
  for (const letter of text) {
    const value = alphabet.indexOf(letter)
    if (value < 0) return undefined
    held = (held << 5) | value
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = held >>> bits
      held &= (1 << bits) - 1
    }
  }
  return held === 0 && bits < 5 ? bytes : undefined
}
