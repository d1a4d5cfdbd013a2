import { describe, expect, it } from '@jest/globals'
import { DiscoveryStarted, Endpoint, Initiator, InboundSecured, Level, PolicyChanged, PolicyValue, RevokeTrust } from '../../../proto/index.ts'
import { KeeperRun, LISTENER } from '../keeper-run.ts'

// As long as PeerIds are; the keeper of these tests is `mia`.
const ada = `${'a'.repeat(51)}a`
const zoe = `${'z'.repeat(51)}a`
const at = (host: string) => ({ endpoints: [new Endpoint({ host, port: 1 })] })
const follow = (run: KeeperRun, blocked: string[], inbound = true): KeeperRun => {
  run.hear(new PolicyChanged({ policy: new PolicyValue({ inbound, blocked }) }), 'policy-keeper/main')
  return run
}
const secured = (peerId: string, host: string) => new InboundSecured({ handle: 'in-1', peerId, linkId: 'l', remote: new Endpoint({ host, port: 2 }) })

describe('a blocked peer', () => {
  it('is turned down as soon as TLS shows who it is, and both sides are told why', () => {
    const run = follow(new KeeperRun(), [ada])
    run.hear(secured(ada, '192.0.2.1'), LISTENER)
    expect(run.take()).toMatchObject([
      { type: 'RejectInbound', to: LISTENER, body: { handle: 'in-1', code: 'blocked', forMs: 600_000 } },
      { type: 'PeerRefused', to: '', body: { peerId: ada, code: 'blocked', initiator: Initiator.INITIATOR_SELF, remote: { host: '192.0.2.1' } } }
    ])
  })

  it('is not told of and not dialled, until it is unblocked', () => {
    const run = follow(new KeeperRun(), [zoe])
    run.heard(zoe)
    run.pass(10_000)
    expect(run.take()).toEqual([])
    follow(run, [])
    expect(run.take().map(({ type }) => type)).toEqual(['PeerFound', 'SpawnActor', 'Watch'])
  })

  it('loses its links at once, is asked to stay away, and is welcome when it is unblocked', () => {
    const run = new KeeperRun().heard(zoe)
    const address = run.one()
    run.linked(address, zoe)
    run.take()
    follow(run, [zoe])
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: address, body: { code: 'blocked', forMs: 600_000, refusal: true } }])
    run.ended(address, { peerId: zoe, code: 'blocked', initiator: Initiator.INITIATOR_SELF }).gone(address)
    expect(run.of('PeerDisconnected')).toMatchObject([{ body: { peerId: zoe, code: 'blocked' } }])
    run.pass(10_000)
    expect(run.spawned()).toEqual([])
    follow(run, [])
    expect(run.spawned()).toHaveLength(1)
  })

  it('is closed when it turns out to be at a place that somebody named', () => {
    const run = follow(new KeeperRun({}, false), [zoe])
    run.heard('', { via: 'static' })
    run.hear(new DiscoveryStarted())
    const [connection] = run.spawned()
    expect(connection!.options).toMatchObject({ peerId: '', blocked: [zoe] })
    run.identified(connection!.address, zoe)
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', body: { code: 'blocked' } }])
  })
})

describe('a blocked address', () => {
  it('is not dialled, among others that are', () => {
    const run = follow(new KeeperRun(), ['192.0.2.0/24'])
    run.heard(zoe, { endpoints: ['192.0.2.1', '198.51.100.1'].map(host => new Endpoint({ host, port: 1 })) })
    expect(run.spawned()).toMatchObject([{ options: { endpoints: [{ host: '198.51.100.1', port: 1 }] } }])
    run.heard(ada, at('192.0.2.7'))
    run.pass(5_000)
    expect(run.take()).toEqual([])
  })

  it('is not dialled any more where it was known before', () => {
    const run = new KeeperRun({}, false).heard(zoe, at('192.0.2.1'))
    follow(run, ['192.0.2.1']).hear(new DiscoveryStarted())
    expect(run.spawned()).toEqual([])
  })

  it('is dialled once it is unblocked, where a person named it', () => {
    const run = follow(new KeeperRun(), ['192.0.2.0/24'])
    run.heard('', { via: 'static', ...at('192.0.2.1') })
    run.pass(5_000)
    expect(run.spawned()).toEqual([])
    follow(run, [])
    expect(run.spawned()).toMatchObject([{ options: { endpoints: [{ host: '192.0.2.1' }], persistent: true } }])
  })

  it('loses its links, and a caller from there is turned down', () => {
    const run = new KeeperRun()
    const address = run.inbound(ada, 'in-0', '192.0.2.1')
    run.linked(address, ada, { remote: new Endpoint({ host: '192.0.2.1', port: 9 }) })
    run.take()
    follow(run, ['192.0.2.1'])
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: address, body: { code: 'blocked-address' } }])
    run.hear(secured(zoe, '192.0.2.1'), LISTENER)
    expect(run.take()).toMatchObject([{ type: 'RejectInbound', body: { code: 'blocked-address' } }, { type: 'PeerRefused' }])
  })
})

describe('a static place at a blocked address', () => {
  const named = (run: KeeperRun): KeeperRun => run.heard('', { via: 'static', ...at('192.0.2.1') })
  const later = 3_600_000

  it('is dialled when it is unblocked, though another one of that peer is not', () => {
    const endpoints = ['192.0.2.1', '198.51.100.1'].map(host => new Endpoint({ host, port: 1 }))
    const run = follow(new KeeperRun(), ['192.0.2.1', '198.51.100.1']).heard(zoe, { via: 'static', endpoints })
    run.pass(later)
    expect(run.take()).toEqual([])
    follow(run, ['192.0.2.1'])
    expect(run.spawned()).toMatchObject([{ options: { endpoints: [{ host: '198.51.100.1' }] } }])
  })

  it('that was dialled before is dialled again when it is unblocked, however late', () => {
    const run = named(new KeeperRun())
    const address = run.one()
    follow(run, ['192.0.2.1'])
    run.ended(address, { code: 'blocked-address', initiator: Initiator.INITIATOR_SELF, level: 0 }).gone(address).pass(later)
    expect(run.spawned()).toEqual([])
    follow(run, [])
    expect(run.spawned()).toHaveLength(1)
  })
})

describe('a policy about links', () => {
  const options = (run: KeeperRun, policy: object): Record<string, unknown>[] => {
    run.hear(new PolicyChanged({ policy: new PolicyValue({ inbound: true, communication: true, defaultTrust: true, inboundPlacement: 'event', ...policy }) }), 'policy-keeper/main')
    run.take()
    const inbound = new InboundSecured({ handle: 'in-9', peerId: ada, linkId: 'l', remote: new Endpoint({ host: '192.0.2.1', port: 2 }) })
    run.heard(zoe).hear(inbound, LISTENER)
    return run.spawned().map(spawned => spawned.options)
  }

  it('holds for connections that are started from then on, and is not told of where all is as usual', () => {
    for (const each of options(new KeeperRun(), {})) expect(Object.keys(each)).not.toEqual(expect.arrayContaining(['silent', 'steps', 'enhancedBeforeTrust']))
    expect(options(new KeeperRun(), { communication: false })).toMatchObject([{ silent: true }, { silent: true }])
    expect(options(new KeeperRun(), { enhancedBeforeTrust: true })).toMatchObject([{ enhancedBeforeTrust: true }, { enhancedBeforeTrust: true }])
    expect(options(new KeeperRun({ defaultSteps: ['verify-secret'] }), {})).toMatchObject([{ steps: ['verify-secret'] }, { steps: ['verify-secret'] }])
    expect(options(new KeeperRun({ defaultSteps: ['verify-secret'] }), { defaultTrust: false })).toMatchObject([{ steps: ['verify-ask'] }, { steps: ['verify-ask'] }])
  })

  const say = (run: KeeperRun, policy: object): KeeperRun => {
    run.hear(new PolicyChanged({ policy: new PolicyValue({ inbound: true, communication: true, defaultTrust: true, inboundPlacement: 'event', ...policy }) }), 'policy-keeper/main')
    return run
  }

  it('holds for what a connection of before would dial anew: another one is started in its place', () => {
    const run = say(new KeeperRun(), { enhancedBeforeTrust: true }).heard(zoe, { via: 'static' })
    const [first] = run.spawned()
    expect(first!.options).toMatchObject({ enhancedBeforeTrust: true, persistent: true })
    run.linked(first!.address, zoe).take()
    say(run, {})
    expect(run.take()).toEqual([])
    run.ended(first!.address, { peerId: zoe, againMs: 1_000 })
    expect(run.of('CloseRequested')).toMatchObject([{ to: first!.address, body: { code: 'aborted' } }])
    run.gone(first!.address).pass(5_000)
    const [second] = run.spawned()
    expect(second!.options).toMatchObject({ persistent: true })
    expect(second!.options).not.toHaveProperty('enhancedBeforeTrust')
  })

  it('withdraws trust on a link that was silent by the policy of its time', () => {
    const run = say(new KeeperRun(), { communication: false }).heard(zoe)
    const address = run.one()
    run.identified(address, zoe).reached(address, zoe, Level.LEVEL_IDENTIFIED)
    say(run, {}).take()
    run.hear(new RevokeTrust({ peerId: zoe }))
    expect(run.take()).toMatchObject([{ type: 'RevokeTrust', to: address }])
  })

  it('does not let one of before wait any longer', () => {
    const run = new KeeperRun().heard(zoe, { via: 'static' })
    const address = run.one()
    run.ended(address, { peerId: zoe, level: 0, againMs: 60_000 }).take()
    say(run, { inboundQueueLimit: 9 })
    expect(run.take()).toEqual([])
    say(run, { communication: false })
    expect(run.take()).toMatchObject([{ type: 'CloseRequested', to: address, body: { code: 'aborted' } }])
    run.gone(address).pass(5_000)
    expect(run.spawned()).toMatchObject([{ options: { silent: true } }])
  })

  it('has those that others dialled wait before their steps', () => {
    const [out, inbound] = options(new KeeperRun({ connection: { steps: ['verify-secret'] } }), { inboundPlacement: 'queue' })
    expect([out!['steps'], inbound!['steps']]).toEqual([['verify-secret'], ['verify-queue', 'verify-secret']])
    expect(options(new KeeperRun(), { inboundPlacement: 'both' })[1]).toMatchObject({ direction: 'in', steps: ['verify-queue', 'verify-pings'] })
  })
})

describe('a peer that accepts no links', () => {
  it('turns callers down that were on their way, and asks nobody to stay away', () => {
    const run = follow(new KeeperRun(), [], false)
    run.hear(secured(ada, '192.0.2.1'), LISTENER)
    expect(run.take()).toMatchObject([{ type: 'RejectInbound', body: { code: 'no-inbound', forMs: 0 } }, { type: 'PeerRefused', body: { code: 'no-inbound' } }])
  })
})
