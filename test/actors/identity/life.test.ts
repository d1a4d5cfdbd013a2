import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beginLife } from '../../../actors/identity/index.ts'

describe('lives of a data folder', () => {
  let folder: string
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-life-')) })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('a later life is later, also after the clock was set back', () => {
    expect(beginLife(folder, 5_000)).toBe(5_000)
    expect(beginLife(folder, 6_000)).toBe(6_000)
    expect(beginLife(folder, 1_000)).toBe(6_001)
    expect(beginLife(folder, 1_000)).toBe(6_002)
    expect(readdirSync(folder)).toEqual(['life'])
  })

  it('a damaged note, or none that can be written, leaves the clock to tell', () => {
    writeFileSync(join(folder, 'life'), 'what?')
    expect(beginLife(folder, 7_000)).toBe(7_000)
    expect(beginLife(join(folder, 'not', 'there'), 8_000)).toBe(8_000)
  })
})
