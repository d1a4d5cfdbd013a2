/** A pair of what was expected and what came; one side is undefined where the other has none like it. */
export type Pair<A, B> = readonly [A | undefined, B | undefined]

/** Beyond so many comparisons the middle of two lists is paired in order, without looking for the best. */
const COMPARISONS_MAX = 1_000_000

/**
 * Pairs two lists in order: as many as possible that are the same, and what is between those where it is alike.
 * @returns every element of both, once
 */
export function align<A, B>(as: readonly A[], bs: readonly B[], same: (a: A, b: B) => boolean, alike: (a: A, b: B) => boolean): Pair<A, B>[] {
  const pairs: Pair<A, B>[] = []
  let start = 0
  while (start < as.length && start < bs.length && same(as[start]!, bs[start]!)) start++
  let [endA, endB] = [as.length, bs.length]
  while (endA > start && endB > start && same(as[endA - 1]!, bs[endB - 1]!)) {
    endA--
    endB--
  }
  for (let i = 0; i < start; i++) pairs.push([as[i], bs[i]])
  middle(as.slice(start, endA), bs.slice(start, endB), same, alike, pairs)
  for (let i = endA, j = endB; i < as.length; i++, j++) pairs.push([as[i], bs[j]])
  return pairs
}

/** By the longest common subsequence. */
function middle<A, B>(as: readonly A[], bs: readonly B[], same: (a: A, b: B) => boolean, alike: (a: A, b: B) => boolean, pairs: Pair<A, B>[]): void {
  const columns = bs.length + 1
  if (as.length * bs.length > COMPARISONS_MAX) return between(as, bs, alike, pairs)
  const lengths = new Uint32Array((as.length + 1) * columns)
  for (let i = as.length - 1; i >= 0; i--) {
    for (let j = bs.length - 1; j >= 0; j--) {
      lengths[i * columns + j] = same(as[i]!, bs[j]!)
        ? lengths[(i + 1) * columns + j + 1]! + 1
        : Math.max(lengths[(i + 1) * columns + j]!, lengths[i * columns + j + 1]!)
    }
  }
  let [i, j, fromA, fromB] = [0, 0, 0, 0]
  while (i < as.length && j < bs.length) {
    if (same(as[i]!, bs[j]!)) {
      between(as.slice(fromA, i), bs.slice(fromB, j), alike, pairs)
      pairs.push([as[i], bs[j]])
      fromA = ++i
      fromB = ++j
    } else if (lengths[(i + 1) * columns + j]! >= lengths[i * columns + j + 1]!) {
      i++
    } else {
      j++
    }
  }
  between(as.slice(fromA), bs.slice(fromB), alike, pairs)
}

/** What has no equal: each with the next that is alike. */
function between<A, B>(as: readonly A[], bs: readonly B[], alike: (a: A, b: B) => boolean, pairs: Pair<A, B>[]): void {
  let next = 0
  for (const a of as) {
    const found = bs.findIndex((b, index) => index >= next && alike(a, b))
    if (found < 0) {
      pairs.push([a, undefined])
      continue
    }
    for (; next < found; next++) pairs.push([undefined, bs[next]])
    pairs.push([a, bs[next++]])
  }
  for (; next < bs.length; next++) pairs.push([undefined, bs[next]])
}
