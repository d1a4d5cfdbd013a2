import { describe, expect, it } from '@jest/globals'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { ownNetwork, p2pnet, type Running } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, up } = ownPeers()
const idOf = async (peer: Running): Promise<string> => (await peer.until('ready'))['peerId']

async function keyFile(name: string): Promise<string> {
  const path = scratch.of(name)
  writeFileSync(path, (await p2pnet(['key'])).stdout, { mode: 0o600 })
  return path
}

describe('a network with a key, as processes', () => {
  it('takes in who has the key and never meets who has another, though the network has the same name', async () => {
    const network = ownNetwork()
    const [ours, theirs] = [await keyFile('ours'), await keyFile('theirs')]
    const ann = up(network, 'ann', ['--key-file', ours])
    const eve = up(network, 'eve', ['--key-file', theirs])
    await Promise.all([idOf(ann), idOf(eve)])
    const bob = up(network, 'bob', ['--key-file', ours])
    const bobId = await idOf(bob)
    expect(await ann.until('peer.verified')).toMatchObject({ peerId: bobId, steps: ['secret'], level: 'enhanced' })
    expect((await ann.until('ready'))['open']).not.toBe(true)

    // Dialled by its address all the same, it is refused at Identify: the tag of the network is of the key too.
    const { listen } = await eve.until('ready')
    const mallory = up(network, 'mallory', ['--key-file', ours, '--no-lan', '--peer', `127.0.0.1:${listen[0].port}`])
    expect(await mallory.until('peer.refused')).toMatchObject({ code: 'other-network' })
    expect(eve.events.some(({ event }) => event === 'peer.verified')).toBe(false)
  })

  it('has the key from the environment, and no output holds it', async () => {
    const network = ownNetwork()
    const key = (await p2pnet(['key'])).stdout.trim()
    const log = scratch.of('keyed.log')
    const ann = up(network, 'keyed', ['--log-level', 'trace', '--record', log], { env: { P2PNET_KEY: key } })
    await ann.until('ready')
    expect(await ann.quit()).toBe(0)
    for (const text of [JSON.stringify(ann.events), ann.strays.join(''), ann.stderr, readFileSync(log, 'latin1')]) expect(text.includes(key)).toBe(false)
  })
})

describe('a peer that asks', () => {
  it('lets in whom a person approves, and remembers it for the next run', async () => {
    const network = ownNetwork()
    const ask = ['--trust', 'pings', '--trust', 'ask']
    const ann = up(network, 'ann', ask)
    await idOf(ann)
    const bob = up(network, 'bob')
    const bobId = await idOf(bob)
    await ann.until('peer.pending', ({ peerId }) => peerId === bobId)
    expect(ann.events.some(({ event }) => event === 'peer.verified')).toBe(false)
    ann.say(`approve ${bobId.slice(0, 10)}`)
    expect(await ann.until('peer.verified')).toMatchObject({ peerId: bobId, steps: ['pings', 'ask'] })
    await bob.until('peer.verified')
    expect(await ann.quit()).toBe(0)

    const file = scratch.of('ann', 'approvals.json')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([{ peerId: bobId, decision: 'approved', reason: '' }])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const again = up(network, 'ann', ask)
    expect(await again.until('peer.verified')).toMatchObject({ peerId: bobId, steps: ['pings', 'ask'] })
    expect(again.events.some(({ event }) => event === 'peer.pending')).toBe(false)
  })

  it('keeps out whom a person refuses, with the reason on both sides', async () => {
    const network = ownNetwork()
    const ann = up(network, 'ann-who-refuses', ['--trust', 'pings', '--trust', 'ask'])
    await idOf(ann)
    const bob = up(network, 'bob-refused')
    const bobId = await idOf(bob)
    await ann.until('peer.pending', ({ peerId }) => peerId === bobId)
    ann.say(`refuse ${bobId.slice(0, 10)} we do not know you`)
    const refused = { code: 'not-approved', reason: expect.stringContaining('we do not know you') }
    expect(await ann.until('peer.refused')).toMatchObject({ peerId: bobId, ...refused })
    expect(await bob.until('peer.refused')).toMatchObject({ peerId: await idOf(ann), ...refused })
    expect(ann.events.some(({ event }) => event === 'peer.verified')).toBe(false)
  })
})
