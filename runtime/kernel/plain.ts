/** Marks what JSON has no word for: `{"$":"undefined"}`, `{"$":"number","v":"NaN"}`, `{"$":"bytes","v":"AQI="}`. */
const TAG = '$'

/** Deeper data is a circle, or as good as one. */
const DEPTH_MAX = 500

/** Thrown for what is not plain data; `key` leads to it. */
export class NotPlainError extends Error {
  override name = 'NotPlainError'
  readonly key: string
  readonly what: string

  constructor(key: string, what: string) {
    super(`${key} is ${what}`)
    this.key = key
    this.what = what
  }
}

/**
 * Plain data as JSON text that {@link parsePlain} reads back as it was: strings, booleans, numbers of every kind, null,
 * undefined, arrays, objects and Uint8Array.
 * @param name of the whole, for errors
 * @param shared is written as a reference wherever it turns up, and read back as that very object
 * @throws NotPlainError for anything else
 */
export function plainText(value: unknown, name: string, shared?: object): string {
  return JSON.stringify(new Packer(name, shared).pack(value))
}

/**
 * Reads what {@link plainText} wrote.
 * @throws SyntaxError, TypeError for other text
 */
export function parsePlain(text: string, shared?: object): unknown {
  return unpack(JSON.parse(text), shared)
}

class Packer {
  /** Where it is. */
  readonly #keys: string[]
  readonly #shared: object | undefined

  constructor(name: string, shared: object | undefined) {
    this.#keys = [name]
    this.#shared = shared
  }

  /** The value as JSON may have it: itself where it is that already. */
  pack(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean': return value
      case 'number':
        if (Object.is(value, -0)) return { [TAG]: 'number', v: '-0' }
        return Number.isFinite(value) ? value : { [TAG]: 'number', v: String(value) }
      case 'undefined': return { [TAG]: 'undefined' }
      case 'object': return value === null ? null : this.#object(value)
      default: return this.#fail(`a ${typeof value}`)
    }
  }

  #object(value: object): unknown {
    if (value === this.#shared) return { [TAG]: 'shared' }
    if (value instanceof Uint8Array) return { [TAG]: Buffer.isBuffer(value) ? 'buffer' : 'bytes', v: Buffer.from(value).toString('base64') }
    if (this.#keys.length > DEPTH_MAX) this.#fail('nested too deep, or in a circle')
    if (Array.isArray(value)) {
      const packed = value.map((each, index) => this.#at(String(index), each))
      // map() leaves holes, which JSON has no word for either.
      if (Object.keys(value).length !== value.length) this.#fail('an array with holes or names')
      return packed.some((each, index) => each !== value[index]) ? packed : value
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) this.#fail(`a ${(value.constructor as { name?: string } | undefined)?.name || 'object of no class'}`)
    if (Object.getOwnPropertySymbols(value).length > 0) this.#fail('an object with symbols')
    let changed: [string, unknown][] | undefined
    for (const [key, each] of Object.entries(value)) {
      const packed = this.#at(key, each)
      if (packed !== each) (changed ??= []).push([key, packed])
    }
    const whole = changed === undefined ? value : { ...value, ...Object.fromEntries(changed) }
    return Object.hasOwn(value, TAG) ? { [TAG]: 'object', v: whole } : whole
  }

  #at(key: string, value: unknown): unknown {
    if (typeof value === 'string' || typeof value === 'boolean') return value
    this.#keys.push(key)
    const packed = this.pack(value)
    this.#keys.pop()
    return packed
  }

  #fail(what: string): never {
    throw new NotPlainError(this.#keys.join('.'), what)
  }
}

function unpack(value: unknown, shared: object | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(each => unpack(each, shared))
  const inner = (object: object) => Object.fromEntries(Object.entries(object).map(([key, each]) => [key, unpack(each, shared)]))
  if (!Object.hasOwn(value, TAG)) return inner(value)
  const { [TAG]: tag, v } = value as { [TAG]: unknown; v?: unknown }
  switch (tag) {
    case 'undefined': return undefined
    case 'number': return Number(v)
    case 'bytes': return new Uint8Array(Buffer.from(String(v), 'base64'))
    case 'buffer': return Buffer.from(String(v), 'base64')
    case 'shared': return shared
    case 'object': return inner(v as object)
    default: throw new TypeError(`${JSON.stringify(tag)} stands for nothing`)
  }
}
