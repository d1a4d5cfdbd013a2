import stringWidth from 'string-width'

/** Of these each is one column wide. */
const PLAIN = /^[ -~]*$/

/** Columns that text takes on a terminal. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text)
}

const graphemes = new Intl.Segmenter()

/** Cuts text to a number of columns, with an ellipsis where something is missing. */
export function crop(text: string, columns: number): string {
  if (columns <= 0) return ''
  // Beyond any terminal; spares the segmenter a megabyte of text.
  const short = text.length > 4 * columns + 1_000 ? text.slice(0, 4 * columns + 1_000) : text
  if (short === text && widthOf(text) <= columns) return text
  let out = ''
  let used = 0
  for (const { segment } of graphemes.segment(short)) {
    const width = widthOf(segment)
    if (used + width > columns - 1) break
    out += segment
    used += width
  }
  return `${out}…`
}

/** Text of at least that many columns: filled up with spaces. */
export function filled(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)))
}

/** Text of exactly that many columns: cut, or filled up with spaces. */
export function cell(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const cut = crop(text, columns)
  const gap = ' '.repeat(Math.max(0, columns - widthOf(cut)))
  return align === 'left' ? cut + gap : gap + cut
}
