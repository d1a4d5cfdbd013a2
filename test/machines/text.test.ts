import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { withinBounds } from '../../actors/peer-connection/bounds.ts'
import { WireTypes } from '../../actors/peer-connection/wire-types.ts'
import { Services } from '../../actors/seam/index.ts'
import { safeName } from '../../machines/file-name.ts'
import { cleanText, fromHex } from '../../machines/text.ts'
import { Disconnect } from '../../proto/index.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function inUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}

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

  it.each([
    ['cut for people', (text: string) => cleanText(text, 64)],
    ['of a message of the link', (text: string) => (withinBounds(new Disconnect({ reason: text }), new Services().get(WireTypes)) as Disconnect).reason],
    ['that names a file', (text: string) => safeName(`${text}/report.txt.gz`)]
  ])('weighs no more than what is kept of it, however long it came: a text %s', (_, part) => {
    const long = Buffer.alloc(60_000, 'x')
    const before = inUse()
    const kept = Array.from({ length: 500 }, () => part(long.toString('latin1')))
    // Whole they are 30 MB.
    expect(inUse() - before).toBeLessThan(4_000_000)
    expect(kept.every(text => text.length <= 256)).toBe(true)
  })

  it('in hex becomes bytes', () => {
    expect([...fromHex('00ff1a')]).toEqual([0, 255, 26])
    expect([...fromHex('zz')]).toEqual([0])
  })
})
