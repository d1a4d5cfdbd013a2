import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { peerIdOf } from '../../actors/identity/index.ts'
import { emptyTable, get, keys, put, remove, rows, type Table } from '../../machines/table.ts'

describe('a table', () => {
  it('holds what a Map holds, whatever the keys, and old tables stay as they were', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '', '12', 'a'))
    fc.assert(fc.property(fc.array(fc.tuple(key, fc.option(fc.integer()))), changes => {
      let table: Table<number> = emptyTable()
      const map = new Map<string, number>()
      for (const [name, value] of changes) {
        const before = JSON.stringify(table)
        const next = value === null ? remove(table, name) : put(table, name, value)
        expect(JSON.stringify(table)).toBe(before)
        table = next
        if (value === null) map.delete(name)
        else map.set(name, value)
        expect(get(table, name)).toBe(map.get(name))
      }
      expect(table.size).toBe(map.size)
      expect([...keys(table)].sort()).toEqual([...map.keys()].sort())
      expect([...rows(table)].sort()).toEqual([...map.values()].sort())
    }))
  })

  it('comes back from JSON as it was', () => {
    const table = put(put(emptyTable<number>(), '__proto__', 1), 'b', 2)
    const back = JSON.parse(JSON.stringify(table)) as Table<number>
    expect([get(back, '__proto__'), get(back, 'b'), get(back, 'c'), back.size]).toEqual([1, 2, undefined, 2])
  })

  it('spreads PeerIds, addresses and places over its drawers, so that a change copies few rows', () => {
    const letters = Array.from({ length: 1_000 }, (_, i) => createHash('sha256').update(String(i)).digest())
    for (const keys of [letters.map(peerIdOf), letters.map((_, i) => `@192.0.2.${i % 250} ${4_000 + i}`), letters.map((_, i) => `10.0.${i >> 8}.${i & 255}`)]) {
      const table = keys.reduce((rows, key) => put(rows, key, 1), emptyTable<number>())
      expect(Math.max(...Object.values(table.drawers).map(drawer => Object.keys(drawer).length))).toBeLessThan(100)
    }
  })

  it('does not take inherited names for rows', () => {
    expect(get(emptyTable(), 'constructor')).toBeUndefined()
    expect(get(put(emptyTable<number>(), 'or', 1), 'constructor')).toBeUndefined()
  })
})
