import { closeSync, openSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { BlockFile, WAITING_BYTES_MAX } from '../../../runtime/log/blocks.ts'
import { scratch } from './samples.ts'

const dir = scratch()

describe('BlockFile', () => {
  it('keeps the order of blocks when it has to write some of them at once', async () => {
    const path = dir.path('order')
    const file = new BlockFile(openSync(path, 'w'), () => {}, error => { throw error })
    const blocks = Array.from({ length: 24 }, (_, i) => Buffer.alloc(WAITING_BYTES_MAX / 10, i))
    for (const block of blocks) file.append(block)
    await file.close()
    expect(readFileSync(path).equals(Buffer.concat(blocks))).toBe(true)
  })

  it('tells of a full disk once, and is silent from then on', async () => {
    const errors: Error[] = []
    const file = new BlockFile(openSync('/dev/full', 'w'), () => {}, error => errors.push(error))
    for (let i = 0; i < 10; i++) file.append(Buffer.alloc(1_000))
    await file.flushed()
    for (let i = 0; i < 20; i++) file.append(Buffer.alloc(WAITING_BYTES_MAX / 10))
    await file.close()
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('ENOSPC')])
  })

  it('tells of a full disk when it has to write at once', () => {
    const errors: Error[] = []
    const file = new BlockFile(openSync('/dev/full', 'w'), () => {}, error => errors.push(error))
    for (let i = 0; i < 20; i++) file.append(Buffer.alloc(WAITING_BYTES_MAX / 10))
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('ENOSPC')])
    return file.close()
  })

  it('survives a descriptor that somebody else has closed', async () => {
    const errors: Error[] = []
    const fd = openSync(dir.path('closed'), 'w')
    const file = new BlockFile(fd, () => {}, error => errors.push(error))
    closeSync(fd)
    file.append(Buffer.alloc(1_000))
    await file.close()
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('EBADF')])
  })
})
