import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { connect, createSecureContext, TLSSocket, type ConnectionOptions, type SecureContextOptions } from 'node:tls'
import { afterEach, describe, expect, it } from '@jest/globals'
import { generateIdentity, type Identity } from '../../../actors/identity/index.ts'
import { ALPN, LinkSecurityError, expectPeer, handshake, secureInbound, secureOutbound, securedBy, selfSigned, tlsOptions } from '../../../actors/tls/index.ts'
import { tcpPair } from './loopback.ts'

const ann = generateIdentity()
const bob = generateIdentity()
/** Ends what hangs, and promises nothing. */
const timeoutMs = 30_000
const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

async function pair(): Promise<[client: Socket, server: Socket]> {
  const both = await tcpPair()
  open.push(...both)
  return both
}

/** What a server of ours says to a client that does its own TLS. */
async function refusal(options: ConnectionOptions): Promise<string> {
  const [client, server] = await pair()
  const inbound = handshake(secureInbound(server, bob), { timeoutMs })
  open.push(connect({ rejectUnauthorized: false, ...options, socket: client }).on('error', () => {}))
  return codeOf(inbound)
}

/** What a client of ours says to a server that does its own TLS. */
async function refusalOfServer(options: ConnectionOptions & SecureContextOptions): Promise<string> {
  const [client, server] = await pair()
  const { ALPNProtocols, ...context } = options
  const theirs = new TLSSocket(server, {
    isServer: true, requestCert: true, rejectUnauthorized: false, secureContext: createSecureContext(context),
    ...(ALPNProtocols === undefined ? {} : { ALPNProtocols: ALPNProtocols as string[] })
  })
  open.push(theirs.on('error', () => {}))
  return codeOf(handshake(secureOutbound(client, ann), { timeoutMs }))
}

async function codeOf(secured: Promise<unknown>): Promise<string> {
  try {
    await secured
    return 'secured'
  } catch (error) {
    expect(error).toBeInstanceOf(LinkSecurityError)
    return (error as LinkSecurityError).code
  }
}

function credentials(identity: Identity): { key: string; cert: string } {
  const key = createPrivateKey(identity.privateKeyPem())
  return { key: identity.privateKeyPem(), cert: selfSigned(createPublicKey(key), key) }
}

const rsa = rsaCredentials()

describe('two peers', () => {
  it('know each other by their PeerIds after the handshake, and name the link alike', async () => {
    const [client, server] = await pair()
    const [atAnn, atBob] = await Promise.all([
      handshake(secureOutbound(client, ann), { expectedPeerId: bob.peerId, timeoutMs }),
      handshake(secureInbound(server, bob), { expectedPeerId: ann.peerId, timeoutMs })
    ])
    expect([atAnn.peerId, atBob.peerId]).toEqual([bob.peerId, ann.peerId])
    expect(Buffer.from(atAnn.publicKey)).toEqual(bob.publicKey)
    expect(atAnn.linkId).toMatch(/^[0-9a-f]{32}$/)
    expect(atBob.linkId).toBe(atAnn.linkId)
    expect(atAnn.sessionBinding).toHaveLength(32)
    expect(atBob.sessionBinding).toEqual(atAnn.sessionBinding)
    expect(Buffer.from(atAnn.sessionBinding).toString('hex')).not.toContain(atAnn.linkId)
  })

  it('may ask again who is there', async () => {
    const [client, server] = await pair()
    const [out, inbound] = [secureOutbound(client, ann), secureInbound(server, bob)]
    await Promise.all([handshake(out, { timeoutMs }), handshake(inbound, { timeoutMs })])
    expect([securedBy(out).peerId, securedBy(inbound).peerId]).toEqual([bob.peerId, ann.peerId])
  })

  it('give every link another name', async () => {
    const links = await Promise.all([1, 2].map(async () => {
      const [client, server] = await pair()
      secureInbound(server, bob)
      return (await handshake(secureOutbound(client, ann), { timeoutMs })).linkId
    }))
    expect(new Set(links).size).toBe(2)
  })

  it('lose nothing that is sent before the other side reads', async () => {
    const [client, server] = await pair()
    const [out, inbound] = [secureOutbound(client, ann), secureInbound(server, bob)]
    const secured = handshake(inbound, { timeoutMs })
    await handshake(out, { timeoutMs })
    const sent = randomBytes(1_000_000)
    out.end(sent)
    await secured
    // By now more has arrived than the socket holds without reading.
    await once(inbound, 'readable')
    expect(inbound.readableFlowing).not.toBe(true)
    expect((await buffer(inbound)).equals(sent)).toBe(true)
  })

  it('share one TLS context for all links of an identity', () => {
    expect(tlsOptions(ann).secureContext).toBe(tlsOptions(ann).secureContext)
    expect(tlsOptions(ann).secureContext).not.toBe(tlsOptions(bob).secureContext)
  })
})

describe('a peer', () => {
  it('does not take another key for the PeerId that it meant to reach', async () => {
    const [client, server] = await pair()
    secureInbound(server, bob)
    const out = secureOutbound(client, ann)
    await expect(handshake(out, { expectedPeerId: ann.peerId, timeoutMs })).rejects.toMatchObject({ name: 'LinkSecurityError', code: 'wrong-key' })
    expect(out.destroyed).toBe(true)
    expect(() => expectPeer(bob, ann.peerId)).toThrow(LinkSecurityError)
    expect(() => expectPeer(bob, bob.peerId)).not.toThrow()
    expect(() => expectPeer(bob, '')).not.toThrow()
  })

  it('refuses a client without a certificate', async () => {
    expect(await refusal({ ALPNProtocols: [ALPN] })).toBe('no-certificate')
  })

  it('refuses a client that speaks another protocol, or names none', async () => {
    expect(await refusal({ ...credentials(ann), ALPNProtocols: ['h2', 'http/1.1'] })).toBe('alpn')
    expect(await refusal({ ...credentials(ann), ALPNProtocols: ['p2pnet/2'] })).toBe('alpn')
    expect(await refusal(credentials(ann))).toBe('alpn')
  })

  it('refuses a server that speaks another protocol, or names none', async () => {
    expect(await refusalOfServer({ ...credentials(bob), ALPNProtocols: ['h2'] })).toBe('alpn')
    expect(await refusalOfServer(credentials(bob))).toBe('alpn')
  })

  it('refuses TLS 1.2, on either side', async () => {
    expect(await refusal({ ...credentials(ann), ALPNProtocols: [ALPN], maxVersion: 'TLSv1.2' })).toBe('tls-version')
    expect(await refusalOfServer({ ...credentials(bob), ALPNProtocols: [ALPN], maxVersion: 'TLSv1.2' })).toBe('tls-version')
  })

  it('refuses an RSA certificate, on either side', async () => {
    expect(await refusal({ ...rsa, ALPNProtocols: [ALPN] })).toBe('no-certificate')
    expect(await refusalOfServer({ ...rsa, ALPNProtocols: [ALPN] })).toBe('tls')
  })

  it('does not resume a session: the certificate is shown each time', async () => {
    const { secureContext, ALPNProtocols } = tlsOptions(ann)
    const first = await pair()
    const inbound = secureInbound(first[1], bob)
    void handshake(inbound, { timeoutMs }).then(() => inbound.write('x'))
    const client = connect({ secureContext, ALPNProtocols, rejectUnauthorized: false, socket: first[0] }).on('data', () => {})
    const [session] = (await once(client, 'session')) as [Buffer]
    const second = await pair()
    const again = secureInbound(second[1], bob)
    const secured = handshake(again, { timeoutMs })
    open.push(connect({ secureContext, ALPNProtocols, rejectUnauthorized: false, session, socket: second[0] }).on('error', () => {}))
    expect((await secured).peerId).toBe(ann.peerId)
    expect(again.isSessionReused()).toBe(false)
  })

  it('refuses a resumed session where a server allows it', async () => {
    const context = createSecureContext({ ...credentials(bob), sessionIdContext: 'resumable' })
    const serve = (socket: Socket): TLSSocket => new TLSSocket(socket, {
      isServer: true, requestCert: true, rejectUnauthorized: false, secureContext: context, ALPNProtocols: [ALPN]
    }).on('error', () => {})
    const first = await pair()
    const server = serve(first[1])
    server.once('secure', () => server.write('x'))
    const client = secureOutbound(first[0], ann).on('data', () => {})
    const [session] = (await once(client, 'session')) as [Buffer]
    const second = await pair()
    open.push(serve(second[1]))
    const again = connect({ ...tlsOptions(ann), session, socket: second[0] }).on('error', () => {})
    await once(again, 'secure')
    expect(again.isSessionReused()).toBe(true)
    expect(() => securedBy(again)).toThrow(expect.objectContaining({ code: 'resumed' }))
  })

  it('gives up on a silent or endless handshake when its time is up', async () => {
    const [client, server] = await pair()
    const inbound = secureInbound(server, bob)
    expect(await codeOf(handshake(inbound, { timeoutMs: 20 }))).toBe('tls-timeout')
    expect(inbound.destroyed).toBe(true)
    client.resume()
    await once(client, 'close')
  })

  it.each([
    ['something that is not TLS', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['zeros', Buffer.alloc(1024)],
    ['a record that is longer than any may be', Buffer.from('160301ffff01', 'hex')],
    ['a ClientHello of the greatest length', Buffer.concat([Buffer.from('160301400001ffffff0303', 'hex'), Buffer.alloc(16378)])],
    ['an alert', Buffer.from('15030100020228', 'hex')]
  ])('refuses %s', async (_, bytes) => {
    const [client, server] = await pair()
    const inbound = handshake(secureInbound(server, bob), { timeoutMs })
    client.write(bytes)
    expect(await codeOf(inbound)).toMatch(/^tls(-version)?$/)
  })

  it('notices when the other side leaves during the handshake', async () => {
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const [client, server] = await pair()
      const inbound = handshake(secureInbound(server, bob), { timeoutMs })
      client.write(Buffer.from('160301', 'hex'), () => client[leave]())
      expect(await codeOf(inbound)).toBe('closed')
    }
  })

  it('can give up, also before it began', async () => {
    const [, server] = await pair()
    const giveUp = new AbortController()
    const inbound = codeOf(handshake(secureInbound(server, bob), { timeoutMs, signal: giveUp.signal }))
    giveUp.abort()
    expect(await inbound).toBe('aborted')
    const [, other] = await pair()
    expect(await codeOf(handshake(secureInbound(other, bob), { timeoutMs, signal: giveUp.signal }))).toBe('aborted')
  })
})

describe('the certificate', () => {
  it('carries the identity key, signs itself, and tells nothing else', () => {
    const [one, two] = [new X509Certificate(credentials(ann).cert), new X509Certificate(credentials(bob).cert)]
    expect(one.verify(one.publicKey)).toBe(true)
    expect(one.verify(two.publicKey)).toBe(false)
    expect(Buffer.from(one.publicKey.export({ format: 'jwk' }).x as string, 'base64url')).toEqual(ann.publicKey)
    expect([one.subject, one.issuer, one.serialNumber, one.validFrom, one.validTo]).toEqual([two.subject, two.issuer, two.serialNumber, two.validFrom, two.validTo])
    expect(one.validTo).toMatch(/9999/)
  })
})

// The certificate writer knows Ed25519 only, so this one is an Ed25519 certificate's frame around an RSA key.
function rsaCredentials(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signer = generateKeyPairSync('ed25519').privateKey
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: selfSigned(publicKey, signer) }
}
