import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { makeFolder } from '../../../actors/shared/make-folder.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-folder-')) })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a folder', () => {
  it('is made with those above it, for its owner alone, and left as it is where it is there', () => {
    const deep = join(folder, 'a', 'b', 'c')
    makeFolder(deep)
    makeFolder(deep)
    expect(statSync(deep).isDirectory()).toBe(true)
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700)
  })

  it('is an error where a file stands, or above a file', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolder(join(folder, 'file'))).toThrow(/EEXIST/)
    expect(() => makeFolder(join(folder, 'file', 'x'))).toThrow(/ENOTDIR/)
  })

  it('is an error, at once, in a place where the system makes none', () => {
    for (const path of ['/proc/p2pnet/data', '/proc/1/p2pnet']) expect(() => makeFolder(path)).toThrow(/ENOENT|EACCES|EPERM|EROFS/)
  })
})
