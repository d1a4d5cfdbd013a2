import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { documentedEvents, ownNetwork, p2pnet, type Event, type Running } from './cli.ts'
import { ownPeers } from './own-peers.ts'

const { scratch, up } = ownPeers()

/** Two peers that have verified each other. */
async function pair(annArgs: readonly string[] = [], bobArgs: readonly string[] = []) {
  const network = ownNetwork()
  const ann = up(network, 'ann', annArgs)
  const bob = up(network, 'bob', bobArgs)
  await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
  const { peerId: annId } = await ann.until('ready')
  const { peerId: bobId } = await bob.until('ready')
  return { ann, bob, annId: annId as string, bobId: bobId as string, network }
}

const documented = documentedEvents()

/** Every event has the documented fields, none is missing, and none is unknown to the documents. */
function expectDocumented(events: readonly Event[]): void {
  for (const { event, time, ...fields } of events) {
    const known = documented.get(event)
    expect([event, known]).not.toEqual([event, undefined])
    expect(Math.abs(time - Date.now())).toBeLessThan(120_000)
    const required = known!.filter(({ optional }) => !optional).map(({ name }) => name)
    expect({ event, fields: Object.keys(fields) }).toEqual({ event, fields: expect.arrayContaining(required) })
    expect({ event, unknown: Object.keys(fields).filter(name => !known!.some(field => field.name === name)) }).toEqual({ event, unknown: [] })
  }
}

describe('two peers', () => {
  it('find, connect and verify each other, and tell it in the documented events', async () => {
    // One of the two dials, and the other waits for it however long that takes: each tells of the same link.
    const patient = ['--tune', 'link-keeper.dialPatienceMs=60000']
    const { ann, bob, annId, bobId, network } = await pair(patient, patient)
    expect(ann.events[0]).toEqual({
      event: 'ready', time: expect.any(Number), peerId: annId, name: 'ann', network, open: true,
      listen: expect.arrayContaining([{ address: '127.0.0.1', port: expect.any(Number) }])
    })
    expect(await ann.until('peer.found')).toMatchObject({ peerId: bobId, name: 'bob', via: expect.stringMatching(/^(broadcast|multicast)$/) })
    const connected = await ann.until('peer.connected')
    expect(connected).toMatchObject({ peerId: bobId, name: 'bob', path: 'tcp', level: 'basic', address: expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):\d+$/) })
    expect((await bob.until('peer.connected')).direction).toBe(connected.direction === 'in' ? 'out' : 'in')
    expect(await ann.until('peer.verified')).toMatchObject({ peerId: bobId, steps: ['pings'], level: 'enhanced' })
    const { peers } = await ann.ask('peers', 'peers')
    expect(peers).toEqual([{
      peerId: bobId, name: 'bob', level: 'enhanced', path: 'tcp', address: connected.address,
      rttMs: expect.any(Number), sinceMs: expect.any(Number)
    }])
    expect(await bob.quit()).toBe(0)
    expect(await ann.until('peer.disconnected')).toMatchObject({ peerId: bobId, code: 'shutdown', initiator: 'remote' })
    await ann.ask('status', 'status')
    await ann.ask('why bob', 'why')
    expect(await ann.quit()).toBe(0)
    expectDocumented([...ann.events, ...bob.events])
    expect([...ann.strays, ...bob.strays]).toEqual([])
  })

  it('say in one line that their network is open', async () => {
    const ann = up(ownNetwork(), 'ann')
    await ann.until('ready')
    await ann.quit()
    expect(ann.stderr.trim().split('\n').map(line => (JSON.parse(line) as { msg: string }).msg)).toEqual([expect.stringMatching(/^open network: whoever knows the name/)])
  })

  it('talk to all and to one, by name and by the start of a PeerId', async () => {
    const { ann, bob, annId, bobId } = await pair()
    ann.say('say hello everyone')
    expect(await bob.until('message')).toMatchObject({ peerId: annId, text: 'hello everyone' })
    ann.say('say @bob just you')
    expect(await bob.until('message', ({ text }) => text === 'just you')).toBeDefined()
    bob.say(`say @${annId.slice(0, 12)}   ünïcödé and "quotes" {}`)
    expect(await ann.until('message')).toMatchObject({ peerId: bobId, text: 'ünïcödé and "quotes" {}' })
  })

  it('share a file, whose name may hold spaces, and tell how it went', async () => {
    const inbox = scratch.of('bob-inbox')
    const { ann, bob, annId, bobId } = await pair([], ['--inbox', inbox])
    const content = randomBytes(3_000_000)
    writeFileSync(scratch.of('my holiday.bin'), content)
    ann.say(`send ${scratch.of('my holiday.bin')} @bob`)
    const [sent, stored] = await Promise.all([ann.until('transfer.done'), bob.until('transfer.done')])
    expect(stored).toMatchObject({ peerId: annId, name: 'my holiday.bin', size: 3_000_000, bytes: 3_000_000, direction: 'in', path: `${inbox}/my holiday.bin` })
    expect(stored.bytesPerSecond).toBeGreaterThan(0)
    expect(sent).toMatchObject({ peerId: bobId, direction: 'out', contentId: stored.contentId })
    expect(sent.path).toBeUndefined()
    expect(readFileSync(stored.path as string).equals(content)).toBe(true)
    expect(statSync(inbox).mode & 0o777).toBe(0o700)
    expectDocumented([...ann.events, ...bob.events])
    expect(ann.events.map(({ event }) => event)).toEqual(expect.arrayContaining(['transfer.offered', 'transfer.started', 'transfer.progress']))
  })

  it('take no files where no inbox was given', async () => {
    const { ann } = await pair()
    writeFileSync(scratch.of('unwanted.txt'), 'hello')
    ann.say(`send ${scratch.of('unwanted.txt')}`)
    const failed = await ann.until('transfer.failed')
    expect(failed).toMatchObject({ code: 'no-inbox', name: 'unwanted.txt', direction: 'out' })
    expectDocumented([failed])
  })

  it('part when one drops the other, and each knows why', async () => {
    const { ann, bob, annId } = await pair()
    ann.say('drop bob')
    expect(await ann.until('peer.disconnected')).toMatchObject({ code: 'dropped', initiator: 'self' })
    expect(await bob.until('peer.disconnected')).toMatchObject({ peerId: annId, code: 'dropped', initiator: 'remote' })
    const why = await bob.ask('why ann', 'why')
    expect(why).toMatchObject({ peerId: annId, summary: expect.stringMatching(/^There is no link to ann since .*dropped/) })
    expect((why.history as { state: string }[]).map(({ state }) => state)).toEqual(expect.arrayContaining(['identified', 'basic', 'enhanced', 'disconnected']))
    for (const entry of why.history as object[]) {
      expect(entry).toEqual({ time: expect.any(Number), state: expect.any(String), event: expect.any(String), detail: expect.any(String) })
    }
  })

  it('meet by --peer alone, with a host name, where there is no discovery', async () => {
    const network = ownNetwork()
    const ann = up(network, 'ann', ['--no-lan', '--listen', '127.0.0.1:0'])
    const { listen, peerId } = await ann.until('ready')
    expect(listen).toEqual([{ address: '127.0.0.1', port: expect.any(Number) }])
    const bob = up(network, 'bob', ['--no-lan', '--no-inbound', '--peer', `${peerId}@localhost:${listen[0].port}`])
    expect((await bob.until('ready')).listen).toEqual([])
    await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
    expect(await bob.until('peer.connected')).toMatchObject({ direction: 'out', address: `127.0.0.1:${listen[0].port}` })
    expect(await bob.until('peer.found', ({ via }) => via === 'static')).toBeDefined()
  })

  it('refuse each other when they belong to two networks', async () => {
    const ann = up(ownNetwork(), 'ann', ['--no-lan', '--listen', '127.0.0.1:0'])
    const { listen } = await ann.until('ready')
    const bob = up(ownNetwork(), 'bob', ['--no-lan', '--peer', `127.0.0.1:${listen[0].port}`])
    const refused = await bob.until('peer.refused')
    expect(refused).toMatchObject({ code: 'other-network', address: `127.0.0.1:${listen[0].port}` })
    expectDocumented([refused])
  })

  it('that are the same peer, by one data folder, are told so instead of meeting', async () => {
    const network = ownNetwork()
    const twins = [up(network, 'twin'), up(network, 'twin')]
    for (const twin of twins) {
      const error = await twin.until('error')
      expect(error).toMatchObject({ code: 'same-identity', message: expect.stringMatching(/: give one another folder with --data$/) })
      expectDocumented([error])
    }
    expect((await twins[0]!.ask('peers', 'peers')).peers).toEqual([])
  })

  it('lose one that is blocked', async () => {
    const { ann, bob } = await pair()
    ann.say('block bob')
    expect(await ann.until('peer.disconnected')).toMatchObject({ code: 'blocked', initiator: 'self' })
    expect(await bob.until('peer.disconnected')).toMatchObject({ code: 'blocked', initiator: 'remote' })
    expect((await ann.ask('peers', 'peers')).peers).toEqual([])
  })

  it('wait for start when they are told to', async () => {
    const network = ownNetwork()
    // One after the other, so that each rehearses alone.
    const ann = up(network, 'ann', ['--wait'])
    await ann.until('ready')
    const bob = up(network, 'bob', ['--wait'])
    await bob.until('ready')
    expect((await ann.ask('peers', 'peers')).peers).toEqual([])
    ann.say('start')
    bob.say('start')
    ann.say('start')
    await Promise.all([ann.until('peer.verified'), bob.until('peer.verified')])
    expect(ann.events.filter(({ event }) => event === 'error')).toEqual([])
  })
})

describe('a bad command', () => {
  let ann: Running
  let bob: Running
  beforeAll(() => writeFileSync(scratch.of('real.txt'), 'x'))

  it('prints an error with a code, and nothing stops', async () => {
    ({ ann, bob } = await pair())
    const wrong: [line: string, code: string][] = [
      ['frobnicate', 'unknown-command'],
      ['QUIT', 'unknown-command'],
      ['peers now', 'bad-command'],
      ['quit now', 'bad-command'],
      ['start x', 'bad-command'],
      ['say', 'bad-command'],
      ['say @bob', 'bad-command'],
      ['say @nobody hi', 'unknown-peer'],
      ['send', 'bad-command'],
      ['send @bob', 'bad-command'],
      ['send /no/such/file @bob', 'no-file'],
      [`send ${scratch.path}`, 'no-file'],
      [`send ${scratch.of('real.txt')} @nobody`, 'unknown-peer'],
      ['why', 'bad-command'],
      ['why a b', 'bad-command'],
      ['why nobody', 'unknown-peer'],
      ['why 192.0.2.1:4000', 'unknown-peer'],
      ['send .', 'no-file'],
      ['drop', 'bad-command'],
      ['drop nobody', 'unknown-peer'],
      ['drop __proto__', 'unknown-peer'],
      ['block', 'bad-command'],
      ['block nobody', 'unknown-peer'],
      [`say ${'x'.repeat(70_000)}`, 'bad-command'],
      ['\u0000\u001b[2J', 'unknown-command']
    ]
    for (const [line, code] of wrong) {
      const error = await ann.ask(line, 'error')
      expect([line.slice(0, 60), error.code]).toEqual([line.slice(0, 60), code])
      expect(error.message).not.toBe('')
      expectDocumented([error])
    }
    ann.say('')
    ann.say('   ')
    ann.say('say still here')
    expect(await bob.until('message')).toMatchObject({ text: 'still here' })
    expect(ann.events.filter(({ event }) => event === 'error')).toHaveLength(wrong.length)
  })

  it('is also one that needs somebody when nobody is there', async () => {
    const alone = up(ownNetwork(), 'ann')
    await alone.until('ready')
    expect((await alone.ask('say hello?', 'error')).code).toBe('no-peers')
    expect((await alone.ask(`send ${scratch.of('real.txt')}`, 'error')).code).toBe('no-peers')
  })
})

describe('the end', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('comes in order on %s: the other side is told, and the log is whole', async signal => {
    const record = scratch.of(`${signal}.p2plog`)
    const { ann, bob } = await pair(['--record', record])
    ann.child.kill(signal)
    expect(await ann.ended).toEqual({ code: 0, signal: null })
    expect(await bob.until('peer.disconnected')).toMatchObject({ code: 'shutdown', initiator: 'remote' })
    expect(await p2pnet(['log', 'check', record])).toMatchObject({ code: 0, stdout: expect.stringContaining('ends with the run') })
    expect(statSync(record).mode & 0o777).toBe(0o600)
  })

  it('is clean whenever the signal comes, also before the peer is ready', async () => {
    const network = ownNetwork()
    await Promise.all([50, 150, 250, 350, 450, 550].map(async (ms, index) => {
      const peer = up(network, `early-${index}`)
      await new Promise(resolve => setTimeout(resolve, ms))
      peer.child.kill('SIGTERM')
      // Until Node has loaded the command, the system ends the process.
      expect([{ code: 0, signal: null }, { code: null, signal: 'SIGTERM' }]).toContainEqual(await peer.ended)
      expect(peer.stderr.replace(/^\{.*open network.*\}\n/, '')).toBe('')
    }))
  })

  it('comes at once with exit code 1 on a second signal', async () => {
    const ann = up(ownNetwork(), 'ann')
    await ann.until('ready')
    // It is held until it has both, so that it cannot end in order before the second comes; two alike would be one.
    for (const signal of ['SIGSTOP', 'SIGINT', 'SIGTERM', 'SIGCONT'] as const) ann.child.kill(signal)
    expect((await ann.ended).code).toBe(1)
    expect(ann.stderr).toContain('ended at once')
  })

  it('does not come when stdin ends', async () => {
    const { ann, bob } = await pair()
    ann.child.stdin.end()
    bob.say('say are you there?')
    expect(await ann.until('message')).toMatchObject({ text: 'are you there?' })
    expect(ann.child.exitCode).toBeNull()
    ann.child.kill('SIGTERM')
    expect((await ann.ended).code).toBe(0)
  })

  it('comes when stdin ends where that was asked for', async () => {
    const { ann } = await pair(['--stop-with-stdin'])
    ann.child.stdin.end()
    expect((await ann.ended).code).toBe(0)
  })

  it('comes quietly and in order when nobody reads stdout any more', async () => {
    const { ann, bob } = await pair()
    ann.child.stdout.destroy()
    bob.say('say something to print')
    expect((await ann.ended).code).toBe(0)
    expect(await bob.until('peer.disconnected')).toMatchObject({ code: 'shutdown' })
    expect(ann.stderr).not.toContain('EPIPE')
  })

  it('is noticed by the other side when it comes by SIGKILL', async () => {
    const { ann, bob } = await pair()
    ann.child.kill('SIGKILL')
    expect(await bob.until('peer.disconnected')).toMatchObject({ initiator: 'network' })
  })
})

describe('a log that up has recorded', () => {
  const record = scratch.of('run.p2plog')
  beforeAll(async () => {
    const { ann, bob } = await pair(['--record', record, '--inbox', scratch.of('run-inbox')])
    bob.say('say to be replayed')
    await ann.until('message')
    await bob.quit()
    await ann.until('peer.disconnected')
    await ann.quit()
  })

  it('replays without a difference', async () => {
    expect(await p2pnet(['log', 'replay', record])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^no differences: \d+ inputs fed/), stderr: '' })
  })

  it('is shown', async () => {
    const shown = await p2pnet(['log', 'show', record, '--json'])
    expect(shown.code).toBe(0)
    const lines = shown.stdout.trim().split('\n').map(line => JSON.parse(line) as { kind: string; type?: string; body?: { text?: string } })
    expect(lines[0]).toMatchObject({ kind: 'header', name: 'ann' })
    expect(lines.some(({ kind, type, body }) => kind === 'input' && type === 'TextMessage' && body?.text === 'to be replayed')).toBe(true)
    expect((await p2pnet(['log', 'show', record])).stdout).toContain('TextMessage')
  })

  it('is told apart from a cut or an altered one', async () => {
    const whole = readFileSync(record)
    const altered = Buffer.from(whole)
    const at = altered.indexOf('to be replayed')
    altered[at] = 'T'.charCodeAt(0)
    writeFileSync(scratch.of('altered.p2plog'), altered)
    expect(await p2pnet(['log', 'check', scratch.of('altered.p2plog')])).toMatchObject({ code: 1, stderr: expect.stringContaining('damaged') })
    expect((await p2pnet(['log', 'replay', scratch.of('altered.p2plog')])).code).toBe(1)

    writeFileSync(scratch.of('cut.p2plog'), whole)
    truncateSync(scratch.of('cut.p2plog'), whole.length - 10)
    expect(await p2pnet(['log', 'check', scratch.of('cut.p2plog')])).toMatchObject({ code: 1, stderr: expect.stringContaining('cut off') })
  })

  it('is told apart from something else', async () => {
    writeFileSync(scratch.of('not-a-log'), 'hello')
    for (const command of ['show', 'check', 'replay']) {
      expect(await p2pnet(['log', command, scratch.of('not-a-log')])).toMatchObject({ code: 1, stdout: '' })
    }
  })

  it('is not written over something that is no log', async () => {
    mkdirSync(scratch.of('precious'), { recursive: true })
    writeFileSync(scratch.of('precious', 'letter.txt'), 'dear')
    const { code, stderr } = await p2pnet(['up', '--json', '--interface', 'loopback', '--data', scratch.of('r'), '--record', scratch.of('precious', 'letter.txt')])
    expect(code).toBe(2)
    expect(stderr).toContain('is not a log')
    expect(readFileSync(scratch.of('precious', 'letter.txt'), 'utf8')).toBe('dear')
  })
})
