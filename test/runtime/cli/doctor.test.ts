import { chmodSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { generateIdentity } from '../../../actors/identity/index.ts'
import { CHECK_CODES } from '../../../runtime/doctor/checks/check.ts'
import { ownNetwork, p2pnet } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, up } = ownPeers()

const doctor = (...args: string[]) => p2pnet(['doctor', '--interface', 'loopback', ...args])
const lines = (stdout: string) => stdout.trim().split('\n').map(line => JSON.parse(line) as Record<string, any>)

describe('p2pnet doctor', () => {
  it('looks over this machine', async () => {
    const { code, stdout, stderr } = await doctor('--data', scratch.of('checked'), '--json')
    const checks = lines(stdout)
    expect([code, stderr]).toEqual([0, ''])
    expect(checks.at(-1)).toEqual({ event: 'done', failed: 0 })
    expect(checks.slice(0, -1).map(({ check, ok }) => [check, ok])).toEqual([
      ['identity', 'ok'], ['clock', 'ok'], ['interfaces', 'ok'], ['listen', 'ok'], ['ports', 'ok'], ['broadcast on lo', 'ok'], ['multicast on lo', 'ok']
    ])
    const text = await doctor('--data', scratch.of('checked'))
    expect(text.stdout).toMatch(/^ok {3}identity {13}none yet in /)
    expect(text.stdout.split('\n').filter(line => line.length > 80)).toEqual([])
  })

  it('says what is to be put right first', async () => {
    await p2pnet(['id', '--data', scratch.of('open')])
    chmodSync(scratch.of('open', 'identity.key'), 0o644)
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const { code, stdout } = await p2pnet(['doctor', '--json', '--data', scratch.of('open'), '--interface', 'no-such0', '--ports', '9', '--listen', `127.0.0.1:${(taken.address() as AddressInfo).port}`])
    expect(code).toBe(1)
    const wrong = lines(stdout).filter(({ ok }) => ok === 'fail')
    expect(wrong.map(({ check, code: what }) => [check, what])).toEqual(expect.arrayContaining([
      ['identity', 'identity-unusable'], ['interfaces', 'no-interface'], ['listen', 'address-in-use']
    ]))
    expect(lines(stdout).at(-1)).toEqual({ event: 'done', failed: wrong.length })
    for (const { detail, advice } of wrong) expect([detail, advice]).toEqual([expect.stringMatching(/./), expect.stringMatching(/\.$/)])
    await new Promise(resolve => taken.close(resolve))
  })

  it('can say nothing that docs/doctor.md does not list', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8')
    const section = docs.slice(docs.indexOf('## This machine'))
    expect([...section.matchAll(/^\| `([a-z0-9-]+)` \| (.+?) \|$/gm)].map(([, code, advice]) => [code, advice])).toEqual(Object.entries(CHECK_CODES))
  })

  it('answers as docs/doctor.md shows', async () => {
    const docs = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8')
    const [, command = '', answer = ''] = /^```\n\$ p2pnet (.+)\n([^]*?)```$/m.exec(docs) ?? []
    const timeless = (text: string) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'THEN').replace(/\b\d\d:\d\d:\d\d\b/g, 'THEN')
    expect(timeless((await p2pnet(command.split(' '))).stdout)).toBe(timeless(answer))
  })

  it('tries a link, by a place and by a PeerId, and says where it ended', async () => {
    const network = ownNetwork()
    const bob = up(network, 'bob')
    const { peerId, listen } = await bob.until('ready')
    const place = `127.0.0.1:${listen[0].port}`
    const reached = await doctor(place, '--network', network, '--json')
    expect([reached.code, lines(reached.stdout)[0]]).toEqual([0, expect.objectContaining({ event: 'why', peerId, standing: 'linked' })])
    const heard = await doctor(peerId, '--network', network, '--json')
    expect([heard.code, lines(heard.stdout)[0]]).toEqual([0, expect.objectContaining({ event: 'why', peerId, standing: 'linked' })])

    const other = await doctor(place, '--network', `not-${network}`)
    expect(other.code).toBe(1)
    expect(other.stdout).toMatch(new RegExp(`^There is no link to bob|^There is no link to ${peerId.slice(0, 8)}`))
    expect(other.stdout).toMatch(/^ {2}ended in {4}identifying\n {2}code {8}other-network/m)
    const foreign = await doctor(peerId, '--network', `not-${network}`, '--timeout', '50', '--json')
    expect([foreign.code, lines(foreign.stdout)[0]]).toEqual([1, expect.objectContaining({ standing: 'ignored', code: 'other-network' })])
    const stranger = generateIdentity().peerId
    const wrong = await doctor(`${stranger}@${place}`, '--network', network, '--json')
    expect([wrong.code, lines(wrong.stdout)[0]]).toEqual([1, expect.objectContaining({ peerId: stranger, code: 'wrong-key', endedIn: 'securing' })])
    const nobody = await doctor(stranger, '--network', network, '--timeout', '1', '--json')
    expect([nobody.code, lines(nobody.stdout)[0]]).toEqual([1, expect.objectContaining({ peerId: stranger, code: 'not-heard' })])
  })

  it('explains a log as the peer explained itself when it ran', async () => {
    const network = ownNetwork()
    const log = scratch.of('ann.p2plog')
    const bob = up(network, 'bob')
    const { peerId } = await bob.until('ready')
    // Only it dials: no second link, whose end would come after the question, however slow the first is.
    const ann = up(network, 'ann', ['--no-inbound', '--record', log])
    await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
    bob.say('drop ann')
    await ann.until('peer.disconnected')
    const live = await ann.ask('why bob', 'why')
    expect(await ann.quit()).toBe(0)

    const one = await p2pnet(['doctor', log, 'bob', '--json'])
    expect([one.code, one.stderr]).toEqual([0, ''])
    const { event, ...told } = lines(one.stdout)[0]!
    const pick = ({ peerId, standing, code, reason, initiator, endedIn, decider, address, advice }: Record<string, any>) => ({ peerId, standing, code, reason, initiator, endedIn, decider, address, advice })
    expect([event, pick(told)]).toEqual(['why', pick(live)])
    expect(told['history'].map(({ event, detail }: Record<string, string>) => [event, detail])).toEqual(live['history'].map(({ event, detail }: Record<string, string>) => [event, detail]))
    const all = await p2pnet(['doctor', log])
    expect(all.stdout).toMatch(new RegExp(`^PEER .*\n(?:.*\n)*bob +${peerId.slice(0, 8)} ended +dropped +A person dropped the peer`))
    expect(all.stdout.split('\n').filter(line => line.length > 80 && !line.startsWith('more about'))).toEqual([])
    expect((await p2pnet(['doctor', log, 'nobody'])).code).toBe(2)
  })

  it('tells at the side that listens who calls from a blocked address', async () => {
    const log = scratch.of('blocks.p2plog')
    const ann = up(ownNetwork(), 'blocks', ['--record', log, '--block', '127.0.0.8/30', '--peer', '127.0.0.1:65533'])
    const { listen } = await ann.until('ready')
    for (let i = 0; i < 3; i++) {
      const socket = connect({ host: '127.0.0.1', port: listen[0].port, localAddress: '127.0.0.9' }).on('error', () => {})
      await new Promise(resolve => socket.once('close', resolve))
    }
    const blocked = { code: 'blocked-address', initiator: 'self', decided: 'the policy policy-keeper.blocked here', reason: 'the policy here blocks 127.0.0.8/30' }
    expect(await ann.ask('why 127.0.0.9', 'why')).toMatchObject(blocked)
    expect(await ann.quit()).toBe(0)
    expect(lines((await p2pnet(['doctor', log, '127.0.0.9', '--json'])).stdout)[0]).toMatchObject(blocked)
    const { stdout } = await p2pnet(['doctor', log])
    expect(stdout).toMatch(/^127\.0\.0\.9 +– +ended +blocked-address +the policy here blocks/m)
    expect(stdout).toMatch(/^127\.0\.0\.1:65533 +[a-z]+ /m)
  })

  it.each([
    [['nothing-here'], /there is no file 'nothing-here', and it is no PeerId and no \[PEERID@\]HOST:PORT/],
    [['127.0.0.1:1', 'bob'], /'bob' is one too many/],
    [['127.0.0.1:1', '--data', '/dev/null/nowhere'], /no identity|cannot read/],
    [['--timeout', '0'], /Give a whole number from 1 to 3600/]
  ])('%j is a wrong command line', async (args, line) => {
    const { code, stderr } = await doctor(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(line)
    expect(stderr).toMatch(/^[^\n]+\n$/)
  })
})
