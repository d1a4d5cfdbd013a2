import { describe, expect, it } from '@jest/globals'
import { AnnouncementWriter, parseAnnouncement } from '../../../actors/lan/announcement.ts'
import { ANNOUNCEMENT_BYTES, ANNOUNCEMENT_CONTEXT } from '../../../actors/lan/wire.ts'
import { generateIdentity, localPeer, verify } from '../../../actors/identity/index.ts'
import { Announcement, Instance, SignedAnnouncement, Transport, type Message } from '../../../proto/index.ts'

const identity = generateIdentity()
const { TRANSPORT_BROADCAST, TRANSPORT_MULTICAST } = Transport

function writer(name: string): AnnouncementWriter {
  return new AnnouncementWriter(identity, localPeer(identity, { name }))
}

/** An announcement with anything in it, correctly signed. */
function signed(fields: Partial<Announcement>): Uint8Array {
  const announcement = Announcement.encode(new Announcement({
    version: 1, network: new Uint8Array(16), publicKey: identity.publicKey,
    instance: new Instance({ startedAt: 1, nonce: new Uint8Array(8) }), sequence: 1, port: 4_000, name: 'ada', ...fields
  } as Message)).finish()
  return SignedAnnouncement.encode(new SignedAnnouncement({ announcement, signature: identity.sign(ANNOUNCEMENT_CONTEXT, announcement) })).finish()
}

describe('an announcement', () => {
  it('has 256 bytes, whatever the name, the port and the sequence', () => {
    for (const name of ['', 'a', 'ada', 'a'.repeat(64), 'ä'.repeat(200), '𝔸'.repeat(64)]) {
      for (const sequence of [1, 128, 16_384, 4_294_967_295]) {
        for (const port of [0, 1_024, 65_535]) {
          expect(writer(name).announcement({ sequence, port, transport: TRANSPORT_MULTICAST }).length).toBe(ANNOUNCEMENT_BYTES)
        }
      }
    }
  })

  it('is never smaller than the answer to it', () => {
    for (const name of ['', 'a'.repeat(64)]) {
      const answer = writer(name).answer({ sequence: 4_294_967_295, port: 65_535, transport: TRANSPORT_MULTICAST }, ANNOUNCEMENT_BYTES)
      expect(parseAnnouncement(answer!)).toMatchObject({ answer: true, name })
    }
  })

  it('leaves the name out of an answer that would be too large, and is none where even that is', () => {
    const answer = (maxBytes: number) => writer('a'.repeat(64)).answer({ sequence: 9, port: 4_000, transport: TRANSPORT_BROADCAST }, maxBytes)
    expect(parseAnnouncement(answer(200)!)).toMatchObject({ name: '', sequence: 9 })
    expect(answer(200)!.length).toBeLessThanOrEqual(200)
    expect(answer(100)).toBeUndefined()
  })

  it('arrives as it was written, and signed', () => {
    const local = localPeer(identity, { name: 'ada' })
    const parsed = parseAnnouncement(new AnnouncementWriter(identity, local).announcement({ sequence: 7, port: 4_000, transport: TRANSPORT_BROADCAST }))
    if (typeof parsed === 'string') throw new Error(parsed)
    expect(parsed).toMatchObject({ sequence: 7, port: 4_000, name: 'ada', answer: false, transport: TRANSPORT_BROADCAST, startedAt: local.instance.startedAt })
    expect([parsed.network, parsed.publicKey, parsed.nonce].map(each => Buffer.from(each)))
      .toEqual([local.networkTag, identity.publicKey, local.instance.nonce].map(each => Buffer.from(each)))
    expect(verify(parsed.publicKey, ANNOUNCEMENT_CONTEXT, parsed.announcement, parsed.signature)).toBe(true)
  })

  it('is signed once for all its copies', () => {
    let signatures = 0
    const counting = { ...identity, publicKey: identity.publicKey, peerId: identity.peerId, privateKeyPem: () => '', sign: (context: string, bytes: Uint8Array) => (signatures++, identity.sign(context, bytes)) }
    const writer = new AnnouncementWriter(counting, localPeer(identity))
    for (const transport of [TRANSPORT_BROADCAST, TRANSPORT_MULTICAST]) for (let i = 0; i < 10; i++) writer.announcement({ sequence: 1, port: 4_000, transport })
    expect(signatures).toBe(1)
    for (let i = 0; i < 10; i++) writer.answer({ sequence: 1, port: 4_000, transport: TRANSPORT_BROADCAST }, 256)
    expect(signatures).toBe(2)
    writer.announcement({ sequence: 2, port: 4_000, transport: TRANSPORT_BROADCAST })
    expect(signatures).toBe(3)
  })

  it('is cut to whole characters where the name is long', () => {
    const parsed = parseAnnouncement(writer('ä'.repeat(31) + 'a' + '𝔸').announcement({ sequence: 1, port: 0, transport: TRANSPORT_BROADCAST }))
    expect(parsed).toMatchObject({ name: 'ä'.repeat(31) + 'a' })
  })

  it('cannot move a cursor with its name', () => {
    expect(parseAnnouncement(signed({ name: 'a\u001b[2J\u202e\u0000\u2028b' }))).toMatchObject({ name: 'a\ufffd[2J\ufffd\ufffd\ufffdb' })
  })

  it('is refused with a field out of its range, however well signed', () => {
    expect(typeof parseAnnouncement(signed({}))).toBe('object')
    expect(parseAnnouncement(signed({ version: 2 }))).toBe('version')
    expect(parseAnnouncement(signed({ version: 0 }))).toBe('version')
    for (const port of [1, 22, 443, 1_023, 65_536, 4_294_967_295]) expect(parseAnnouncement(signed({ port }))).toBe('port')
    const malformed: Partial<Announcement>[] = [
      { network: new Uint8Array(15) }, { network: new Uint8Array() }, { publicKey: new Uint8Array(33) }, { instance: null },
      { instance: new Instance({ startedAt: 1, nonce: new Uint8Array(9) }) }, { name: 'a'.repeat(65) },
      ...[-1, 0.5, NaN, Infinity, 2 ** 60].map(startedAt => ({ instance: new Instance({ startedAt, nonce: new Uint8Array(8) }) }))
    ]
    for (const fields of malformed) expect(parseAnnouncement(signed(fields))).toBe('malformed')
  })
})
