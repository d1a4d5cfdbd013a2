import { describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { admissionOptions } from '../../../runtime/cli/up/admission.ts'
import { createPeer } from '../../../runtime/index.ts'
import { documentedEvents, ownNetwork } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, up } = ownPeers()

const policyFile = (name: string, value: unknown): string => {
  const path = scratch.of(name)
  writeFileSync(path, JSON.stringify(value))
  return path
}

describe('the policy of a peer that runs', () => {
  it('comes from a file and from --block, is printed, changed by name, and blocks until it is taken back', async () => {
    const network = ownNetwork()
    const ann = up(network, 'ann', ['--policy', policyFile('policy.json', { blocked: ['198.51.100.7'] }), '--block', '192.0.2.0/24'])
    const bob = up(network, 'bob')
    await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
    const { peerId: bobId } = await bob.until('ready')
    ann.say('block bob')
    expect(await bob.until('peer.disconnected')).toMatchObject({ code: 'blocked', initiator: 'remote' })
    const policy = await ann.ask('policy', 'policy')
    expect(policy).toMatchObject({ inbound: true, blocked: ['198.51.100.7', '192.0.2.0/24', bobId] })
    expect(Object.keys(policy).filter(name => name !== 'event' && name !== 'time').sort()).toEqual(documentedEvents().get('policy')!.map(({ name }) => name).sort())
    expect(await ann.ask('policy inbound perhaps', 'error')).toMatchObject({ code: 'wrong-type', message: 'inbound of a policy takes true or false' })
    expect(await ann.ask('policy inbuond true', 'error')).toMatchObject({ code: 'unknown-part' })
    expect(await ann.ask('block nobody', 'error')).toMatchObject({ code: 'unknown-peer' })
    expect(await ann.ask('block', 'error')).toMatchObject({ code: 'bad-command' })
    expect(await ann.ask('unblock 192.0.2.1', 'error')).toMatchObject({ code: 'not-blocked' })
    for (const line of ['unblock 192.0.2.0/24', 'unblock 198.51.100.7', `unblock ${(bobId as string).slice(0, 9)}`, 'policy inbound false']) ann.say(line)
    expect(await ann.ask('policy', 'policy')).toMatchObject({ inbound: false, blocked: [] })
  })
})

describe('peers that dial one that queues them', () => {
  it('are told of, and go on when they are taken', async () => {
    const network = ownNetwork()
    const ann = up(network, 'ann', ['--policy', policyFile('queue.json', { inboundPlacement: 'queue' })])
    const bob = up(network, 'bob', ['--no-inbound'])
    const { peerId } = await bob.until('ready')
    expect(await ann.until('peer.queued')).toMatchObject({ peerId, name: 'bob', waiting: 1 })
    expect(await bob.until('peer.pending')).toMatchObject({ name: 'ann', step: 'queue', initiator: 'remote' })
    ann.say('take bob')
    expect(await ann.until('peer.verified')).toMatchObject({ peerId, steps: ['queue', 'pings'] })
    expect(await ann.ask('take', 'error')).toMatchObject({ code: 'nobody-waits' })
    expect(await ann.ask('take bob', 'error')).toMatchObject({ code: 'nobody-waits' })
  })

  it('can be dropped while they wait', async () => {
    const network = ownNetwork()
    const ann = up(network, 'ann', ['--policy', policyFile('drop.json', { inboundPlacement: 'queue' })])
    const bob = up(network, 'bob', ['--no-inbound'])
    await Promise.all([ann.until('peer.queued'), bob.until('peer.connected')])
    ann.say('drop bob')
    expect(await bob.until('peer.disconnected')).toMatchObject({ code: 'dropped', initiator: 'remote' })
  })
})

describe('flags of admission', () => {
  it('set the options of the actors that admit, and leave what --tune says', () => {
    expect(admissionOptions({ inbound: true })).toEqual({})
    expect(admissionOptions({
      inbound: false, maxInbound: 5, maxOutbound: 6, maxPerAddress: 7, maxPerSubnet: 8, reservedLinks: 9, acceptRate: 10,
      tune: { 'link-keeper': { maxInbound: 1 }, listener: { maxPending: 2 }, lan: {} }
    })).toEqual({
      inbound: false,
      tune: {
        'link-keeper': { maxInbound: 1, maxOutbound: 6, maxPerAddress: 7, maxPerPrivateAddress: 7, maxPerSubnet: 8, maxPerPrivateSubnet: 8, reservedLinks: 9 },
        listener: { acceptPerSecond: 10, acceptPerSecondAll: 100, maxPending: 2 }, lan: {}
      }
    })
  })

  it('add --block to the list of a policy file, and leave a list of another form to be refused', () => {
    const given = (blocked: unknown) => admissionOptions({ inbound: true, policy: policyFile('block.json', { blocked }), block: ['192.0.2.1'] }).policy
    expect(given(['10.0.0.0/8'])).toEqual({ blocked: ['10.0.0.0/8', '192.0.2.1'] })
    expect(() => createPeer({ policy: given('10.0.0.0/8')! })).toThrow(expect.objectContaining({ name: 'PolicyError', problem: 'wrong-type' }))
  })

  it('refuse a policy file that holds something else, in words', () => {
    for (const [name, value] of [['list.json', []], ['text.json', 'open'], ['null.json', null]] as const) {
      expect(() => admissionOptions({ inbound: true, policy: policyFile(name, value) })).toThrow(/holds no JSON object/)
    }
    writeFileSync(scratch.of('large.json'), ' '.repeat(1024 * 1024 + 1))
    expect(() => admissionOptions({ inbound: true, policy: scratch.of('large.json') })).toThrow(/is larger than/)
    expect(() => admissionOptions({ inbound: true, policy: scratch.of('.') })).toThrow(/cannot be read \(EISDIR\)/)
  })
})
