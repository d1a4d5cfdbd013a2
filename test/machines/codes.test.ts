import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { cleanCode, CODES, codeEntry, type CodeEntry } from '../../machines/codes.ts'

const docs = readFileSync(new URL('../../docs/codes.md', import.meta.url), 'utf8')

describe('the codes', () => {
  it('are listed in docs/codes.md, every one, with the same words', () => {
    const listed = [...docs.matchAll(/^\| `([^`]+)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(([, code, means, advice, then]) => [code, means, advice, then])
    const retries = { soon: 'dials again', late: 'dials again, slowly', never: 'waits until it is heard' }
    expect(listed).toEqual(Object.entries(CODES).map(([code, { means, advice, retry, refusal }]) =>
      [code, means, advice, `${retries[retry]}${refusal ? '; a refusal' : ''}`]))
  })

  it('are listed there too with what to do on the side that decided, where that is another thing', () => {
    const listed = [...docs.matchAll(/^\| `([^`]+)` \| ([^|]+) \|$/gm)].map(([, code, adviceHere]) => [code, adviceHere])
    expect(listed).toEqual(Object.entries<CodeEntry>(CODES).flatMap(([code, { adviceHere }]) => adviceHere === undefined ? [] : [[code, adviceHere]]))
  })

  it('are each a sentence and a piece of advice', () => {
    for (const [code, { means, advice, adviceHere = advice }] of Object.entries<CodeEntry>(CODES)) {
      expect(cleanCode(code)).toBe(code)
      expect(means).toMatch(/^[A-Z].*\.$/)
      expect(advice).toMatch(/^[A-Z].*\.$/)
      expect(adviceHere).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('of other versions and of other peers are taken with care', () => {
    expect(codeEntry('from-the-future')).toMatchObject({ retry: 'late', refusal: true })
    expect(codeEntry('constructor')).toMatchObject({ retry: 'late', refusal: true })
    for (const bad of ['', 'UPPER', '-x', 'a b', 'x'.repeat(65), '__proto__', '\u001b[2J']) expect(cleanCode(bad)).toBe('verify-failed')
  })
})
