import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Identity, NotAnIdentityError, generateIdentity, identityFromPem, isPeerId, localPeer, networkTag, peerIdOf, verify } from '../../../actors/identity/index.ts'
import { base32, fromBase32 } from '../../../actors/identity/base32.ts'
import { separated } from '../../../actors/identity/domain.ts'
import { Lru } from '../../../actors/shared/lru.ts'
import { Services } from '../../../actors/seam/index.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')

describe('base32', () => {
  // RFC 4648, section 10, in lowercase and without padding.
  it.each([['', ''], ['f', 'my'], ['fo', 'mzxq'], ['foo', 'mzxw6'], ['foob', 'mzxw6yq'], ['fooba', 'mzxw6ytb'], ['foobar', 'mzxw6ytboi']])(
    'writes %j as %j', (text, encoded) => {
      expect(base32(bytes(text))).toBe(encoded)
      expect(Buffer.from(fromBase32(encoded) as Uint8Array).toString()).toBe(text)
    }
  )

  it('reads back whatever it wrote, and nothing else for the same bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), data => {
      expect(Buffer.from(fromBase32(base32(data)) as Uint8Array)).toEqual(Buffer.from(data))
    }))
    for (const text of ['mz', 'm', 'MY', 'm1', 'mya', 'my======']) expect(fromBase32(text)).toBeUndefined()
  })
})

describe('a PeerId', () => {
  it('is the lowercase base32 of the SHA-256 of the raw public key', () => {
    const identity = generateIdentity()
    expect(identity.publicKey).toHaveLength(32)
    expect(identity.peerId).toBe(base32(createHash('sha256').update(identity.publicKey).digest()))
    expect(identity.peerId).toHaveLength(52)
  })

  it('is recognised by its form, and only in that form', () => {
    for (let n = 0; n < 50; n += 1) expect(isPeerId(generateIdentity().peerId)).toBe(true)
    const { peerId } = generateIdentity()
    for (const text of ['', peerId.slice(1), `${peerId}a`, peerId.toUpperCase(), `${peerId.slice(0, 51)}b`, `1${peerId.slice(1)}`, `${peerId}\n`, undefined, 5]) {
      expect(isPeerId(text)).toBe(false)
    }
  })

  it('is not made from a key of another length', () => {
    expect(() => peerIdOf(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('a signature', () => {
  const identity = generateIdentity()
  const other = generateIdentity()
  const data = bytes('hello')
  const signature = identity.sign('announcement', data)

  it('is valid for its key, its use and its bytes alone', () => {
    expect(signature).toHaveLength(64)
    expect(verify(identity.publicKey, 'announcement', data, signature)).toBe(true)
    expect(verify(other.publicKey, 'announcement', data, signature)).toBe(false)
    expect(verify(identity.publicKey, 'record', data, signature)).toBe(false)
    expect(verify(identity.publicKey, 'announcement', bytes('hellp'), signature)).toBe(false)
  })

  it('cannot be carried to another use by moving the border between use and bytes', () => {
    const moved = identity.sign('use', bytes('dXY'))
    expect(verify(identity.publicKey, 'used', bytes('XY'), moved)).toBe(false)
    expect(verify(identity.publicKey, 'us', bytes('edXY'), moved)).toBe(false)
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), fc.string({ minLength: 1, maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (a, x, b, y) => {
      const same = Buffer.from(a).equals(Buffer.from(b)) && Buffer.from(x).equals(Buffer.from(y))
      expect(Buffer.from(separated(a, x)).equals(separated(b, y))).toBe(same)
    }))
  })

  it('is not valid without its use: bytes signed as they are say nothing', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
    expect(verify(raw, 'announcement', data, sign(null, data, privateKey))).toBe(false)
  })

  it('is refused without an error whatever comes from the network', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }), (key, forged) => {
      expect(verify(key, 'announcement', data, forged)).toBe(false)
    }))
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = Buffer.from(signature)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(verify(identity.publicKey, 'announcement', data, flipped)).toBe(false)
    }
    // Not a point of the curve, and the two of lowest order.
    for (const key of [Buffer.alloc(32, 0xff), Buffer.alloc(32), Buffer.alloc(32, 1)]) {
      expect(typeof verify(key, 'announcement', data, signature)).toBe('boolean')
    }
  })

  it('needs a use of 1 to 255 bytes', () => {
    expect(() => identity.sign('', data)).toThrow(RangeError)
    expect(() => identity.sign('x'.repeat(256), data)).toThrow(RangeError)
  })
})

describe('an identity', () => {
  it('survives its PEM', () => {
    const identity = generateIdentity()
    expect(identityFromPem(identity.privateKeyPem()).peerId).toBe(identity.peerId)
  })

  it('does not show its private key when it is printed or put into JSON', () => {
    const identity = generateIdentity()
    const secret = (identity.privateKeyPem().split('\n')[1] as string).slice(-43)
    expect(JSON.stringify(identity)).not.toContain(secret)
    expect(Object.keys(identity).sort()).toEqual(['peerId', 'publicKey'])
  })

  it('is refused when the text is no key, or no Ed25519 key, without repeating the text', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    expect(() => identityFromPem(rsa)).toThrow(NotAnIdentityError)
    expect(() => identityFromPem(rsa)).toThrow(/rsa, not ed25519/)
    const locked = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string
    expect(() => identityFromPem(locked)).toThrow(NotAnIdentityError)
    expect(() => identityFromPem('secret rubbish')).toThrow(expect.objectContaining({ message: expect.not.stringContaining('rubbish') }))
  })

  it('is one for the whole peer', () => {
    const services = new Services()
    expect(services.get(Identity)).toBe(services.get(Identity))
    expect(new Services().get(Identity).peerId).not.toBe(services.get(Identity).peerId)
  })
})

describe('the local peer', () => {
  it('tells the network by a tag of 16 bytes that differs from name to name', () => {
    expect(networkTag('home')).toHaveLength(16)
    expect(networkTag('home')).toEqual(networkTag('home'))
    expect(networkTag('home')).not.toEqual(networkTag('work'))
  })

  it('has an instance of its own each time', () => {
    const identity = generateIdentity()
    const [one, two] = [localPeer(identity, { name: 'ann', network: 'home' }), localPeer(identity)]
    expect(one).toMatchObject({ peerId: identity.peerId, name: 'ann', network: 'home', networkTag: networkTag('home') })
    expect(one.instance.nonce).toHaveLength(8)
    expect(one.instance.nonce).not.toEqual(two.instance.nonce)
    expect(two).toMatchObject({ name: identity.peerId.slice(0, 8), network: 'p2pnet' })
  })
})

describe('the cache of keys', () => {
  it('stays at its size and keeps what is in use', () => {
    const cache = new Lru<number, string>(3)
    for (let n = 0; n < 100; n += 1) {
      cache.set(n, `${n}`)
      cache.get(0)
    }
    expect(cache.size).toBe(3)
    expect(cache.get(0)).toBe('0')
    expect(cache.get(97)).toBeUndefined()
    expect(cache.get(99)).toBe('99')
  })
})
