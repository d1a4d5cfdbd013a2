import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { generateIdentity, networkTag, verify, type Identity } from '../../../actors/identity/index.ts'
import { ownAddresses } from '../../../actors/peer-exchange/own-addresses.ts'
import { PEER_RECORD_CONTEXT } from '../../../actors/peer-exchange/record.ts'
import { SHARE_BYTES_MAX, ShareFilter } from '../../../actors/peer-exchange/share-filter.ts'
import { CollectionShare, Endpoint, PeerRecord, SignedPeerRecord, type PeerIgnored } from '../../../proto/index.ts'

const WALL = 1_700_000_000_000
const DAY = 86_400_000
const me = generateIdentity()
const tag = networkTag('test')

function setup(tells = false) {
  let now = 0
  let verified = 0
  const counts: Record<string, number> = {}
  const ignored: PeerIgnored[] = []
  const filter = new ShareFilter({
    networkTag: tag, publicKey: me.publicKey, maxEntries: 32, sharesPerMinute: 6, recordMs: DAY, now: () => now, wallTime: () => WALL + now,
    verify: (key, record, signature) => (verified++, verify(key, PEER_RECORD_CONTEXT, record, signature)),
    count: (name, by = 1) => { counts[name] = (counts[name] ?? 0) + by },
    ...(tells && { ignored: (peer: PeerIgnored) => ignored.push(peer) })
  })
  return { filter, ignored, counts, pass: (ms: number) => { now += ms }, verified: () => verified }
}

function entry(who: Identity, change: object = {}, context = PEER_RECORD_CONTEXT): SignedPeerRecord {
  const record = PeerRecord.encode(new PeerRecord({
    version: 1, network: tag, publicKey: who.publicKey, sequence: WALL - 1_000, expiresAt: WALL + DAY - 1_000, addresses: [new Endpoint({ host: '5.1.1.1', port: 4_000 })], ...change
  })).finish()
  return new SignedPeerRecord({ record, signature: who.sign(context, record) })
}
const share = (...entries: SignedPeerRecord[]): CollectionShare => CollectionShare.decode(CollectionShare.encode(new CollectionShare({ entries })).finish())

describe('shares of other peers', () => {
  const bea = generateIdentity()

  it('give the well-signed word of their subjects, with the record as it came', () => {
    const { filter } = setup()
    const signed = entry(bea)
    expect(filter.judge('ann', share(signed))).toMatchObject([{ peerId: bea.peerId, sequence: WALL - 1_000, expiresAt: WALL + DAY - 1_000, endpoints: [{ host: '5.1.1.1', port: 4_000 }] }])
    const [claim] = setup().filter.judge('ann', share(signed))
    expect(Buffer.from(claim!.record)).toEqual(Buffer.from(SignedPeerRecord.encode(signed).finish()))
  })

  it('say whose clock is ahead: once a minute, and on its own word alone', () => {
    const { filter, ignored, counts, pass } = setup(true)
    const ahead = entry(bea, { sequence: WALL + 2 * DAY, expiresAt: WALL + 3 * DAY })
    for (let i = 0; i < 3; i++) expect(filter.judge('ann', share(ahead))).toEqual([])
    expect(ignored).toMatchObject([{
      peerId: bea.peerId, remote: { host: '5.1.1.1', port: 4_000 }, via: 'exchange', code: 'clock-ahead',
      reason: `it signed its record at ${new Date(WALL + 2 * DAY).toISOString()}, and it is ${new Date(WALL).toISOString()} here`
    }])
    expect(counts['record-future']).toBe(3)
    pass(60_000)
    filter.judge('ann', share(new SignedPeerRecord({ ...ahead, signature: new Uint8Array(64) })))
    expect(ignored).toHaveLength(1)
    filter.judge('ann', share(ahead))
    expect(ignored).toHaveLength(2)
  })

  it('are dropped where a record is not what it has to be, before a signature is checked where that shows', () => {
    const cases: [string, SignedPeerRecord, number][] = [
      ['record-malformed', new SignedPeerRecord({ record: Uint8Array.of(255), signature: new Uint8Array(64) }), 0],
      ['record-malformed', new SignedPeerRecord({ ...entry(bea), signature: new Uint8Array(3) }), 0],
      ['record-malformed', entry(bea, { version: 2 }), 0],
      ['record-malformed', entry(bea, { sequence: NaN }), 0],
      ['record-malformed', entry(bea, { addresses: Array.from({ length: 200 }, () => new Endpoint({ host: '5.1.1.1', port: 4_000 })) }), 0],
      ['record-network', entry(bea, { network: networkTag('other') }), 0],
      ['record-self', entry(me), 0],
      ['record-expired', entry(bea, { expiresAt: WALL }), 0],
      ['record-future', entry(bea, { sequence: WALL + 2 * 3_600_000, expiresAt: WALL + DAY }), 0],
      ['record-future', entry(bea, { expiresAt: WALL + 30 * DAY }), 0],
      ['record-forged', new SignedPeerRecord({ ...entry(bea), signature: generateIdentity().sign(PEER_RECORD_CONTEXT, entry(bea).record) }), 1],
      ['record-forged', entry(bea, {}, 'p2pnet/1 announcement'), 1]
    ]
    for (const [why, bad, checked] of cases) {
      const { filter, counts, verified } = setup()
      expect(filter.judge('ann', share(bad))).toEqual([])
      expect([counts, verified()]).toEqual([{ [why]: 1 }, checked])
    }
  })

  it('tell of no common service and of eight addresses at most', () => {
    const addresses = [22, 443, 1_023, 4_000, 65_536, ...Array.from({ length: 20 }, (_, n) => 5_000 + n)].map(port => new Endpoint({ host: '5.1.1.1', port }))
    expect(setup().filter.judge('ann', share(entry(bea, { addresses }))).flatMap(({ endpoints }) => endpoints.map(({ port }) => port))).toEqual([4_000, 5_000, 5_001, 5_002])
  })

  it('cannot bring back an older record, nor one that was changed; the same from another source costs no check', () => {
    const { filter, counts, verified } = setup()
    const [old, now] = [entry(bea, { sequence: WALL - 5_000 }), entry(bea)]
    expect(filter.judge('ann', share(old))).toHaveLength(1)
    expect(filter.judge('ann', share(now))).toHaveLength(1)
    expect(filter.judge('bob', share(old))).toEqual([])
    expect(filter.judge('ann', share(now))).toEqual([])
    const changed = entry(bea, { addresses: [new Endpoint({ host: '9.9.9.9', port: 4_000 })] })
    expect(filter.judge('bob', share(new SignedPeerRecord({ record: changed.record, signature: now.signature })))).toEqual([])
    expect(counts).toEqual({ 'record-stale': 1, 'record-repeated': 2 })
    expect(filter.judge('bob', share(now))).toHaveLength(1)
    expect(verified()).toBe(2)
  })

  it('are limited in size, in entries, in number, and in signatures that are checked for a source and in all', () => {
    const { filter, counts, pass, verified } = setup()
    expect(filter.admits('ann', SHARE_BYTES_MAX + 1)).toBe(false)
    expect(Array.from({ length: 20 }, () => filter.admits('ann', 100)).filter(Boolean)).toHaveLength(3)
    expect(filter.admits('bob', 100)).toBe(true)
    pass(60_000)
    expect(Array.from({ length: 20 }, () => filter.admits('ann', 100)).filter(Boolean)).toHaveLength(3)
    expect(counts).toMatchObject({ 'share-oversize': 1, 'share-rate': 34 })

    const forged = Array.from({ length: 100 }, (_, n) => new SignedPeerRecord({ ...entry(bea, { sequence: WALL - n }), signature: new Uint8Array(64) }))
    filter.judge('ann', share(...forged))
    expect(counts).toMatchObject({ 'share-entries': 68, 'record-forged': 32 })
    for (let n = 0; n < 5; n++) filter.judge('ann', share(...forged.slice(0, 32)))
    expect(verified()).toBe(64)
    for (let n = 0; n < 100; n++) filter.judge(`eve-${n}`, share(...forged.slice(0, 32)))
    expect(verified()).toBe(512)
  })

  it('may hold anything: nothing throws', () => {
    const { filter, pass } = setup()
    const good = CollectionShare.encode(share(entry(bea), entry(generateIdentity()))).finish()
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), fc.uint8Array({ maxLength: 300 }), (flips, noise) => {
      pass(1_000)
      const bytes = Uint8Array.from(good)
      for (const [at, value] of flips) bytes[at] = value
      let decoded: CollectionShare | undefined
      try { decoded = CollectionShare.decode(bytes) } catch { decoded = undefined }
      if (decoded !== undefined) for (const claim of filter.judge('ann', decoded)) expect(claim.endpoints.length).toBeLessThanOrEqual(8)
      filter.judge('ann', new CollectionShare({ entries: [new SignedPeerRecord({ record: noise, signature: new Uint8Array(64) })] }))
    }))
  })
})

describe('the own record', () => {
  it('has the addresses where others can dial, public ones first', () => {
    const here = ['127.0.0.1', '::1', '10.0.0.5', '5.6.7.8', 'fe80::1', '2a02::5']
    const of = (host: string, loopback = false) => ownAddresses([{ host, port: 4_000 }], here, loopback).map(each => each.host)
    expect(of('0.0.0.0')).toEqual(['5.6.7.8', '10.0.0.5'])
    expect(of('::')).toEqual(['2a02::5'])
    expect([of('10.0.0.5'), of('127.0.0.1'), of('127.0.0.1', true), of('fe80::1%eth0')]).toEqual([['10.0.0.5'], [], ['127.0.0.1'], []])
  })
})
