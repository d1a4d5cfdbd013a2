export { cell, crop, widthOf } from '../columns.ts'

// Control characters (C0, C1, line separators) could drive the terminal; marks of direction could make text read as another.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** Text that other peers chose, on one line and without power over the terminal. */
export function legible(text: string): string {
  return text.replace(/\r?\n/g, ' ').replace(UNSAFE, '·').replace(/\p{Surrogate}/gu, '\ufffd')
}

/** The start of a text that is too long to be kept, in memory of its own: a slice would hold on to the whole. */
export function excerpt(text: string, chars: number): string {
  return text.length <= chars ? text : `${Buffer.from(text.slice(0, chars - 1)).toString()}…`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1 peer`, `2 peers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** A number of bytes with a binary unit: `1.5 MiB`. */
export function bytes(count: number): string {
  let unit = 0
  while (count >= 1_024 && unit < UNITS.length - 1) {
    count /= 1_024
    unit++
  }
  return `${unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${UNITS[unit]}`
}

/** Milliseconds with three significant digits or so: `0.42 ms`, `38 ms`, `2.1 s`. */
export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${Math.round(ms / 1_000)} s`
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${ms >= 10 || Number.isInteger(ms) ? Math.round(ms) : ms.toFixed(2)} ms`
}

/** How long ago something was: `12 s`, `5 min`, `3 h`, `2 d`. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
