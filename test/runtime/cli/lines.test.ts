import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { LineCutter } from '../../../runtime/cli/lines.ts'

function linesOf(chunks: readonly Uint8Array[], charsMax = 1_000): string[] {
  const lines: string[] = []
  const cutter = new LineCutter(charsMax, line => lines.push(line))
  for (const chunk of chunks) cutter.push(Buffer.from(chunk))
  cutter.end()
  return lines
}

describe('lines of a stream', () => {
  it('are the same however it is cut into chunks, with either end, and the last without one', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'ü', '漢', '🙂', '\n', '\r\n', ' ') }), fc.array(fc.nat(9)), (text, sizes) => {
      const bytes = Buffer.from(text)
      const chunks: Buffer[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = 1 + (sizes[i % (sizes.length || 1)] ?? 3)
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      const expected = text.split(/\r?\n/)
      expect(linesOf(chunks)).toEqual(expected.at(-1) === '' ? expected.slice(0, -1) : expected)
    }))
  })

  it('are shown to be too long without being kept, so that a file without lines that is piped in does no harm', () => {
    const chunk = Buffer.alloc(1 << 16, 'a')
    const lines = linesOf([...Array<Buffer>(20_000).fill(chunk), Buffer.from('\nquit\n')], 64)
    expect(lines).toEqual(['a'.repeat(66), 'quit'])
  })

  it('are whole up to the longest, whatever their end', () => {
    expect(linesOf([Buffer.from(`${'a'.repeat(64)}\r\n${'b'.repeat(64)}\n`)], 64)).toEqual(['a'.repeat(64), 'b'.repeat(64)])
    expect(linesOf([Buffer.from(`${'a'.repeat(65)}\r\n`)], 64)[0]!.length).toBeGreaterThan(64)
  })

  it('may hold any bytes', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array()), chunks => {
      for (const line of linesOf(chunks, 10)) expect(line.length).toBeLessThanOrEqual(12)
    }))
  })
})
