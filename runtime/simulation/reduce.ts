/**
 * The smallest part of a list that still passes the test, as far as taking parts away leads: halves first, then ever smaller
 * parts, one by one in the end (Zeller and Hildebrandt's ddmin, by complements). The test is not asked about the whole list.
 */
export async function reduced<T>(items: readonly T[], test: (part: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  if (items.length === 0 || await test([])) return []
  let left = items
  for (let size = Math.ceil(left.length / 2); size >= 1;) {
    let taken = false
    for (let start = 0; start < left.length && left.length > 1;) {
      const rest = [...left.slice(0, start), ...left.slice(start + size)]
      if (rest.length > 0 && await test(rest)) {
        left = rest
        taken = true
      } else {
        start += size
      }
    }
    if (size === 1 && !taken) break
    size = size === 1 ? 1 : Math.ceil(size / 2)
  }
  return left
}
