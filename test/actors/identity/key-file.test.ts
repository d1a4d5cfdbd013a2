import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { transformFileSync } from '@swc/core'
import { IdentityDamagedError, IdentityFileError, IdentityPermissionError, dataFolder, generateIdentity, identityFile, loadIdentity, loadOrCreateIdentity } from '../../../actors/identity/index.ts'
import { needs } from '../../support/needs.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'p2pnet-identity-'))
  file = identityFile(folder)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the identity of a data folder', () => {
  it('is made once and stays, readable by its owner alone, with nothing else left behind', () => {
    const deep = join(folder, 'a', 'b')
    const made = loadOrCreateIdentity(deep)
    expect(statSync(identityFile(deep)).mode & 0o777).toBe(0o600)
    expect(statSync(deep).mode & 0o777).toBe(0o700)
    expect(readdirSync(deep)).toEqual(['identity.key'])
    expect(readFileSync(identityFile(deep), 'utf8')).toContain(`PeerId: ${made.peerId}\n-----BEGIN PRIVATE KEY-----\n`)
    expect(loadOrCreateIdentity(deep).peerId).toBe(made.peerId)
  })

  it('is 0600 whatever the umask', () => {
    for (const umask of [0o000, 0o777]) {
      const before = process.umask(umask)
      try {
        loadOrCreateIdentity(folder)
      } finally {
        process.umask(before)
      }
      expect(statSync(file).mode & 0o777).toBe(0o600)
      rmSync(file)
    }
  })

  it('is not there before it is made', () => {
    expect(loadIdentity(folder)).toBeUndefined()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is the same for all processes that make it at the same time', async () => {
    const program = compiledProgram(join(folder, 'program'))
    const data = join(folder, 'data')
    const children = Array.from({ length: 6 }, () => spawn(process.execPath, [program, data], { stdio: ['pipe', 'pipe', 'inherit'] }))
    const lines = children.map(child => createInterface(child.stdout)[Symbol.asyncIterator]())
    await Promise.all(lines.map(async line => expect((await line.next()).value).toBe('ready')))
    for (const child of children) child.stdin.write('go\n')
    const ids = await Promise.all(lines.map(async line => (await line.next()).value as string))
    await Promise.all(children.map(exited))
    expect(new Set(ids)).toEqual(new Set([loadOrCreateIdentity(data).peerId]))
    expect(readdirSync(data)).toEqual(['identity.key'])
  })

  it.each([0o640, 0o604, 0o660, 0o620, 0o777])('is refused with mode %o, and the message says which command mends it', mode => {
    const { peerId } = loadOrCreateIdentity(folder)
    chmodSync(file, mode)
    expect(() => loadOrCreateIdentity(folder)).toThrow(IdentityPermissionError)
    expect(() => loadOrCreateIdentity(folder)).toThrow(`chmod 600 '${file}'`)
    chmodSync(file, 0o400)
    expect(loadOrCreateIdentity(folder).peerId).toBe(peerId)
  })

  it('is refused where the file is a link, a folder or a pipe', async () => {
    const elsewhere = join(folder, 'elsewhere')
    loadOrCreateIdentity(folder)
    renameSync(file, elsewhere)
    symlinkSync(elsewhere, file)
    expect(() => loadOrCreateIdentity(folder)).toThrow(/symbolic link/)
    rmSync(file)
    symlinkSync(join(folder, 'nowhere'), file)
    expect(() => loadOrCreateIdentity(folder)).toThrow(IdentityPermissionError)
    rmSync(file)
    mkdirSync(file)
    expect(() => loadOrCreateIdentity(folder)).toThrow(IdentityPermissionError)
    rmSync(file, { recursive: true })
    await exited(spawn('mkfifo', ['-m', '600', file]))
    expect(() => loadOrCreateIdentity(folder)).toThrow(/not a plain file/)
  })

  it.each([
    ['is empty', ''],
    ['is cut short', generateIdentity().privateKeyPem().slice(0, 60)],
    ['is something else', '{"key": "hunter2"}'],
    ['is far too long', 'x'.repeat(100_000)],
    ['has a letter of its key changed in the header', generateIdentity().privateKeyPem().replace('MC4', 'MD4')]
  ])('is never replaced when the file %s', (_, text) => {
    writeFileSync(file, text, { mode: 0o600 })
    expect(() => loadOrCreateIdentity(folder)).toThrow(IdentityDamagedError)
    expect(() => loadOrCreateIdentity(folder)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }))
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('is not silently another one when any letter of the key file is altered', () => {
    const { peerId } = loadOrCreateIdentity(folder)
    const text = readFileSync(file, 'utf8')
    for (let at = 0; at < text.length; at += 1) {
      writeFileSync(file, text.slice(0, at) + (text[at] === 'B' ? 'C' : 'B') + text.slice(at + 1), { mode: 0o600 })
      let found: string | undefined
      try {
        found = loadOrCreateIdentity(folder).peerId
      } catch (error) {
        expect(error).toBeInstanceOf(IdentityDamagedError)
      }
      // What stands before or between the parts may change without harm.
      expect([undefined, peerId]).toContain(found)
    }
  })

  it('may come from another tool, without our line', () => {
    const identity = generateIdentity()
    writeFileSync(file, identity.privateKeyPem(), { mode: 0o600 })
    expect(loadOrCreateIdentity(folder).peerId).toBe(identity.peerId)
  })

  it('cannot be where a file stands in the way, and the error says what to do', () => {
    writeFileSync(join(folder, 'plain'), '')
    const inside = join(folder, 'plain', 'data')
    expect(() => loadOrCreateIdentity(inside)).toThrow(IdentityFileError)
    expect(() => loadOrCreateIdentity(inside)).toThrow(expect.objectContaining({ code: 'ENOTDIR', message: expect.stringContaining('--data') }))
  })
})

needs('root')('the identity of a data folder, run as root', () => {
  it('is refused where the file belongs to someone else', () => {
    loadOrCreateIdentity(folder)
    chownSync(file, 12345, 12345)
    expect(() => loadOrCreateIdentity(folder)).toThrow(IdentityPermissionError)
    expect(() => loadOrCreateIdentity(folder)).toThrow(/belongs to user 12345/)
  })
})

describe('the data folder', () => {
  it('is where the platform keeps such data', () => {
    expect(dataFolder('linux', {}, '/home/ann')).toBe('/home/ann/.local/share/p2pnet')
    expect(dataFolder('linux', { XDG_DATA_HOME: '/data' }, '/home/ann')).toBe('/data/p2pnet')
    expect(dataFolder('linux', { XDG_DATA_HOME: 'relative' }, '/home/ann')).toBe('/home/ann/.local/share/p2pnet')
    expect(dataFolder('darwin', {}, '/Users/ann')).toBe('/Users/ann/Library/Application Support/p2pnet')
    expect(dataFolder('win32', { LOCALAPPDATA: 'C:\\Users\\ann\\AppData\\Local' }, 'C:\\Users\\ann')).toBe('C:\\Users\\ann\\AppData\\Local\\p2pnet')
    expect(dataFolder('win32', {}, 'C:\\Users\\ann')).toBe('C:\\Users\\ann\\AppData\\Local\\p2pnet')
  })
})

/** A program that waits for a line and prints whose identity it got: plain JavaScript, so that it starts fast and alone. */
function compiledProgram(target: string): string {
  const actors = join(import.meta.dirname, '../../../actors')
  for (const source of [...readdirSync(join(actors, 'identity')).map(name => join('identity', name)), join('seam', 'services.ts'), join('shared', 'lru.ts'), join('shared', 'make-folder.ts')]) {
    const { code } = transformFileSync(join(actors, source), { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } })
    const file = join(target, source.replace(/ts$/, 'js'))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, code.replace(/\.ts(["'];)/g, '.js$1'))
  }
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }')
  const program = join(target, 'main.js')
  writeFileSync(program, `
    import { loadOrCreateIdentity } from './identity/index.js'
    process.stdout.write('ready\\n')
    process.stdin.once('data', () => {
      process.stdout.write(loadOrCreateIdentity(process.argv[2]).peerId + '\\n')
      process.stdin.destroy()
    })
  `)
  return program
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit')
}
