import { afterEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { firstValueFrom, lastValueFrom, take, toArray, type Observable } from 'rxjs'
import { assign, createMachine, setup } from 'xstate'
import { lan } from '../../../actors/lan/index.ts'
import { defineActor, type DriverContext } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import { ActorFailed, ActorStarted, DeadLetter, DialFailed, PeerHeard, TextMessage, type Envelope, type EventOf } from '../../../proto/index.ts'
import {
  createPeer, DuplicateActorError, ListenError, PeerOptionError, PeerStateError, UnknownPeerError, UnknownTypeError,
  type Peer, type PeerOptions
} from '../../../runtime/index.ts'
import { REPORT_EVERY_MS } from '../../../runtime/peer/reports.ts'

const peers: Peer[] = []
function bare(options: PeerOptions = {}): Peer {
  const peer = createPeer({ defaults: false, log: 'silent', ...options })
  peers.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop().catch(() => {})))
})

const text = (envelope: Envelope) => (envelope.body as TextMessage).text

/** Asks its driver what the host asked it, and tells the host the answer. */
const clerk = setup({ types: { events: {} as EventOf<'TextMessage'> } }).createMachine({
  on: {
    TextMessage: [
      { guard: ({ event }) => event.from === 'host', actions: publish(({ event }) => ['clerk/main#archive', event.body]) },
      { actions: publish(({ event }) => ['host', event.body]) }
    ]
  }
})

describe('a peer of the host\'s actors alone', () => {
  it('carries a question from the host over a machine to a driver, and the answer back', async () => {
    const archive = (context: DriverContext) => ({
      receive(envelope: Envelope) {
        setImmediate(() => context.publish(new TextMessage({ text: text(envelope).toUpperCase() })))
      }
    })
    const peer = bare({ actors: [defineActor({ kind: 'clerk', machine: clerk, drivers: { archive } })] })
    await peer.start()
    const answer = firstValueFrom(peer.bus.to('host'))
    peer.publish(new TextMessage({ text: 'who?' }), { to: 'clerk/main' })
    expect(text(await answer)).toBe('WHO?')
  })

  it('takes an answer that a driver gives at once', async () => {
    const archive = (context: DriverContext) => ({ receive: (envelope: Envelope) => context.publish(envelope.body) })
    const peer = bare({ actors: [defineActor({ kind: 'clerk', machine: clerk, drivers: { archive } })] })
    await peer.start()
    const answer = firstValueFrom(peer.bus.to('host'))
    peer.publish(new TextMessage({ text: 'who?' }), { to: 'clerk/main' })
    expect(text(await answer)).toBe('who?')
  })

  it('wakes its machines\' timers', async () => {
    const alarm = createMachine({
      initial: 'asleep',
      states: { asleep: { after: { 5: 'awake' } }, awake: { entry: publish(() => ['host', new TextMessage({ text: 'rise' })]) } }
    })
    const peer = bare({ actors: [defineActor({ kind: 'alarm', machine: alarm })] })
    const rang = firstValueFrom(peer.bus.to('host'))
    await peer.start()
    expect((await rang).time).toBeGreaterThanOrEqual(5)
  })

  it('announces what a machine and the host announce', async () => {
    const peer = bare()
    const heard = lastValueFrom(peer.events.pipe(toArray()))
    await peer.start()
    peer.publish(new PeerHeard({ via: 'static' }))
    await peer.stop()
    expect((await heard).map(({ type }) => type)).toContain('PeerHeard')
  })

  it('restarts an actor whose driver threw, with a new driver, and says so', async () => {
    let made = 0
    const archive = () => {
      made++
      return { receive() { throw new Error('fire') } }
    }
    const peer = bare({ actors: [defineActor({ kind: 'clerk', machine: clerk, drivers: { archive }, strategy: { onFailure: 'restart', backoffMs: 1 } })] })
    await peer.start()
    const failed = firstValueFrom(peer.bus.of(ActorFailed))
    const again = firstValueFrom(peer.bus.of(ActorStarted))
    peer.publish(new TextMessage({ text: 'who?' }), { to: 'clerk/main' })
    expect((await failed).body).toMatchObject({ address: 'clerk/main', error: expect.stringContaining('fire'), decision: 'restart' })
    expect((await again).body).toMatchObject({ address: 'clerk/main', incarnation: 1 })
    expect(made).toBe(2)
  })

  it('fails the actor whose driver publishes what is no registered message, whenever it does', async () => {
    class Foreign { static getTypeUrl() { return '/foreign.v1.Foreign' } }
    const archive = (context: DriverContext) => ({ receive() { setImmediate(() => context.publish(new Foreign())) } })
    const peer = bare({ actors: [defineActor({ kind: 'clerk', machine: clerk, drivers: { archive }, strategy: { onFailure: 'stop' } })] })
    await peer.start()
    const failed = firstValueFrom(peer.bus.of(ActorFailed))
    peer.publish(new TextMessage({ text: 'who?' }), { to: 'clerk/main' })
    expect((await failed).body.error).toContain('foreign.v1.Foreign')
  })

  it('makes mail that nobody takes a dead letter', async () => {
    const peer = bare()
    await peer.start()
    const dead = firstValueFrom(peer.bus.of(DeadLetter))
    peer.publish(new TextMessage(), { to: 'nobody/main' })
    expect((await dead).body).toMatchObject({ type: 'TextMessage', to: 'nobody/main', reason: 'no-actor' })
    expect(peer.status().deadLetters).toBe(1)
  })

  it('goes on when a subscriber of the host throws, and says so', async () => {
    const lines: string[] = []
    const peer = bare({ log: pino({}, { write: line => lines.push(line) }) })
    await peer.start()
    peer.bus.of(TextMessage).subscribe(() => { throw new Error('host bug') })
    const heard = firstValueFrom(peer.bus.of(TextMessage))
    peer.publish(new TextMessage({ text: 'who?' }))
    expect((await heard).body.text).toBe('who?')
    expect(lines.map(line => JSON.parse(line))).toMatchObject([{ level: 50, where: 'bus', msg: 'a subscriber failed', err: { message: 'host bug' } }])
  })

  it('says once why a peer at a known place cannot be reached', async () => {
    const lines: string[] = []
    const log = pino({}, { write: line => lines.push(line) })
    const peer = createPeer({ interfaces: ['loopback'], lan: false, peers: ['127.0.0.1:9'], log })
    const twice = firstValueFrom(peer.bus.of(DialFailed).pipe(take(2), toArray()))
    await peer.start()
    await twice
    await peer.stop()
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 40, address: '127.0.0.1:9', code: 'dial-refused', msg: expect.stringMatching(/^127\.0\.0\.1:9 is dialled .*, dial-refused: Nothing listens/) }
    ])
  })

  it('counts what it holds', async () => {
    const peer = bare({ actors: [defineActor({ kind: 'clerk', machine: clerk, drivers: { archive: () => ({ receive() {} }) } })] })
    await peer.start()
    const { subscriptions } = peer.status()
    const subscription = peer.bus.of(TextMessage).subscribe()
    expect(peer.status()).toEqual({
      actors: 1, drivers: 1, links: 0, peers: 0, timers: 0, queued: 0, watches: 0, subscriptions: subscriptions + 1, deadLetters: 0, rss: expect.any(Number)
    })
    subscription.unsubscribe()
    expect(peer.status().subscriptions).toBe(subscriptions)
    await peer.stop()
    expect(peer.status().subscriptions).toBe(0)
  })
})

describe('starting and stopping', () => {
  it('refuses to be used before start and after stop, and says what to do', async () => {
    const peer = bare()
    expect(() => peer.publish(new TextMessage())).toThrow(PeerStateError)
    expect(() => peer.broadcast(new TextMessage())).toThrow('await peer.start() first')
    await peer.start()
    await expect(peer.start()).rejects.toThrow('started already')
    await peer.stop()
    expect(() => peer.publish(new TextMessage())).toThrow('make another with createPeer')
    await expect(peer.start()).rejects.toThrow(PeerStateError)
  })

  it('may be stopped twice, at once, and before it was started', async () => {
    const peer = bare()
    await peer.start()
    await Promise.all([peer.stop(), peer.stop()])
    await peer.stop()
    const other = bare()
    await other.stop()
    await other.stop()
    await expect(other.start()).rejects.toThrow('was stopped')
  })

  it('stops at the end of its block', async () => {
    let peer: Peer
    {
      await using one = bare()
      peer = await one.start()
    }
    expect(peer.status()).toMatchObject({ actors: 0, drivers: 0, timers: 0 })
  })

  it('gives every actor time to say goodbye, and its driver to close', async () => {
    const happened: string[] = []
    const machine = createMachine({
      initial: 'open', states: {
        open: { on: { Stop: 'closing' } },
        closing: { entry: publish(() => ['shop/main#door', new TextMessage({ text: 'close' })]), on: { TextMessage: 'closed' } },
        closed: { type: 'final' }
      }
    })
    const door = (context: DriverContext) => ({
      receive() {
        setTimeout(() => { happened.push('goodbye'); context.publish(new TextMessage()) }, 5)
      },
      async stop() {
        await new Promise(resolve => setTimeout(resolve, 5))
        happened.push('closed')
      }
    })
    const peer = bare({ actors: [defineActor({ kind: 'shop', machine, drivers: { door } })] })
    await peer.start()
    await peer.stop()
    expect(happened).toEqual(['goodbye', 'closed'])
  })

  it('is not disturbed by what a driver says when the time to stop has just run out', async () => {
    const lines: string[] = []
    const machine = createMachine({ on: { Stop: { actions: publish(() => ['shop/main#door', new TextMessage()]) } } })
    // Busy for longer than there is time: the core ends with the next input, which comes too late.
    const door = (context: DriverContext) => ({ receive: () => void setImmediate(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60)
      context.publish(new TextMessage())
    }) })
    const peer = bare({ actors: [defineActor({ kind: 'shop', machine, drivers: { door } })], limits: { stopTimeoutMs: 20 }, log: pino({}, { write: line => lines.push(line) }) })
    await peer.start()
    await peer.stop()
    expect(lines.filter(line => line.includes('a driver failed'))).toEqual([])
  })

  it('is not disturbed by what is still to be reported while a driver takes its time to close', async () => {
    const door = () => ({ receive() {}, stop: () => new Promise<void>(resolve => { setTimeout(resolve, REPORT_EVERY_MS + 200) }) })
    const peer = bare({ actors: [defineActor({ kind: 'shop', machine: createMachine({}), drivers: { door } })] })
    await peer.start()
    for (let i = 0; i < 2; i++) peer.publish(new TextMessage(), { to: `peer/${'a'.repeat(52)}` })
    await peer.stop()
    expect(peer.status()).toMatchObject({ actors: 0, drivers: 0, timers: 0 })
  })

  it('leaves nothing behind', async () => {
    const machine = createMachine({ after: { 100_000: { actions: () => {} } } })
    const peer = bare({ actors: [defineActor({ kind: 'shop', machine, drivers: { door: context => {
      context.count('knocks')
      return { receive() {} }
    } } })] })
    let completed = 0
    for (const observable of [peer.peers, peer.links, peer.events, peer.bus.all, peer.bus.of(TextMessage), peer.messages(TextMessage)] as Observable<unknown>[]) {
      observable.subscribe({ complete: () => { completed++ } })
    }
    await peer.start()
    await peer.stop()
    expect(peer.status()).toMatchObject({ actors: 0, drivers: 0, timers: 0, queued: 0 })
    expect(completed).toBe(6)
  })
})

describe('what createPeer and send refuse', () => {
  const actor = defineActor({ kind: 'clerk', machine: clerk })

  it('two actors of one address', () => {
    expect(() => bare({ actors: [actor, actor] })).toThrow(DuplicateActorError)
    expect(() => bare({ actors: [actor, { definition: actor, id: 'other' }] })).not.toThrow()
  })

  it('nothing where an actor takes the place of a default one', async () => {
    const peer = createPeer({ interfaces: ['loopback'], network: 'own lan', actors: [lan({ interfaces: ['lo'], ports: [8002] })] })
    await peer.start({ wait: true })
    const withDefaults = createPeer({ interfaces: ['loopback'], network: 'own lan' })
    await withDefaults.start({ wait: true })
    expect(peer.status().actors).toBe(withDefaults.status().actors)
    await Promise.all([peer.stop(), withDefaults.stop()])
  })

  it('an actor whose address would be another peer\'s', () => {
    expect(() => defineActor({ kind: 'peer', machine: clerk })).toThrow(/'peer' is taken/)
    expect(() => defineActor({ kind: 'clerk', machine: clerk, wire: [TextMessage as never] })).toThrow('wire of clerk takes { type: MessageClass }, one for each type')
  })

  it('what is no actor', () => {
    expect(() => bare({ actors: [{} as typeof actor] })).toThrow(PeerOptionError)
  })

  it('an option of a default actor that is none', () => {
    expect(() => createPeer({ tune: { 'peer-conection': {} } })).toThrow(/'peer-conection' is no default actor/)
  })

  it.each([
    ['peer-connection', 'keepAliveIntervalMs', '1000'], ['peer-connection', 'keepAliveIntervalMs', -1], ['peer-connection', 'steps', 'verify-pings'],
    ['peer-connection', 'steps', [1]], ['link-keeper', 'connection', null], ['link-keeper', 'maxLinks', [300]], ['listener', 'inbound', 0]
  ])('an option of a default actor with a value that it cannot take: %s.%s = %j', (kind, option, value) => {
    expect(() => createPeer({ tune: { [kind]: { [option]: value } } })).toThrow(new RegExp(`^${kind}\\.${option} is .*: give a value like its default, `))
  })

  it('peers that are not connected, and types that were not declared', async () => {
    const peer = bare()
    await peer.start()
    expect(() => peer.send('ann', new TextMessage())).toThrow(UnknownPeerError)
    expect(() => peer.broadcast(new PeerHeard())).toThrow(UnknownTypeError)
    expect(() => peer.messages(PeerHeard)).toThrow('createPeer({ messages: [...] })')
  })

  it('what is no message, in words that help', async () => {
    const peer = bare()
    await peer.start()
    for (const body of [{ text: 'x' }, 'x', null, undefined]) {
      expect(() => peer.broadcast(body as object)).toThrow(/^(Object|String|undefined) is no message class: use a class that protobufjs made, or an instance/)
      expect(() => peer.send('a'.repeat(52), body as object)).toThrow(/no message class/)
    }
    expect(() => peer.messages('TextMessage' as unknown as typeof TextMessage)).toThrow(/^TextMessage is no message class/)
    expect(() => bare({ messages: [class Say {}] as unknown as [typeof TextMessage] })).toThrow(/^Say is no message class/)
  })

  it('an address that is taken, and stops', async () => {
    const server = await new Promise<Server>(resolve => {
      const made: Server = createServer().listen(0, '127.0.0.1', () => resolve(made))
    })
    const { port } = server.address() as { port: number }
    const peer = createPeer({ listen: `127.0.0.1:${port}`, interfaces: ['loopback'] })
    const error = await peer.start().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ListenError)
    expect((error as Error).message).toContain(String(port))
    expect(peer.status()).toMatchObject({ actors: 0, drivers: 0, timers: 0 })
    await new Promise(resolve => server.close(resolve))
  })
})

describe('recording', () => {
  it('keeps secrets out of the log and gives them to drivers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'p2pnet-peer-'))
    const record = join(folder, 'run.p2plog')
    let given: unknown
    const vault = defineActor<{ shelf: number; password: string }>({
      kind: 'vault',
      machine: setup({ types: { context: {} as { input: unknown } } }).createMachine({
        context: ({ input }) => ({ input }), entry: assign({})
      }),
      options: { shelf: 7, password: '' },
      secrets: ['password'],
      drivers: { lock: context => { given = context.options; return { receive() {} } } }
    })
    const peer = bare({ record, actors: [{ definition: vault, options: { password: 'hunter2' } }] })
    await peer.start()
    await peer.stop()
    expect(given).toEqual({ shelf: 7, password: 'hunter2' })
    const log = readFileSync(record, 'latin1')
    expect(log).toContain('"shelf":7')
    expect(log).not.toContain('hunter2')
    expect(statSync(record).mode & 0o777).toBe(0o600)
    rmSync(folder, { recursive: true })
  })
})
