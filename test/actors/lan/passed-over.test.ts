import { describe, expect, it } from '@jest/globals'
import { generateIdentity, localPeer, NetworkKey, type Identity } from '../../../actors/identity/index.ts'
import { AnnouncementFilter, type Drop } from '../../../actors/lan/announcement-filter.ts'
import { AnnouncementWriter } from '../../../actors/lan/announcement.ts'
import { LocalNetworks } from '../../../actors/lan/local-networks.ts'
import { Announcement, AnnouncementHeard, SignedAnnouncement, Transport } from '../../../proto/index.ts'

const lan = new LocalNetworks({ eth0: [{ family: 'IPv4', address: '192.0.2.1', netmask: '255.255.255.0', internal: false, mac: '', cidr: null }] }, [])
const source = { address: '192.0.2.7', port: 50_000 }

/** A filter, and what it says of a datagram that it drops. */
function filter(options: { network?: string; key?: NetworkKey } = {}) {
  const identity = generateIdentity()
  const clock = { now: 0 }
  const made = new AnnouncementFilter(identity, localPeer(identity, options), () => clock.now)
  const hear = (datagram: Uint8Array, from = source) => {
    const verdict = made.judge(datagram, from, lan)
    return verdict instanceof AnnouncementHeard ? undefined : made.explain(verdict as Drop, datagram, from)
  }
  return { clock, hear, identity }
}

function announcement({ identity = generateIdentity(), sequence = 1, ...options }: { identity?: Identity; sequence?: number; network?: string; key?: NetworkKey; startedAt?: number; name?: string }): Uint8Array {
  return new AnnouncementWriter(identity, localPeer(identity, options)).announcement({ sequence, port: 4_000, transport: Transport.TRANSPORT_MULTICAST })
}

describe('whoever discovery passes over', () => {
  it('is told of where it is of another network, with what is known of that', () => {
    const identity = generateIdentity()
    const { hear } = filter({ network: 'office' })
    expect(hear(announcement({ identity, network: 'home', name: 'bob' }))).toMatchObject({
      peerId: identity.peerId, name: 'bob', remote: { host: '192.0.2.7', port: 4_000 }, via: 'multicast', code: 'other-network',
      reason: 'it is of a network of another name, or of another key'
    })
    expect(hear(announcement({}))?.reason).toMatch(/'p2pnet' without a key/)
    const guarded = filter({ network: 'office', key: NetworkKey.generate() })
    expect(guarded.hear(announcement({ network: 'office' }))?.reason).toMatch(/called 'office' too, and has no key/)
    expect(guarded.hear(announcement({ network: 'office', key: NetworkKey.generate() }))?.reason).toMatch(/another name, or of another key/)
  })

  it('is told of once a minute', () => {
    const { hear, clock } = filter()
    const identity = generateIdentity()
    const told = (sequence: number) => hear(announcement({ identity, network: 'home', sequence })) !== undefined
    expect([told(1), told(2)]).toEqual([true, false])
    clock.now = 59_999
    expect(told(3)).toBe(false)
    clock.now = 60_000
    expect([told(4), told(5)]).toEqual([true, false])
  })

  it('is told of where its clock went back, and by how much; not where an old datagram comes late', () => {
    const { hear, clock } = filter()
    const identity = generateIdentity()
    const day = 86_400_000
    const before = announcement({ identity, startedAt: Date.UTC(2026, 0, 2) })
    expect(hear(before)).toBeUndefined()
    const after = (sequence: number) => hear(announcement({ identity, startedAt: Date.UTC(2026, 0, 2) - day, sequence }))
    expect(after(1)).toBeUndefined()
    clock.now = 499
    expect(after(2)).toBeUndefined()
    clock.now = 600
    expect(after(3)).toMatchObject({
      peerId: identity.peerId, code: 'clock-behind',
      reason: 'it says that it began at 2026-01-01T00:00:00.000Z, and an earlier life of it, heard before, at 2026-01-02T00:00:00.000Z'
    })
    // Late ones of the same life are no matter of clocks.
    const other = generateIdentity()
    const life = { identity: other, startedAt: 5 }
    expect(hear(announcement({ ...life, sequence: 9 }))).toBeUndefined()
    for (clock.now = 1_000; clock.now < 5_000; clock.now += 100) expect(hear(announcement({ ...life, sequence: 1 }))).toBeUndefined()
  })

  it('is told of where it speaks another version, by its address: who it is cannot be known', () => {
    const { hear } = filter()
    const signed = SignedAnnouncement.decode(announcement({}))
    signed.announcement = Announcement.encode(new Announcement({ ...Announcement.decode(signed.announcement), version: 7 })).finish()
    const datagram = SignedAnnouncement.encode(signed).finish()
    expect(hear(datagram)).toMatchObject({ peerId: '', remote: { host: '192.0.2.7', port: 50_000 }, code: 'version', reason: 'it announces itself by version 7, and this side understands version 1' })
    expect(hear(datagram)).toBeUndefined()
  })

  it('is not told of on anybody else\'s word', () => {
    const { hear } = filter()
    const signed = SignedAnnouncement.decode(announcement({ network: 'home' }))
    signed.signature = signed.signature.map(byte => byte ^ 1)
    expect(hear(SignedAnnouncement.encode(signed).finish())).toBeUndefined()
    expect(hear(new Uint8Array(8))).toBeUndefined()
  })

  it('is told of as often as a person can read, however many there are', () => {
    const { hear, clock } = filter()
    let told = 0
    for (let second = 0; second < 10; second++) {
      clock.now = second * 1_000
      for (let i = 0; i < 20; i++) if (hear(announcement({ network: 'home' }), { address: `192.0.2.${10 + i}`, port: 50_000 })) told++
    }
    expect(told).toBeLessThanOrEqual(32 + 9)
    expect(told).toBeGreaterThan(32)
  })
})
