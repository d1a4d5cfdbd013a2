import { describe, expect, it } from '@jest/globals'
import { cleanText, fromHex } from '../../machines/text.ts'

describe('text from other peers', () => {
  it('loses what could move a cursor, hide or turn text, and is bounded', () => {
    expect(cleanText('a\u001b[2J\u0000\u202eb\ufeff\ud800c\n', 64)).toBe('a[2Jbc')
    expect(cleanText('x'.repeat(1_000), 64)).toHaveLength(64)
    expect(cleanText('Zoë 日本 👍', 64)).toBe('Zoë 日本 👍')
  })

  it('in hex becomes bytes', () => {
    expect([...fromHex('00ff1a')]).toEqual([0, 255, 26])
    expect([...fromHex('zz')]).toEqual([0])
  })
})
