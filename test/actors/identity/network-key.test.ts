import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { NetworkKey, NetworkKeyError } from '../../../actors/identity/index.ts'

const hex = (key: NetworkKey, use: string): string => Buffer.from(key.derive(use)).toString('hex')

describe('a network key', () => {
  it('is printed as eight groups of four letters, and is the same key when it is read again', () => {
    const key = NetworkKey.generate()
    expect(key.text()).toMatch(/^([a-z2-7]{4}-){7}[a-z2-7]{4}$/)
    expect(hex(NetworkKey.parse(key.text()), 'proof')).toBe(hex(key, 'proof'))
    expect(NetworkKey.generate().text()).not.toBe(key.text())
  })

  it('is read however a person types it', () => {
    const key = NetworkKey.generate()
    const lookalikes = key.text().replaceAll('o', '0').replaceAll('l', '1').replaceAll('b', '8')
    for (const typed of [key.text().toUpperCase(), key.text().replaceAll('-', ''), ` ${key.text().replaceAll('-', ' ')}\n`, lookalikes]) {
      expect(NetworkKey.parse(typed).text()).toBe(key.text())
    }
  })

  it('is refused when one letter is wrong or two are swapped', () => {
    const letters = NetworkKey.generate().text().replaceAll('-', '')
    fc.assert(fc.property(fc.nat(31), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), (at, letter) => {
      fc.pre(letters[at] !== letter)
      expect(() => NetworkKey.parse(letters.slice(0, at) + letter + letters.slice(at + 1))).toThrow(/mistyped/)
    }))
    fc.assert(fc.property(fc.nat(30), at => {
      fc.pre(letters[at] !== letters[at + 1])
      expect(() => NetworkKey.parse(letters.slice(0, at) + letters[at + 1] + letters[at] + letters.slice(at + 2))).toThrow(NetworkKeyError)
    }))
  })

  it('says what is wrong: how long it should be, and which letter no key has', () => {
    expect(() => NetworkKey.parse('abcd-efgh')).toThrow(/32 letters, this one 8/)
    expect(() => NetworkKey.parse('')).toThrow(/32 letters, this one 0/)
    expect(() => NetworkKey.parse(`${NetworkKey.generate().text()}é`)).toThrow(/no 'é'/)
    expect(() => NetworkKey.parse('abcd-efgh-9')).toThrow(/no '9'/)
  })

  it('gives each use a secret of its own, of any length', () => {
    const key = NetworkKey.generate()
    expect(key.derive('proof')).toHaveLength(32)
    expect(key.derive('address', 20)).toHaveLength(20)
    expect(hex(key, 'proof')).toBe(hex(key, 'proof'))
    expect(hex(key, 'proof')).not.toBe(hex(key, 'address'))
    expect(hex(key, 'proof')).not.toBe(hex(NetworkKey.generate(), 'proof'))
  })

  it('does not show itself when it is printed by accident', () => {
    const key = NetworkKey.generate()
    expect([`${key}`, JSON.stringify({ key }), inspect(key), Object.keys(key)]).toEqual(['[network key]', '{"key":"[network key]"}', '[network key]', []])
  })
})
