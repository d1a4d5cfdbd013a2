/** What is wrong with an option that is to be a number within a range; undefined where nothing is, or where it is left out. */
export function outside(name: string, value: number | undefined, min: number, max = Infinity, whole = false): string | undefined {
  if (value === undefined) return undefined
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return undefined
  return `${name} is ${value}: give a ${whole ? 'whole ' : ''}number ${max === Infinity ? `from ${min} on` : `from ${min} to ${max}`}`
}
