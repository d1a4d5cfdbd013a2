import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { definitions } from '../../../actors/index.ts'
import { Initiator, PeerDisconnected, PeerPending, PeerRefused, PeerVerified, TextMessage, TrustRevoked } from '../../../proto/index.ts'
import {
  allowlistStep, askStep, asyncStep, authorityStep, createPeer, generateIdentity, NetworkKey, pingsStep, secretStep, signCertificate, StepRefusal,
  type Peer, type PeerOptions
} from '../../../runtime/index.ts'
import { replay } from '../../../runtime/testing/index.ts'

let folder: string
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'p2pnet-trust-')) })
afterAll(() => rmSync(folder, { recursive: true }))

let network = 0
let peers: Peer[] = []
afterEach(async () => {
  await Promise.all(peers.map(peer => peer.stop()))
  peers = []
})

/** Two peers, of which the second dials the first; what crossed their links is kept. */
async function pair(ann: PeerOptions, bob: PeerOptions): Promise<readonly [ann: Peer, bob: Peer]> {
  const name = `trust-${process.pid}-${network++}`
  const options: PeerOptions = { network: name, interfaces: ['loopback'], lan: false, log: 'silent' }
  const first = createPeer({ name: 'ann', ...options, ...ann })
  await first.start()
  const { host, port } = first.listening[0]!
  const second = createPeer({ name: 'bob', ...options, ...bob, peers: [`${first.peerId}@${host}:${port}`] })
  peers.push(first, second)
  return [first, second]
}

const verified = (peer: Peer) => firstValueFrom(peer.bus.of(PeerVerified))
const refused = (peer: Peer) => firstValueFrom(peer.bus.of(PeerRefused))

/** Both sides told of the refusal, alike. */
async function bothRefuse([ann, bob]: readonly [Peer, Peer], told: { readonly code: string; readonly step?: string }): Promise<void> {
  const data: string[] = []
  for (const peer of [ann, bob]) peer.bus.all.subscribe(({ from, to, type }) => { if (from.startsWith('peer/') && to === '') data.push(type) })
  const both = Promise.all([refused(ann), refused(bob)])
  await bob.start()
  const [atAnn, atBob] = (await both).map(({ body }) => body)
  expect(atAnn).toMatchObject({ peerId: bob.peerId, ...told })
  expect(atBob).toMatchObject({ peerId: ann.peerId, ...told })
  expect(atAnn!.reason).toBe(atBob!.reason)
  expect(data).toEqual([])
}

describe('a network with a key', () => {
  it('verifies by the key on both sides, and keeps it out of the log', async () => {
    const key = NetworkKey.generate()
    const records = ['ann', 'bob'].map(name => join(folder, `key-${name}.p2plog`)) as [string, string]
    const [ann, bob] = await pair({ key, record: records[0] }, { key: key.text(), record: records[1] })
    const both = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    for (const { body } of await both) expect(body).toMatchObject({ steps: ['secret'] })
    await Promise.all([ann.stop(), bob.stop()])
    for (const record of records) {
      const { differences, outputs } = await replay(record, { definitions })
      expect(differences).toBe(0)
      expect(outputs).toBeGreaterThan(20)
      expect(readFileSync(record).includes(key.text())).toBe(false)
    }
  })

  it('is another network to peers with another key, or none', async () => {
    await bothRefuse(await pair({ key: NetworkKey.generate() }, { key: NetworkKey.generate() }), { code: 'other-network' })
    await bothRefuse(await pair({ key: NetworkKey.generate() }, {}), { code: 'other-network' })
  })

  it('has the key proved by who demands only pings, where the other side demands it', async () => {
    const key = NetworkKey.generate()
    const [ann, bob] = await pair({ key }, { key, verify: [pingsStep] })
    const both = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    expect((await both).map(({ body }) => body.steps)).toEqual([['secret'], ['pings']])
  })
})

describe('steps', () => {
  it('that one side demands and the other cannot take part in are refused at once, by name', async () => {
    await bothRefuse(await pair({ verify: [secretStep(NetworkKey.generate())] }, {}), { code: 'steps-differ', step: 'secret' })
  })

  it('refuse a wrong key, and say so on both sides', async () => {
    const verify = () => [secretStep(NetworkKey.generate())]
    await bothRefuse(await pair({ verify: verify() }, { verify: verify() }), { code: 'proof-wrong', step: 'secret' })
  })

  it('may stand in any order on both sides', async () => {
    const key = NetworkKey.generate()
    const [authority, annId, bobId] = [generateIdentity(), generateIdentity(), generateIdentity()]
    const step = (peerId: string) => authorityStep({
      authorities: [authority.peerId], certificate: signCertificate(authority, { peerId, notBefore: Date.now() - 1_000, notAfter: Date.now() + 60_000 })
    })
    const [ann, bob] = await pair(
      { identity: annId, verify: [secretStep(key), pingsStep, step(annId.peerId), allowlistStep([bobId.peerId])] },
      { identity: bobId, verify: [step(bobId.peerId), secretStep(key)] }
    )
    const both = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    const [atAnn, atBob] = (await both).map(({ body }) => [...body.steps].sort())
    expect(atAnn).toEqual(['allowlist', 'authority', 'pings', 'secret'])
    expect(atBob).toEqual(['authority', 'secret'])
  })

  it('refuse who is not on the list', async () => {
    await bothRefuse(await pair({ verify: [allowlistStep([])] }, {}), { code: 'not-allowed', step: 'allowlist' })
  })

  it('refuse certificates of others, expired, early, and of authorities that are not trusted', async () => {
    const [authority, bobId] = [generateIdentity(), generateIdentity()]
    const now = Date.now()
    const good = { peerId: bobId.peerId, notBefore: now - 1_000, notAfter: now + 60_000 }
    const shown = async (certificate: Uint8Array | undefined, code: string) =>
      bothRefuse(await pair({ verify: [authorityStep({ authorities: [authority.peerId] })] }, { identity: bobId, answers: [authorityStep(certificate ? { certificate } : {})] }), { code, step: 'authority' })
    await shown(undefined, 'certificate-missing')
    await shown(signCertificate(generateIdentity(), good), 'certificate-untrusted')
    await shown(signCertificate(authority, { ...good, peerId: authority.peerId }), 'certificate-of-other')
    await shown(signCertificate(authority, { ...good, notBefore: now - 900_000, notAfter: now - 800_000 }), 'certificate-expired')
    await shown(signCertificate(authority, { ...good, notBefore: now + 800_000, notAfter: now + 900_000 }), 'certificate-early')
    await shown(Uint8Array.of(1, 2, 3), 'certificate-malformed')
  })

  it('that break down refuse at once, and tell the other side no more than that', async () => {
    const broken = asyncStep('broken', () => { throw new Error('the password is swordfish') })
    await bothRefuse(await pair({ verify: [broken] }, {}), { code: 'step-failed', step: 'broken' })
  })
})

describe('the step ask', () => {
  it('waits for a decision, which both sides are told, and remembers it', async () => {
    const dir = mkdtempSync(join(folder, 'ask-'))
    const [ann, bob] = await pair({ dir, verify: [pingsStep, askStep] }, {})
    const pending = Promise.all([ann, bob].map(peer => firstValueFrom(peer.bus.of(PeerPending))))
    const both = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    const [atAnn, atBob] = (await pending).map(({ body }) => body)
    expect(atAnn).toMatchObject({ peerId: bob.peerId, step: 'ask', initiator: Initiator.INITIATOR_SELF })
    expect(atBob).toMatchObject({ peerId: ann.peerId, step: 'ask', initiator: Initiator.INITIATOR_REMOTE })
    expect(ann.peers.value).toEqual([])
    ann.approve(bob.peerId)
    expect((await both)[0]!.body.steps).toEqual(['pings', 'ask'])
    expect(JSON.parse(readFileSync(join(dir, 'approvals.json'), 'utf8'))).toEqual([{ peerId: bob.peerId, decision: 'approved', reason: '' }])
  })

  it('refuses for the reason that is given, and again without asking', async () => {
    const [ann, bob] = await pair({ verify: [askStep] }, {})
    ann.bus.of(PeerPending).subscribe(() => ann.refuse(bob.peerId, 'not in my house'))
    const both = Promise.all([refused(ann), refused(bob)])
    await bob.start()
    for (const { body } of await both) expect(body).toMatchObject({ step: 'ask', code: 'not-approved', reason: 'not in my house' })
  })

  it('gives up when nobody decides', async () => {
    await bothRefuse(await pair({ verify: [askStep], tune: { 'peer-connection': { pendingTimeoutMs: 50 } } }, {}), { code: 'pending-timeout' })
  })
})

describe('a function as a step', () => {
  it('talks to its counterpart over what only the two ends know, and passes or refuses in words of its own', async () => {
    const words = (mine: string, wanted: string) => asyncStep('words', async ({ send, receive, binding }) => {
      send(Buffer.concat([binding('word', 'own'), Buffer.from(mine)]))
      const said = Buffer.from(await receive())
      if (!said.subarray(0, 32).equals(binding('word', 'other'))) throw new StepRefusal('not-here', 'said elsewhere')
      if (said.subarray(32).toString() !== wanted) throw new StepRefusal('bad-word', `'${said.subarray(32).toString()}' is not the word`)
    }, { talks: true })
    const [ann, bob] = await pair({ verify: [words('swordfish', 'herring')] }, { verify: [words('herring', 'swordfish')] })
    const both = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    for (const { body } of await both) expect(body.steps).toEqual(['words'])
    await bothRefuse(await pair({ verify: [words('swordfish', 'herring')] }, { verify: [words('cod', 'swordfish')] }), { code: 'bad-word', step: 'words' })
  })

  it('that is too slow refuses', async () => {
    const slow = asyncStep('slow', ({ receive }) => receive().then(() => {}), { timeoutMs: 30 })
    await bothRefuse(await pair({ verify: [slow] }, {}), { code: 'step-timeout', step: 'slow' })
  })
})

describe('trust that is withdrawn', () => {
  it('falls at once on both sides, and comes back when the steps pass anew', async () => {
    const [ann, bob] = await pair({}, {})
    const first = Promise.all([verified(ann), verified(bob)])
    await bob.start()
    await first
    const fell = Promise.all([ann, bob].map(peer => firstValueFrom(peer.events.pipe(filter(({ type }) => type === TrustRevoked.name)))))
    const parted = Promise.all([ann, bob].map(peer => firstValueFrom(peer.bus.of(PeerDisconnected))))
    const heard: string[] = []
    ann.messages(TextMessage).subscribe(({ body }) => heard.push(body.text))
    ann.revoke(bob.peerId, 'you talk too much')
    // It has not heard of it yet.
    for (let i = 0; i < 10; i++) bob.send(ann.peerId, new TextMessage({ text: `${i}` }))
    expect((await fell).map(({ body }) => body)).toMatchObject([
      { peerId: bob.peerId, reason: 'you talk too much', initiator: Initiator.INITIATOR_SELF },
      { peerId: ann.peerId, reason: 'you talk too much', initiator: Initiator.INITIATOR_REMOTE }
    ])
    expect((await parted).map(({ body }) => body.code)).toEqual(['trust-revoked', 'trust-revoked'])
    expect(() => ann.send(bob.peerId, new TextMessage({ text: 'hm' }))).toThrow('no verified link')
    expect(ann.links.value).toMatchObject([{ peerId: bob.peerId, level: 'identified' }])

    const again = Promise.all([verified(ann), verified(bob)])
    bob.verify(ann.peerId)
    await again
    expect(heard).toEqual([])
    const back = firstValueFrom(ann.messages(TextMessage))
    bob.send(ann.peerId, new TextMessage({ text: 'sorry' }))
    expect((await back).body.text).toBe('sorry')
  })
})
