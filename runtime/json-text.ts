import { UNSEEN } from '../machines/text.ts'

const unseen = new RegExp(`[${UNSEEN}]`, 'gu')

/**
 * Text from strangers made safe for a terminal, on one line: what nobody sees (controls, line separators, marks of direction and other
 * format characters) is shown as JSON escapes it.
 */
export function printable(text: string): string {
  return text.replace(unseen, character => {
    let escaped = ''
    for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
    return escaped
  })
}

/**
 * A value as JSON on one line, whatever text others put in it. JSON itself escapes only what is below U+0020: the line
 * separators U+2028 and U+2029 would begin another line for many readers, Node's among them, and C1 controls and marks
 * of direction would work on a terminal. Parsed, it is the same value.
 */
export function jsonText(value: unknown): string {
  return printable(JSON.stringify(value))
}
