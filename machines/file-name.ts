import { copyOf, UNSEEN } from './text.ts'

/** Longest file name, in bytes of UTF-8: ext4, APFS and NTFS take 255; the rest is room for ` (999)`. */
const NAME_BYTES_MAX = 200
/** Longest extension that survives when a name is cut, in bytes. */
const EXTENSION_BYTES_MAX = 20

/** What no system takes in a name, and what could make a name look like another. */
const FOREIGN = new RegExp(`[${UNSEEN}<>:"|?*\\\\/]`, 'gu')
/** Names that Windows keeps for devices. */
const DEVICE = /^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\.|$)/i

/**
 * The name under which an offered file lands, whatever was offered: the last part of a path, without
 * control characters, a leading dot, what some system reserves, or a leading hyphen, which commands take for an option.
 */
export function safeName(offered: string): string {
  // Nobody's honest name is longer; the rest would only cost time.
  const end = offered.slice(-4_096)
  const last = copyOf(end.slice(Math.max(end.lastIndexOf('/'), end.lastIndexOf('\\')) + 1))
  const name = cut(last.replace(FOREIGN, '_').replace(/^[-.\s]+/, '')).replace(/[.\s]+$/, '')
  if (name === '') return 'file'
  return DEVICE.test(name) ? `_${name}` : name
}

/** The name of a file by its path, on whichever system. */
export function baseName(path: string): string {
  return /([^\\/]*)[\\/]*$/.exec(path.slice(-4_096))![1] || 'file'
}

/** Cuts a name that is too long, before its extension where it has a short one. */
function cut(name: string): string {
  if (bytesOf(name) <= NAME_BYTES_MAX) return name
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 && bytesOf(name.slice(dot)) <= EXTENSION_BYTES_MAX ? name.slice(dot) : ''
  let room = NAME_BYTES_MAX - bytesOf(extension)
  let stem = ''
  for (const character of name.slice(0, name.length - extension.length)) {
    room -= bytesOf(character)
    if (room < 0) break
    stem += character
  }
  return stem + extension
}

/** Bytes that text takes in UTF-8. */
function bytesOf(text: string): number {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4
  }
  return bytes
}
