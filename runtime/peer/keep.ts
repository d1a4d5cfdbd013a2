import { KEEP_BYTES_MIN, KEEP_MS_MIN, type Keep } from '../log/segments.ts'
import { PeerOptionError } from './errors.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/**
 * Reads how much of a run to keep: a time (`30s`, `10m`, `2h`) or a size (`2048KiB`, `64MiB`, `1GiB`).
 * @throws PeerOptionError
 */
export function parseKeep(text: string): Keep {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(s|m|h|KiB|MiB|GiB)$/.exec(text) ?? []
  const value = Math.round(Number(number) * (UNITS[unit] ?? NaN))
  if (unit === '' || !Number.isSafeInteger(value)) throw new PeerOptionError(`'${text}' is not a time or a size to keep: write 30s, 10m, 2h, 2048KiB, 64MiB or 1GiB`)
  if (unit.endsWith('B')) {
    if (value < KEEP_BYTES_MIN) throw new PeerOptionError(`'${text}' is too little to keep: give 1MiB or more`)
    return { bytes: value }
  }
  if (value < KEEP_MS_MIN) throw new PeerOptionError(`'${text}' is too little to keep: give 1s or more`)
  return { ms: value }
}
