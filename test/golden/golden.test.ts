import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { PeerDisconnected, PeerRefused, TransferDone } from '../../proto/index.ts'
import { logMatchers, replay, walk, type WalkStep } from '../../runtime/testing/index.ts'
import { droppedInput, droppedOutput, otherByte, otherSeed, swappedInputs } from './tamper.ts'

expect.extend(logMatchers)

const folder = join(import.meta.dirname, 'logs')
const log = (name: string): string => join(folder, `${name}.p2plog`)
const versions = readdirSync(folder)
const names = versions.flatMap(version => readdirSync(join(folder, version)).map(file => `${version}/${file.replace('.p2plog', '')}`))

const CONNECTION = 'peer-connection/*'
const CLIMB = ['opening.dialing', 'opening.securing', 'secured.identifying', 'secured.verifying', 'secured.enhanced']

/** Bodies of what was announced or said, in order. */
function bodies<T>(file: string, type: string): T[] {
  const found = new Map<number, T>()
  for (const step of walk(file)) if (step.type === type && step.from !== 'host') found.set(step.seq, step.envelope!.body as T)
  return [...found.values()]
}

const failed = ({ type, failed: threw }: WalkStep): boolean => threw || type === 'ActorFailed'
const unread = ({ type }: WalkStep): boolean => type === 'DeadLetter'

describe.each(names)('the golden log %s', name => {
  it('replays to its end, shows no failure, and is small', async () => {
    await expect(log(name)).toReplay()
    expect(await replay(log(name))).toMatchObject({ ending: 'stopped', clean: true })
    expect(log(name)).toNever(failed)
    expect(log(name)).toNever(unread)
    expect(log(name)).toReach('link-keeper/main', ['open.waiting', 'open.keeping', 'closed'])
    expect(statSync(log(name)).size).toBeLessThan(32 * 1024)
  })

  it.each(Object.entries({ otherByte, droppedInput, droppedOutput, swappedInputs, otherSeed }))('has a tampered twin that does not replay: %s', async (_, tamper) => {
    const { bytes, from, to } = tamper(readFileSync(log(name)))
    await expect(bytes).not.toReplay()
    const { divergence } = await replay(bytes)
    expect(from).toBeGreaterThan(0)
    expect(divergence!.seq).toBeGreaterThanOrEqual(from)
    expect(divergence!.seq).toBeLessThanOrEqual(to)
  })
})

describe.each(versions)('the golden logs of %s', version => {
  const of = (name: string): string => log(`${version}/${name}`)

  it('of the demo show three peers that link, and a file that reaches two of them', () => {
    for (const name of ['demo-alice', 'demo-bob', 'demo-carol']) {
      expect(new Set(bodies<{ peerId: string }>(of(name), 'PeerVerified').map(({ peerId }) => peerId)).size).toBe(2)
      expect(of(name)).toReach(CONNECTION, ['secured.enhanced', 'closing', 'closed'])
      expect(of(name)).toReach('broadcaster/lan', 'announcing')
      expect(of(name)).toReach('discovery-channel/lan', { working: { ports: 'listening', discovery: 'started' } })
    }
    expect(of('demo-alice')).toReach('file-send/*', ['preparing', 'offered', 'sending', 'confirming', 'done'])
    for (const name of ['demo-bob', 'demo-carol']) expect(of(name)).toReach('file-receive/*', ['opening', 'receiving', 'done'])
    expect(new Set(bodies<TransferDone>(of('demo-alice'), 'TransferDone').map(({ peerId }) => peerId)).size).toBe(2)
  })

  it('of a lost link show a peer that dials again', () => {
    expect(of('lost-link')).toReach(CONNECTION, [...CLIMB, 'backoff'])
    expect(bodies<PeerDisconnected>(of('lost-link'), 'PeerDisconnected').map(({ code }) => code)).toEqual(['lost'])
  })

  it('of a peer of another network show that it is refused before it is verified', () => {
    expect(of('other-network')).toReach(CONNECTION, ['secured.identifying', 'closing'])
    expect(of('other-network')).toNever({ actor: CONNECTION, state: 'secured.verifying' })
    expect(bodies<PeerRefused>(of('other-network'), 'PeerRefused').map(({ code }) => code)).toContain('other-network')
    expect(of('other-network')).toNever({ type: 'PeerConnected' })
  })

  it('of a peer with another key show that it is not even told who we are', () => {
    expect(of('wrong-key')).toReach(CONNECTION, 'opening.dialing')
    expect(of('wrong-key')).toNever({ actor: CONNECTION, state: 'secured' })
    expect(of('wrong-key')).toNever({ type: 'Identify' })
    expect(bodies<PeerRefused>(of('wrong-key'), 'PeerRefused')[0]).toMatchObject({ code: 'wrong-key' })
  })

  it('of a simultaneous dial show two links of which one stays, and a pair that is told once', () => {
    let duplicates = 0
    for (const name of ['simultaneous-ann', 'simultaneous-bob']) {
      const secured = new Set<string>()
      for (const { actor, after } of walk(of(name))) {
        if (actor?.startsWith('peer-connection/') && typeof after === 'object' && after !== null && 'secured' in after) secured.add(actor)
      }
      expect(secured.size).toBe(2)
      expect(of(name)).toReach(CONNECTION, ['secured.enhanced', 'closed'])
      expect(bodies(of(name), 'PeerConnected').length).toBe(1)
      expect(bodies<PeerDisconnected>(of(name), 'PeerDisconnected').map(({ code }) => code)).toEqual(['shutdown'])
      duplicates += bodies<{ code: string }>(of(name), 'LinkEnded').filter(({ code }) => code === 'duplicate').length
    }
    expect(duplicates).toBeGreaterThanOrEqual(1)
  })
})
