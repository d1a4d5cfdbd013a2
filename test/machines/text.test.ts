import { describe, expect, it } from '@jest/globals'
import { cleanText, fromHex } from '../../machines/text.ts'

describe('text from other peers', () => {
  it('loses what could move a cursor, hide or turn text, and is bounded', () => {
    expect(cleanText('a\u001b[2J\u0000\u202eb\ufeff\ud800c\n', 64)).toBe('a[2Jbc')
    expect(cleanText('x'.repeat(1_000), 64)).toHaveLength(64)
    expect(cleanText('one\u2028two\u2029three', 64)).toBe('onetwothree')
    expect(cleanText('Zoë 日本 👍', 64)).toBe('Zoë 日本 👍')
  })

  it('loses every control, format, surrogate and private character, and keeps what a newer Unicode may name', () => {
    const wrong: string[] = []
    for (let point = 0; point <= 0x10ffff; point++) {
      const character = String.fromCodePoint(point)
      const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(character)
      const kept = cleanText(character, 2) === character
      if (unseen ? kept : !kept && /\P{C}/u.test(character)) wrong.push(point.toString(16))
    }
    expect(wrong).toEqual([])
    expect(cleanText('\u{1cc00}\u{323b0}', 4)).toBe('\u{1cc00}\u{323b0}')
  })

  it('in hex becomes bytes', () => {
    expect([...fromHex('00ff1a')]).toEqual([0, 255, 26])
    expect([...fromHex('zz')]).toEqual([0])
  })
})
