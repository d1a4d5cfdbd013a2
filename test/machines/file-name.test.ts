import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { baseName, safeName } from '../../machines/file-name.ts'

describe('the name under which an offered file lands', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Ünïcödé 文件.txt', 'Ünïcödé 文件.txt'],
    ['../../etc/passwd', 'passwd'],
    ['/etc/shadow', 'shadow'],
    ['C:\\Windows\\system32\\evil.dll', 'evil.dll'],
    ['..', 'file'],
    ['.', 'file'],
    ['', 'file'],
    ['/', 'file'],
    ['a/', 'file'],
    ['.bashrc', 'bashrc'],
    ['...hidden', 'hidden'],
    ['  spaced', 'spaced'],
    ['-rf', 'rf'],
    ['--  .-x', 'x'],
    ['ends. . .', 'ends'],
    ['nul', '_nul'],
    ['COM1.txt', '_COM1.txt'],
    ['console.log', 'console.log'],
    ['a\u0000b\nc\u001b[2Jd', 'a_b_c_[2Jd'],
    ['photo\u202egpj.exe', 'photo_gpj.exe'],
    ['what?<>:"|*', 'what_______'],
    ['stream.txt:ads', 'stream.txt_ads'],
    ['__proto__', '__proto__']
  ])('%j becomes %j', (offered, name) => expect(safeName(offered)).toBe(name))

  it('is cut before its extension where it is too long', () => {
    const name = safeName(`${'é'.repeat(300)}.tar.gz`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200)
    expect(name).toMatch(/^é+\.gz$/)
    expect(Buffer.byteLength(safeName(`a.${'x'.repeat(300)}`))).toBe(200)
  })

  it('takes no time for a name of megabytes', () => {
    // Of the processor: what else this machine does is no part of it.
    const before = process.cpuUsage()
    safeName('a'.repeat(4_000_000))
    safeName('.'.repeat(4_000_000))
    safeName('/'.repeat(4_000_000))
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1_000).toBeLessThan(500)
  })

  it('is one plain name that every file system takes, whatever was offered', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), offered => {
      const name = safeName(offered)
      expect(name).not.toBe('')
      // Not \p{C}: what is not assigned yet on this Node may be a letter on the next, and a log replays on both.
      expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}/\\<>:"|?*]|^\.|[. ]$/u)
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(201)
      expect(safeName(name)).toBe(name)
    }))
  })
})

describe('the name of a file to send', () => {
  it.each([['/a/b.txt', 'b.txt'], ['C:\\a\\b.txt', 'b.txt'], ['b.txt', 'b.txt'], ['/a/b/', 'b'], ['', 'file']])(
    '%j is %j', (path, name) => expect(baseName(path)).toBe(name))
})
