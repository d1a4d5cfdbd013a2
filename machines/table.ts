/**
 * A table of plain JSON data that is never changed: `put` and `remove` give a new one. Rows lie in 32
 * drawers, so that a change copies one drawer instead of the whole table, and thousands of rows cost
 * little more than ten.
 */
export interface Table<T> {
  readonly size: number
  readonly drawers: Readonly<Record<string, Readonly<Record<string, T>>>>
}

export function emptyTable<T>(): Table<T> {
  return { size: 0, drawers: {} }
}

// Keys end in hash or random characters, or in digits. The last of a PeerId is one of only two, so the one before counts as well.
function drawerOf(key: string): string {
  return String((key.charCodeAt(key.length - 1) + 5 * key.charCodeAt(key.length - 2)) & 31)
}

export function get<T>(table: Table<T>, key: string): T | undefined {
  const drawer = table.drawers[drawerOf(key)]
  // Keys may come from outside: `constructor` and `__proto__` are no rows.
  return drawer !== undefined && Object.hasOwn(drawer, key) ? drawer[key] : undefined
}

export function put<T>(table: Table<T>, key: string, row: T): Table<T> {
  const name = drawerOf(key)
  const drawer = table.drawers[name] ?? {}
  return {
    size: Object.hasOwn(drawer, key) ? table.size : table.size + 1,
    drawers: { ...table.drawers, [name]: { ...drawer, [key]: row } }
  }
}

export function remove<T>(table: Table<T>, key: string): Table<T> {
  const name = drawerOf(key)
  const drawer = table.drawers[name]
  if (drawer === undefined || !Object.hasOwn(drawer, key)) return table
  const { [key]: _gone, ...rest } = drawer
  return { size: table.size - 1, drawers: { ...table.drawers, [name]: rest } }
}

/** Every row, always in the same order for the same history. */
export function* rows<T>(table: Table<T>): Generator<T> {
  for (const drawer of Object.values(table.drawers)) yield* Object.values(drawer)
}

export function* keys<T>(table: Table<T>): Generator<string> {
  for (const drawer of Object.values(table.drawers)) yield* Object.keys(drawer)
}

/** As many puts: each drawer is copied once. */
export function putAll<T>(table: Table<T>, changed: Iterable<readonly [key: string, row: T]>): Table<T> {
  const drawers: Record<string, Record<string, T>> = {}
  let { size } = table
  for (const [key, row] of changed) {
    const name = drawerOf(key)
    const drawer = drawers[name] ??= { ...table.drawers[name] }
    if (!Object.hasOwn(drawer, key)) size++
    drawer[key] = row
  }
  return { size, drawers: { ...table.drawers, ...drawers } }
}
