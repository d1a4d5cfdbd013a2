import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateIdentity, NetworkKey } from '../../../actors/identity/index.ts'
import { signCertificate } from '../../../actors/verify-authority/index.ts'
import { trustOptions, type TrustValues } from '../../../runtime/cli/up/trust.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-trust-')) })
afterAll(() => rmSync(folder, { recursive: true }))

const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const key = NetworkKey.generate().text()
const [ann, authority] = [generateIdentity(), generateIdentity()]
const kinds = (values: TrustValues, env?: string) => trustOptions(values, env).verify?.map(({ kind }) => kind)

describe('what `up` is told about trust', () => {
  it('is an open network without a key, and the proof of the key with one', () => {
    expect(trustOptions({}, undefined)).toEqual({})
    expect((trustOptions({}, key).key as NetworkKey).text()).toBe(key)
    expect((trustOptions({ keyFile: put('key', `${key}\n`) }, undefined).key as NetworkKey).text()).toBe(key)
    expect(kinds({}, key)).toBeUndefined()
  })

  it('are steps in the order in which they are named', () => {
    const certificate = put('certificate', Buffer.from(signCertificate(authority, { peerId: ann.peerId, notBefore: 0, notAfter: 1 })).toString('base64'))
    expect(kinds({ trust: ['ask', 'secret', 'authority', 'allowlist', 'pings'], allow: [ann.peerId], authority: [authority.peerId], certificate }, key))
      .toEqual(['verify-ask', 'verify-secret', 'verify-authority', 'verify-allowlist', 'verify-pings'])
    expect(trustOptions({ certificate }, undefined).answers?.map(({ kind }) => kind)).toEqual(['verify-authority'])
  })

  it('is refused where a step lacks what it needs, rather than guard nothing', () => {
    const wrong: [TrustValues, string | undefined, RegExp][] = [
      [{}, key.slice(1), /P2PNET_KEY: a network key has/],
      [{ keyFile: join(folder, 'none') }, undefined, /cannot be read \(ENOENT\)/],
      [{ keyFile: put('large', 'x'.repeat(5_000)) }, undefined, /another file/],
      [{ keyFile: join(folder, 'none') }, key, /leave one out/],
      [{ trust: ['secret'] }, undefined, /needs a key/],
      [{ trust: ['allowlist'] }, undefined, /lets nobody pass/],
      [{ trust: ['allowlist'], allow: ['ann'] }, undefined, /is no PeerId/],
      [{ allow: [ann.peerId] }, undefined, /give --trust allowlist/],
      [{ trust: ['authority'] }, undefined, /needs an authority/],
      [{ authority: [ann.peerId] }, undefined, /give --trust authority/],
      [{ certificate: put('no-certificate', 'hello') }, undefined, /--certificate/]
    ]
    for (const [values, env, line] of wrong) expect(() => trustOptions(values, env)).toThrow(line)
  })
})
