/**
 * For a class of a regular expression with the flag `u`: characters that nobody sees and that change how the text
 * around them is read. Controls, line separators, marks of direction and other format characters, lone surrogates,
 * private use. Written out, because what `\p{C}` holds grows with each Node's Unicode, and a log must replay on all.
 */
export const UNSEEN = String.raw`\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e` +
  String.raw`\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff` +
  String.raw`\u{110bd}\u{110cd}\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}\u{f0000}-\u{10ffff}`

const unseen = new RegExp(`[${UNSEEN}]`, 'gu')

/** Text from another peer, made fit for screens and logs: without {@link UNSEEN} characters, and at most `limit` long. */
export function cleanText(text: string, limit: number): string {
  return copyOf(text.slice(0, limit)).replace(unseen, '')
}

/** The same text in memory of its own: of a long one, V8 keeps all for as long as a part is kept. */
export function copyOf(text: string): string {
  return ` ${text}`.slice(1)
}

/** The bytes of a hex string; pairs that are not hex become 0. */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
