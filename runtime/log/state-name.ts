/** A state value as a name: `open`, `open.idle`, and `open.(a.on, b.off)` where regions run side by side. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return '(none)'
  const regions = Object.entries(value).map(([key, inner]) => {
    const below = stateName(inner)
    return below === '(none)' || below === '' ? key : `${key}.${below}`
  })
  return regions.length === 1 ? regions[0]! : regions.length === 0 ? '' : `(${regions.join(', ')})`
}
