/**
 * Random numbers for jitter, sampling and names, never for secrets: a stream is one 32-bit number
 * that lives in the machine's context, so that snapshots hold it and replay repeats it.
 * This is splitmix32 (after Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
 */
export function draw(state: number): readonly [value: number, next: number] {
  const next = (state + 0x9e3779b9) | 0
  let z = next ^ (next >>> 16)
  z = Math.imul(z, 0x21f0aaad)
  z ^= z >>> 15
  z = Math.imul(z, 0x735a2d97)
  return [(z ^ (z >>> 15)) >>> 0, next]
}

/** An integer from 0 up to but not including `limit` (1 to 2^31). */
export function below(state: number, limit: number): readonly [value: number, next: number] {
  const [value, next] = draw(state)
  return [Math.floor((value / 0x1_0000_0000) * limit), next]
}

/** `base` changed by up to ± `percent`, in whole milliseconds. */
export function jitter(state: number, base: number, percent: number): readonly [value: number, next: number] {
  const span = Math.floor((base * percent) / 100)
  if (span <= 0) return [base, draw(state)[1]]
  const [value, next] = below(state, 2 * span + 1)
  return [base - span + value, next]
}
