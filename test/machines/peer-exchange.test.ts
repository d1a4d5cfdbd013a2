import { describe, expect, it } from '@jest/globals'
import { peerExchangeMachine, type PeerExchangeOptions } from '../../machines/peer-exchange.ts'
import {
  Endpoint, Listening, PeerClaim, PeerConnected, PeerDisconnected, PeerSample, PeerVerified, RecordSigned, ShareHeard, type PeersClaimed
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'

const RECORDS = 'peer-exchange/main#records'
const DIRECTORY = 'peer-directory/main'
const own = Uint8Array.of(1)

class ExchangeRun extends MachineRun {
  constructor(options: Partial<PeerExchangeOptions> = {}) {
    super(peerExchangeMachine, { address: 'peer-exchange/main', options })
  }

  link(peerId: string, host = '5.1.1.1'): this {
    this.hear(new PeerConnected({ peerId, remote: new Endpoint({ host, port: 4_000 }) }))
    this.hear(new PeerVerified({ peerId }))
    return this
  }

  /** The directory answers each question with this. */
  answer(...records: Uint8Array[]): this {
    for (const { body } of this.of('SampleWanted')) this.hear(new PeerSample({ peerId: body.peerId, records }), DIRECTORY)
    return this
  }

  told(source: string, ...hosts: string[]): string[] {
    this.take()
    const claims = hosts.map((host, n) => new PeerClaim({ peerId: `p${n}`, sequence: 1, endpoints: [new Endpoint({ host, port: 4_000 })] }))
    this.hear(new ShareHeard({ peerId: source, claims }), RECORDS)
    return this.take().flatMap(({ body }) => (body as PeersClaimed).claims.flatMap(({ endpoints = [] }) => endpoints!.map(({ host }) => host ?? '')))
  }
}

describe('the peer exchange', () => {
  it('leaves a new link alone for two seconds, then tells it once of this peer and others', () => {
    const run = new ExchangeRun({ joinDelayMs: 0 })
    run.hear(new Listening({ endpoints: [new Endpoint({ host: '::', port: 4_000 })] }))
    expect(run.take()).toMatchObject([{ to: RECORDS, type: 'SignRecord', body: { endpoints: [{ host: '::', port: 4_000 }] } }])
    run.hear(new RecordSigned({ record: own }), RECORDS)
    run.link('bea').pass(1_999)
    expect(run.take()).toEqual([])
    run.pass(2_001)
    expect(run.of('SampleWanted')).toMatchObject([{ to: DIRECTORY, body: { peerId: 'bea', count: 16 } }])
    run.answer(Uint8Array.of(2), Uint8Array.of(3))
    expect(run.of('SendShare')).toMatchObject([{ to: RECORDS, body: { peerId: 'bea', records: [own, Uint8Array.of(2), Uint8Array.of(3)] } }])
    run.pass(40_000)
    expect(run.of('SampleWanted')).toHaveLength(1)
  })

  it('trickles to no link that is new', () => {
    const run = new ExchangeRun({ trickleMs: 100 })
    run.link('bea').pass(1_999)
    expect(run.of('SampleWanted')).toEqual([])
  })

  it('then trickles: about once a minute, to a few links by chance', () => {
    const run = new ExchangeRun()
    for (let n = 0; n < 20; n++) run.link(`peer-${n}`)
    run.pass(10_000)
    run.take()
    run.pass(3_600_000)
    const asked = run.of('SampleWanted')
    expect(asked.length / 3).toBeGreaterThanOrEqual(50)
    expect(asked.length / 3).toBeLessThanOrEqual(75)
    expect(new Set(asked.map(({ body }) => body.peerId)).size).toBe(20)
    const rounds = [...new Set(asked.map(({ time }) => time))]
    for (const [n, time] of rounds.slice(1).entries()) {
      expect(time - rounds[n]!).toBeGreaterThanOrEqual(48_000)
      expect(time - rounds[n]!).toBeLessThanOrEqual(72_000)
    }
  })

  it('tells everybody when the own addresses change, each at a time of its own', () => {
    const run = new ExchangeRun()
    for (let n = 0; n < 10; n++) run.link(`peer-${n}`)
    run.pass(10_000)
    run.take()
    run.hear(new RecordSigned({ record: own }), RECORDS)
    run.pass(4_000)
    const asked = run.of('SampleWanted')
    expect(asked).toHaveLength(10)
    expect(new Set(asked.map(({ time }) => time)).size).toBeGreaterThan(5)
  })

  it('tells nothing to who has left, and is told nothing by who is not verified', () => {
    const run = new ExchangeRun()
    run.link('bea')
    run.hear(new PeerDisconnected({ peerId: 'bea' }))
    run.hear(new PeerConnected({ peerId: 'cid', remote: new Endpoint({ host: '5.1.1.1' }) }))
    run.pass(40_000)
    expect(run.of('SampleWanted')).toEqual([])
    run.hear(new PeerSample({ peerId: 'bea', records: [own] }), DIRECTORY)
    expect(run.of('SendShare')).toEqual([])
    expect([run.told('bea', '5.2.2.2'), run.told('cid', '5.2.2.2'), run.told('zoe', '5.2.2.2')]).toEqual([[], [], []])
  })

  it('passes on only addresses that can be meant for us', () => {
    const hosts = ['5.2.2.2', '10.0.0.1', '192.168.7.7', '127.0.0.1', '169.254.1.1', 'fe80::1%eth0', '0.0.0.0', '224.0.0.1', '::', 'ff02::1', '::ffff:5.2.2.2', 'host.example', '2a02::1']
    expect(new ExchangeRun().link('far', '5.1.1.1').told('far', ...hosts)).toEqual(['5.2.2.2', '2a02::1'])
    expect(new ExchangeRun().link('near', '10.0.0.9').told('near', ...hosts)).toEqual(['5.2.2.2', '10.0.0.1', '192.168.7.7', '2a02::1'])
    expect(new ExchangeRun().link('here', '127.0.0.1').told('here', ...hosts)).toEqual(['5.2.2.2', '2a02::1'])
    expect(new ExchangeRun({ loopback: true }).link('here', '127.0.0.1').told('here', ...hosts)).toEqual(['5.2.2.2', '127.0.0.1', '2a02::1'])
  })
})
