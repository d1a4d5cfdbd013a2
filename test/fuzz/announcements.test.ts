import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { AnnouncementWriter, parseAnnouncement } from '../../actors/lan/announcement.ts'
import { AnnouncementFilter, DROPS } from '../../actors/lan/announcement-filter.ts'
import { LocalNetworks } from '../../actors/lan/local-networks.ts'
import { generateIdentity, localPeer } from '../../actors/identity/index.ts'
import { AnnouncementHeard, Transport } from '../../proto/index.ts'

const networks = new LocalNetworks({
  eth0: [{ family: 'IPv4', address: '192.0.2.1', netmask: '255.255.255.0', internal: false, mac: '', cidr: null }]
}, [])
const identity = generateIdentity()
const other = generateIdentity()
const good = new AnnouncementWriter(other, localPeer(other)).announcement({ sequence: 7, port: 4_000, transport: Transport.TRANSPORT_BROADCAST })

/** A filter of its own for each datagram, so that no budget hides a rule. */
function judge(datagram: Uint8Array, address = '192.0.2.7'): AnnouncementHeard | string {
  return new AnnouncementFilter(identity, localPeer(identity), () => 0).judge(datagram, { address, port: 1 }, networks)
}

function dropped(datagram: Uint8Array): void {
  expect(DROPS).toContain(judge(datagram))
}

describe('any datagram', () => {
  it('is dropped by a named rule when it is random, and nothing throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1_100 }), dropped), { numRuns: 20_000 })
  })

  it('is dropped when it is an announcement cut short or gone on with', () => {
    for (let length = 0; length < good.length; length++) {
      const verdict = judge(good.subarray(0, length))
      // Without its padding, or with less, it is still the same announcement.
      if (verdict instanceof AnnouncementHeard) expect(length).toBeGreaterThan(150)
      else expect(DROPS).toContain(verdict)
    }
    dropped(new Uint8Array([...good, 0]))
    dropped(new Uint8Array([...good, ...new Uint8Array(1_000)]))
  })

  it('is dropped when a byte that is signed was changed', () => {
    const parsed = parseAnnouncement(good)
    if (typeof parsed === 'string') throw new Error(parsed)
    const start = Buffer.from(good).indexOf(Buffer.from(parsed.announcement))
    fc.assert(fc.property(fc.integer({ min: 0, max: parsed.announcement.length + 63 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      // The announcement, two bytes before the signature, the signature.
      const index = start + (at < parsed.announcement.length ? at : at + 2)
      const datagram = Uint8Array.from(good)
      datagram[index] = datagram[index]! ^ change
      dropped(datagram)
    }), { numRuns: 4_000 })
  })

  it('is no danger when its lengths, tags and groups are absurd', () => {
    const cases = [
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x0a, 0x00, 0x12, 0x00], [0x08, 0x01], [0x0d, 0, 0, 0, 0],
      Array.from({ length: 1_024 }, () => 0x0b), Array.from({ length: 1_024 }, (_, i) => i < 512 ? 0x0b : 0x0c),
      [...good.subarray(0, 2), ...Array.from({ length: 900 }, () => 0x0b)], [0x00], [0x07]
    ]
    for (const bytes of cases) dropped(Uint8Array.from(bytes))
  })

  it('is judged by its source whatever that is called', () => {
    fc.assert(fc.property(fc.string(), address => {
      expect(judge(good, address) === 'off-link' || address.startsWith('192.0.2.')).toBe(true)
    }))
    for (const address of ['', '__proto__', 'constructor', '%eth0', 'fe80::1%eth0']) expect(judge(good, address)).toBe('off-link')
  })
})
