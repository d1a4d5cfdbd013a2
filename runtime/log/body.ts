import type { Registry } from '../../proto/index.ts'
import type { LoggedEnvelope } from './format.ts'

/** Bytes shown of a longer field. */
const SHOWN_BYTES = 8

/** An envelope for people and for JSON: its body decoded, where the type is known. */
export interface ShownEnvelope {
  readonly seq: number
  readonly time: number
  readonly from: string
  readonly to: string
  readonly type: string
  readonly cause: number
  /** Fields by name; bytes in base64. A body that cannot be decoded is base64 as a whole. */
  readonly body: Readonly<Record<string, unknown>> | string
}

export function shown(e: LoggedEnvelope, registry: Registry): ShownEnvelope {
  const { seq, time, from, to, type, cause } = e
  return { seq, time, from, to, type, cause, body: fieldsOf(e, registry, true) ?? Buffer.from(e.bytes).toString('base64') }
}

/** The decoded body as plain data, or nothing where the type is unknown or the bytes are malformed. */
export function fieldsOf(e: LoggedEnvelope, registry: Registry, base64: boolean): Record<string, unknown> | undefined {
  if (!registry.has(e.type)) return undefined
  const type = registry.get(e.type)
  try {
    return type.toObject(type.decode(e.bytes), { enums: String, longs: String, ...(base64 ? { bytes: String } : {}) })
  } catch {
    return undefined
  }
}

/** The body on one line: names without quotes, bytes as their number and their first ones. */
export function shortBody(e: LoggedEnvelope, registry: Registry): string {
  const fields = fieldsOf(e, registry, false)
  return fields === undefined ? short(e.bytes) : Object.keys(fields).length === 0 ? '' : short(fields)
}

function short(value: unknown): string {
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, SHOWN_BYTES)).toString('hex')
    return `<${value.length} B ${hex}${value.length > SHOWN_BYTES ? '…' : ''}>`
  }
  if (typeof value === 'string') return JSON.stringify(value.length > 200 ? `${value.slice(0, 199)}…` : value)
  if (Array.isArray(value)) return `[${value.map(short).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value).map(([key, inner]) => `${key}: ${short(inner)}`).join(', ')} }`
  }
  return String(value)
}

/**
 * Makes text from strangers safe for a terminal: control characters, and those that turn the direction of
 * the text around, are shown as escapes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, character =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
