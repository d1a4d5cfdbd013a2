import { networkInterfaces } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { AnnouncementWriter } from '../../../actors/lan/announcement.ts'
import { AnnouncementFilter, type Source } from '../../../actors/lan/announcement-filter.ts'
import { LocalNetworks } from '../../../actors/lan/local-networks.ts'
import { TokenBucket, TokenBuckets } from '../../../actors/shared/token-buckets.ts'
import { generateIdentity, localPeer } from '../../../actors/identity/index.ts'
import { AnnouncementHeard, SignedAnnouncement, Transport } from '../../../proto/index.ts'

const lan = new LocalNetworks({
  eth0: [{ family: 'IPv4', address: '192.0.2.1', netmask: '255.255.255.0', internal: false, mac: '', cidr: null }],
  lo: networkInterfaces()['lo']?.filter(({ family }) => family === 'IPv4')
}, [])

function filter() {
  const identity = generateIdentity()
  const clock = { now: 0 }
  const made = new AnnouncementFilter(identity, localPeer(identity), () => clock.now)
  const judge = (datagram: Uint8Array, address = '192.0.2.7', port = 50_000) => {
    const verdict = made.judge(datagram, { address, port } satisfies Source, lan)
    return verdict instanceof AnnouncementHeard ? 'heard' : verdict
  }
  return { made, clock, judge }
}

function peer(startedAt?: number, identity = generateIdentity()) {
  const local = localPeer(identity)
  const writer = new AnnouncementWriter(identity, startedAt === undefined ? local : { ...local, instance: { ...local.instance, startedAt } })
  return { identity, say: (sequence: number, port = 4_000) => writer.announcement({ sequence, port, transport: Transport.TRANSPORT_MULTICAST }) }
}

function forge(datagram: Uint8Array): Uint8Array {
  const signed = SignedAnnouncement.decode(datagram)
  signed.signature = signed.signature.map((byte, i) => i === 5 ? byte ^ 1 : byte)
  return SignedAnnouncement.encode(signed).finish()
}

describe('the announcement filter', () => {
  it('tells an announcement once for each address that it comes from', () => {
    const { judge, clock } = filter()
    const one = peer().say(1)
    expect(['192.0.2.7', '192.0.2.7'].map(address => judge(one, address))).toEqual(['heard', 'repeated'])
    clock.now = 600
    expect(['192.0.2.7', '127.0.0.1', '127.0.0.1'].map(address => judge(one, address))).toEqual(['repeated', 'heard', 'repeated'])
  })

  it('tells a new instance from one address at first, and the others with its next copies', () => {
    const { judge, clock } = filter()
    const identity = generateIdentity()
    const [former, later] = [peer(1_000, identity), peer(2_000, identity)]
    expect(['192.0.2.7', '192.0.2.8'].map(address => judge(former.say(1), address))).toEqual(['heard', 'repeated'])
    clock.now = 600
    expect(judge(former.say(1), '192.0.2.8')).toBe('heard')
    expect(['192.0.2.7', '192.0.2.8'].map(address => judge(later.say(1), address))).toEqual(['heard', 'repeated'])
  })

  it('does not wait with the first address that takes links', () => {
    const { judge } = filter()
    const ada = peer()
    expect([judge(ada.say(1, 0)), judge(ada.say(1), '192.0.2.8'), judge(ada.say(1), '192.0.2.9')]).toEqual(['heard', 'heard', 'repeated'])
  })

  it('judges a copy of what was dropped before by what is known now', () => {
    const { judge, clock } = filter()
    const ada = peer()
    const [first, second] = [ada.say(1), ada.say(2)]
    expect([first, first, second, first, second].map(each => judge(each))).toEqual(['heard', 'repeated', 'heard', 'stale', 'repeated'])
    clock.now = 600_001
    expect([first, first].map(each => judge(each))).toEqual(['heard', 'repeated'])
  })

  it('knows its own announcements by every copy', () => {
    const identity = generateIdentity()
    const local = localPeer(identity)
    const own = new AnnouncementWriter(identity, local).announcement({ sequence: 1, port: 4_000, transport: Transport.TRANSPORT_BROADCAST })
    const made = new AnnouncementFilter(identity, local, () => 0)
    expect([1, 2, 3].map(() => made.judge(own, { address: '192.0.2.7', port: 50_000 }, lan))).toEqual(['self', 'self', 'self'])
  })

  it('drops what is older than what it verified, before it checks any signature', () => {
    const { judge } = filter()
    const [now, identity] = [2_000_000, generateIdentity()]
    const [current, former] = [peer(now, identity), peer(now - 1, identity)]
    expect(judge(current.say(5))).toBe('heard')
    expect([current.say(4), former.say(9), forge(current.say(4)), forge(current.say(5))].map(each => judge(each))).toEqual(['stale', 'stale', 'stale', 'repeated'])
    expect(judge(current.say(6))).toBe('heard')
  })

  it('is not moved by forgeries: the true announcement is heard after them', () => {
    const { judge } = filter()
    const ada = peer()
    expect(judge(forge(ada.say(1_000)))).toBe('forged')
    expect(judge(ada.say(1))).toBe('heard')
    expect(judge(forge(ada.say(1_000)), '192.0.2.66')).toBe('forged')
    expect(judge(ada.say(2))).toBe('heard')
  })

  it('takes an older instance once the newer has been silent for ten minutes', () => {
    const { judge, clock } = filter()
    const identity = generateIdentity()
    expect(judge(peer(2_000, identity).say(1))).toBe('heard')
    clock.now = 600_001
    expect(judge(peer(1_000, identity).say(1))).toBe('heard')
  })

  it('lets no source have more than its share', () => {
    const { judge, clock } = filter()
    const garbage = new Uint8Array(8)
    const verdicts = Array.from({ length: 1_000 }, () => judge(garbage))
    expect(verdicts.filter(verdict => verdict === 'malformed').length).toBe(256)
    expect(verdicts.filter(verdict => verdict === 'source-rate').length).toBe(744)
    expect(judge(peer().say(1), '192.0.2.8')).toBe('heard')
    expect(judge(peer().say(1))).toBe('source-rate')
    clock.now += 1_000
    expect(judge(peer().say(1))).toBe('heard')
  })

  it('checks a bounded number of signatures, from one source and in all', () => {
    const { judge, clock } = filter()
    const verdicts = Array.from({ length: 100 }, () => judge(forge(peer().say(1))))
    expect(verdicts.filter(verdict => verdict === 'forged').length).toBe(64)
    expect(verdicts.filter(verdict => verdict === 'verify-rate').length).toBe(36)
    const forged = forge(peer().say(1))
    let checked = 64
    for (let host = 8; host < 200; host++) for (let i = 0; i < 10; i++) if (judge(forged, `192.0.2.${host}`) === 'forged') checked++
    expect(checked).toBe(512)
    clock.now += 1_000
    expect(judge(peer().say(1), '192.0.2.9')).toBe('heard')
  })

  it('holds a bounded number of sources and peers', () => {
    const { made, judge, clock } = filter()
    for (let i = 0; i < 3_000; i++) {
      clock.now += 10
      judge(new Uint8Array(1), '127.0.0.1', 1_024 + i)
    }
    expect(made.held.sources).toBe(1_024)
    const ada = peer()
    expect(judge(ada.say(1), '192.0.2.10')).toBe('heard')
    clock.now += 600
    for (let i = 1; i < 8; i++) expect(judge(ada.say(1), `192.0.2.${10 + i}`)).toBe('heard')
    expect(judge(ada.say(1), '192.0.2.99')).toBe('repeated')
  })

  it('budgets each process of this machine for itself', () => {
    const { judge } = filter()
    for (let i = 0; i < 300; i++) judge(new Uint8Array(1), '127.0.0.1', 2_000)
    expect(judge(new Uint8Array(1), '127.0.0.1', 2_000)).toBe('source-rate')
    expect(judge(peer().say(1), '127.0.0.1', 2_001)).toBe('heard')
  })
})

describe('a token bucket', () => {
  it('gives its burst, then what it regains', () => {
    const bucket = new TokenBucket({ burst: 3, perSecond: 2 }, 0)
    expect([0, 0, 0, 0, 499, 500, 501, 100_000, 100_000, 100_000, 100_000].map(now => bucket.take(now)))
      .toEqual([true, true, true, false, false, true, false, true, true, true, false])
  })

  it('is kept for the sources heard last', () => {
    const buckets = new TokenBuckets({ burst: 1, perSecond: 0 }, 2)
    expect(['a', 'b', 'a', 'c', 'b', 'b'].map(source => buckets.take(source, 0))).toEqual([true, true, false, true, true, false])
  })
})
