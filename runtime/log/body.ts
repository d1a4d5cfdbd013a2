import type { Registry } from '../../proto/index.ts'
import type { LoggedEnvelope } from './format.ts'

/** Bytes shown of a longer field. */
const SHOWN_BYTES = 8
/** Characters shown of a longer text, and of a body: more than any terminal has columns. A body may have megabytes. */
const SHOWN_TEXT = 200
const SHOWN_CHARACTERS = 1_000

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

/** The body on one line, its beginning where it is long: names without quotes, bytes as their number and their first ones. */
export function shortBody(e: LoggedEnvelope, registry: Registry): string {
  const fields = fieldsOf(e, registry, false)
  if (fields !== undefined && Object.keys(fields).length === 0) return ''
  return short(fields ?? e.bytes, SHOWN_CHARACTERS)
}

/** @param room characters after which it ends, within one value or so */
function short(value: unknown, room: number): string {
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, SHOWN_BYTES)).toString('hex')
    return `<${value.length} B ${hex}${value.length > SHOWN_BYTES ? '…' : ''}>`
  }
  if (typeof value === 'string') return JSON.stringify(value.length > SHOWN_TEXT ? `${value.slice(0, SHOWN_TEXT - 1)}…` : value)
  if (Array.isArray(value)) return `[${listed(value.length, room, (at, left) => short(value[at], left))}]`
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value)
    return `{ ${listed(keys.length, room, (at, left) => `${keys[at]!}: ${short((value as Record<string, unknown>)[keys[at]!], left)}`)} }`
  }
  return String(value)
}

/** As many parts as there is room for, and how many there are besides. */
function listed(count: number, room: number, part: (at: number, left: number) => string): string {
  const parts: string[] = []
  for (let at = 0; at < count; at++) {
    if (room <= 0) {
      parts.push(`… ${count - at} more`)
      break
    }
    const text = part(at, room)
    parts.push(text)
    room -= text.length + 2
  }
  return parts.join(', ')
}
