import { describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import {
  ActorStopped, DeadLetter, LinksChanged, Ping, Pong, SpawnActor, SpawnFailed, StopActor, Terminated, TextMessage, Unwatch, Watch
} from '../../../proto/index.ts'
import {
  KernelNotStartedError, KernelStartedError, KernelStoppedError, NameTakenError, Names, OptionsError, streamStart
} from '../../../runtime/kernel/index.ts'
import { codecs, leftovers, make, spec, start, type Harness } from './harness.ts'
import { dice, echo, polite, puppet, ticker } from './toys.ts'

const say = (h: Harness, text: string, to = 'puppet/main') => h.host(new TextMessage({ text }), to)
const troupe = spec(puppet, { spawns: [echo, ticker, dice] })

describe.each(codecs)('actors, codec %s', codec => {
  it('start in order, each with its drivers before its machine', () => {
    const h = start([spec(puppet), spec(echo), spec(echo, { id: 'second' })], { codec })
    expect(h.shell).toEqual(['start puppet/main', 'start echo/main', 'start echo/second'])
    expect(h.seen).toEqual([
      'system> ActorStarted {"address":"puppet/main","kind":"puppet","version":1,"parent":"system"}',
      'system> ActorStarted {"address":"echo/main","kind":"echo","version":1,"parent":"system"}',
      'system> ActorStarted {"address":"echo/second","kind":"echo","version":1,"parent":"system"}'
    ])
  })

  it('answer whoever asked, with the question as the cause', () => {
    const h = start([spec(echo), spec(puppet)], { codec })
    const asked = h.driver(new Ping({ id: 9 }), 'puppet/main#arm', 'echo/main')
    expect(h.seen.slice(-2)).toEqual(['puppet/main#arm>echo/main Ping {"id":9}', 'echo/main>puppet/main#arm Pong {"id":9}'])
    expect(h.envelopes.at(-1)?.cause).toBe(asked.seq)
  })

  it('are told nothing of what they published but in turn: a publish from inside a handler waits', () => {
    const h = start([troupe, spec(echo)], { codec })
    say(h, 'ping echo/main 3')
    expect(h.types(Ping, Pong).map(({ type, body }) => `${type}${(body as Ping).id}`)).toEqual([
      'Ping1', 'Ping2', 'Ping3', 'Pong1', 'Pong2', 'Pong3'
    ])
  })

  it('spawn others as their children, from inside a handler', () => {
    const h = start([troupe], { codec })
    say(h, 'spawn ticker t {"everyMs":30}')
    h.kernel.advanceTo(100)
    expect(h.kernel.inspect().actors.map(({ address, parent }) => [address, parent])).toEqual([
      ['puppet/main', 'system'], ['ticker/t', 'puppet/main']
    ])
    expect(h.types(LinksChanged).map(({ time, cause }) => [time, cause])).toEqual([[30, 0], [60, 0], [90, 0]])
  })

  it('are told why a spawn failed', () => {
    const h = start([troupe], { codec, limits: { maxActors: 2 } })
    for (const what of ['nobody x', 'echo a/b', 'puppet main', 'echo x [1]', 'echo x {broken', 'echo x', 'echo y']) say(h, `spawn ${what}`)
    expect(h.types(SpawnFailed).map(({ to, body }) => [to, (body as SpawnFailed).code])).toEqual([
      ['puppet/main', 'unknown-kind'], ['puppet/main', 'bad-id'], ['puppet/main', 'address-taken'], ['puppet/main', 'bad-options'],
      ['puppet/main', 'bad-options'], ['puppet/main', 'actor-limit']
    ])
  })

  it('stop when their machine is done, with their children, and their watchers are told', () => {
    const h = start([troupe], { codec })
    say(h, 'spawn echo a')
    say(h, 'spawn echo b')
    h.host(new Watch({ address: 'puppet/main' }), 'system')
    h.host(new Watch({ address: 'echo/a' }), 'system')
    say(h, 'done')
    expect(h.seen.slice(-6)).toEqual([
      'host>puppet/main TextMessage {"text":"done"}',
      'system> ActorStopped {"address":"echo/b","reason":"parent finished"}',
      'system> ActorStopped {"address":"echo/a","reason":"parent finished"}',
      'system> ActorStopped {"address":"puppet/main","reason":"finished"}',
      'system>host Terminated {"address":"echo/a","reason":"parent finished"}',
      'system>host Terminated {"address":"puppet/main","reason":"finished"}'
    ])
    expect(h.shell.slice(-3)).toEqual(['stop echo/b', 'stop echo/a', 'stop puppet/main'])
    expect(leftovers(h)).toEqual({ actors: 0, timers: 0, queued: 0, receivers: 2, watches: 0 })
  })

  it('get their last words to their drivers before these are stopped', () => {
    const h = start([spec(polite, { options: { lingerMs: 0 } })], { codec })
    h.host(new StopActor({ address: 'polite/main', reason: 'enough' }), 'system')
    h.kernel.advanceTo(0)
    expect(h.delivered.map(({ to, type }) => `${type} ${to}`)).toEqual(['TextMessage polite/main#link'])
    expect(h.shell).toEqual(['start polite/main', 'stop polite/main'])
    expect(h.types(DeadLetter)).toEqual([])
  })

  it('may stop themselves, and each other while mail is on its way', () => {
    const h = start([troupe, spec(echo)], { codec })
    say(h, 'ping echo/main 1')
    say(h, 'stop puppet/main')
    expect(h.types(ActorStopped).map(({ body }) => body)).toMatchObject([{ address: 'puppet/main', reason: 'told to' }])
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['echo/main'])
  })

  it('never see a timer again once they have stopped', () => {
    const h = start([troupe], { codec })
    say(h, 'spawn ticker t')
    h.kernel.advanceTo(150)
    h.host(new StopActor({ address: 'ticker/t', reason: '' }), 'system')
    expect(h.kernel.nextDue()).toBeUndefined()
    h.kernel.advanceTo(10_000)
    expect(h.types(LinksChanged)).toHaveLength(1)
  })

  it('are watched: a dead address answers at once, an Unwatch takes it back, a dead watcher is forgotten', () => {
    const h = start([troupe, spec(echo, { id: 'watcher' })], { codec })
    say(h, 'watch echo/none')
    expect(h.seen.at(-1)).toBe('system>puppet/main Terminated {"address":"echo/none","reason":"no such actor"}')
    say(h, 'spawn echo a')
    h.host(new Watch({ address: 'echo/a' }), 'system')
    h.host(new Unwatch({ address: 'echo/a' }), 'system')
    h.driver(new Watch({ address: 'echo/a' }), 'puppet/main#arm', 'system')
    say(h, 'watch echo/watcher')
    expect(h.kernel.system.watches).toBe(2)
    say(h, 'done')
    expect(h.types(Terminated).map(({ to }) => to)).toEqual(['puppet/main', 'puppet/main#arm'])
    expect(h.kernel.system.watches).toBe(0)
  })

  it('listen to announcements, which may pass them by in a state that does not care', () => {
    const deaf = defineActor({
      kind: 'deaf', listens: [LinksChanged, Ping],
      machine: createMachine({ initial: 'a', states: { a: {}, b: { on: { LinksChanged: 'a' } } } })
    })
    const h = start([spec(puppet), spec(deaf)], { codec })
    h.driver(new LinksChanged({ links: 2 }), 'x/y#z')
    expect(h.kernel.inspect().actors[0]?.context).toMatchObject({ heard: ['LinksChanged'] })
    expect(h.types(DeadLetter)).toEqual([])
    h.driver(new Ping(), 'x/y#z')
    expect(h.types(DeadLetter).map(({ body }) => body)).toMatchObject([{ type: 'Ping', to: '', reason: 'not-handled' }])
  })

  it('are handed nothing that they do not know: it becomes a dead letter, unless the machine says that it ignores it', () => {
    const picky = defineActor({ kind: 'picky', machine: createMachine({ initial: 'a', states: { a: { on: { Pong: {} } } } }) })
    const h = start([spec(picky)], { codec })
    h.host(new Pong(), 'picky/main')
    expect(h.types(DeadLetter)).toEqual([])
    h.host(new Ping(), 'picky/main')
    h.host(new Ping(), 'system')
    expect(h.types(DeadLetter).map(({ body }) => body)).toMatchObject([{ type: 'Ping', to: 'picky/main', reason: 'not-handled', count: 1 }])
  })

  it('sum up dead letters: the first at once, the others once a second', () => {
    const h = start([spec(echo)], { codec })
    const counts = () => h.types(DeadLetter).map(({ time, body }) => [time, (body as DeadLetter).count])
    for (let i = 0; i < 10; i++) h.host(new Ping(), 'echo/none')
    expect(counts()).toEqual([[0, 1]])
    h.kernel.advanceTo(500)
    for (let i = 0; i < 5; i++) h.host(new Ping(), 'echo/none')
    h.kernel.advanceTo(5_000)
    expect(counts()).toEqual([[0, 1], [1_000, 14]])
    h.host(new Ping(), 'echo/none')
    expect(counts().at(-1)).toEqual([5_000, 1])
    expect(h.kernel.inspect().deadLetters).toBe(16)
  })

  it('see their options without secrets, which only drivers get', () => {
    let drivers: object = {}
    const keeper = defineActor({
      kind: 'keeper', options: { key: 'default', size: 1, list: [1] }, secrets: ['key'],
      machine: createMachine({ context: ({ input }: { input: unknown }) => input as object })
    })
    const h = start([spec(keeper, { options: { key: 'hush', size: 2 } })], {
      codec, shell: { actorStarted: (_, __, options) => { drivers = options } }
    })
    const [actor] = h.kernel.inspect().actors
    const { options } = (actor as { context: unknown }).context as { options: { list: number[] } }
    expect(options).toEqual({ size: 2, list: [1] })
    expect(() => options.list.push(2)).toThrow(TypeError)
    expect(drivers).toEqual({ key: 'hush', size: 2, list: [1] })
  })

  it('draw from a stream of their own, for each address and incarnation, which the seed decides', () => {
    const rolls = (seed: number, id: string) => {
      const h = start([spec(dice, { id })], { codec, seed: Uint8Array.of(seed) })
      h.kernel.advanceTo(300)
      return h.types(LinksChanged).map(({ time, body }) => [time, (body as LinksChanged).links])
    }
    expect(rolls(1, 'a')).toEqual(rolls(1, 'a'))
    expect(rolls(1, 'a')).not.toEqual(rolls(1, 'b'))
    expect(rolls(1, 'a')).not.toEqual(rolls(2, 'a'))
  })

  it('vanish entirely, however many come and go', () => {
    const h = start([troupe], { codec, watch: false, tap: false })
    const cycle = (n: number) => {
      for (let i = 0; i < n; i++) {
        h.host(new SpawnActor({ kind: i % 2 === 0 ? 'echo' : 'ticker', id: `x${i}` }), 'system')
        const address = `${i % 2 === 0 ? 'echo' : 'ticker'}/x${i}`
        h.host(new Watch({ address }), 'system')
        if (i % 2 === 0) h.host(new TextMessage({ text: i % 4 === 0 ? 'done' : 'boom' }), address)
        else h.host(new StopActor({ address }), 'system')
      }
    }
    const n = codec === 'lazy' ? 10_000 : 1_000
    cycle(n)
    expect(leftovers(h)).toEqual({ actors: 1, timers: 0, queued: 0, receivers: 4, watches: 0 })
    expect(h.reports).toHaveLength(n / 4)
  })
})

describe('a kernel', () => {
  it('takes nothing before it has started, and starts once', () => {
    const { kernel } = make([spec(echo)])
    expect(() => kernel.input(new Ping(), { from: 'host' })).toThrow(KernelNotStartedError)
    expect(() => kernel.advanceTo(1)).toThrow(KernelNotStartedError)
    kernel.start()
    expect(() => kernel.start()).toThrow(KernelStartedError)
  })

  it('stops at once when it never started', () => {
    const h = make([spec(echo)])
    h.kernel.stop('never mind')
    expect(h.kernel.stopped).toBe(true)
    expect(h.taps).toEqual([{ record: 'stopped', bytes: '0' }])
    expect(() => h.host(new Ping())).toThrow(KernelStoppedError)
  })

  it('takes inputs from outside only', () => {
    const h = start([spec(echo)])
    for (const from of ['echo/main', 'system', '']) expect(() => h.driver(new Ping(), from)).toThrow(TypeError)
    for (const from of ['host', 'peer/x', 'echo/main#tcp']) h.driver(new Ping(), from)
  })

  it('refuses what is no message or cannot be encoded, and stays as it was', () => {
    const h = start([spec(echo)])
    const { nextSeq } = h.kernel
    expect(() => h.host({ text: 'plain' })).toThrow(TypeError)
    expect(() => h.host(null as never)).toThrow(TypeError)
    expect(() => h.host(Object.defineProperty(new TextMessage(), 'text', { get: () => { throw new Error('no') } }))).toThrow('no')
    expect(() => h.kernel.inputEncoded('Nobody', new Uint8Array(), { from: 'host' })).toThrow('no message type is named Nobody')
    expect(() => h.kernel.inputEncoded('TextMessage', Uint8Array.of(10, 200), { from: 'host' })).toThrow()
    expect(h.kernel.nextSeq).toBe(nextSeq)
    h.kernel.inputEncoded('Ping', Ping.encode(new Ping({ id: 4 })).finish(), { from: 'host', to: 'echo/main' })
    expect(h.seen.at(-1)).toBe('echo/main>host Pong {"id":4}')
  })

  it('refuses definitions that do not go together', () => {
    expect(() => make([spec(echo), spec(echo)])).toThrow(NameTakenError)
    expect(() => make([spec(echo), spec({ ...echo }, { id: 'b' })])).toThrow(NameTakenError)
    expect(() => make([spec(echo, { id: 'a b' })])).toThrow(TypeError)
    expect(() => make([spec(echo, { options: { big: 1n } })])).toThrow(OptionsError)
    expect(() => make([spec(echo)], { limits: { maxQueue: 0 } })).toThrow(RangeError)
    expect(() => make([spec(echo)], { limits: { maxTimersPerInstant: 1_000_001 } })).toThrow('give 1000000 at most')
  })

  it('offers names from a stream for each address and incarnation', () => {
    const names = (address: string, incarnation: number) => {
      const stream = new Names(streamStart(new Uint8Array(32), address, incarnation))
      return [stream.next(), stream.next(21)]
    }
    expect(names('a/a', 0)).toEqual(names('a/a', 0))
    expect(names('a/a', 0).map(name => name.length)).toEqual([10, 21])
    for (const other of [names('a/b', 0), names('a/a', 1)]) expect(other[0]).not.toBe(names('a/a', 0)[0])
  })
})
