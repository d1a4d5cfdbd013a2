import { describe, expect, it } from '@jest/globals'
import { assign, createMachine } from 'xstate'
import { defineActor, type ActorDefinition, type Strategy } from '../../../actors/seam/index.ts'
import { publish, type MachineInput } from '../../../machines/publish.ts'
import { RESUMES } from '../../../machines/resume.ts'
import {
  ActorFailed, ActorStarted, DeadLetter, DriverFailed, LinksChanged, Ping, Pong, StopActor, Terminated, TextMessage, Watch
} from '../../../proto/index.ts'
import { codecs, leftovers, spec, start, type Harness } from './harness.ts'
import { echo, polite, puppet, ticker } from './toys.ts'

const say = (h: Harness, text: string, to = 'puppet/main') => h.host(new TextMessage({ text }), to)
const named = (kind: string, strategy?: Strategy): ActorDefinition => ({ ...echo, kind, ...(strategy && { strategy }) })
/** It fails at a text, and keeps the types of what else it was given. */
const keepsTypes = createMachine({
  types: {} as { context: { heard: string[]; incarnation: number }; input: MachineInput },
  context: ({ input: { incarnation } }) => ({ heard: [], incarnation }),
  on: {
    TextMessage: { actions: () => { throw new Error('told to') } },
    '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) }
  }
})
const failures = (h: Harness) => h.types(ActorFailed).map(({ time, body }) => {
  const { address, error, decision } = body as ActorFailed
  return [time, address, error, decision]
})

describe.each(codecs)('supervision, codec %s', codec => {
  it('restarts an actor that threw, with its address, a new machine and the next incarnation', () => {
    const h = start([spec(echo)], { codec })
    h.host(new Ping(), 'echo/main')
    say(h, 'boom', 'echo/main')
    expect(h.kernel.inspect().actors).toMatchObject([{ status: 'restarting', incarnation: 0, state: undefined }])
    h.kernel.advanceTo(100)
    expect(h.kernel.inspect().actors).toMatchObject([{ status: 'running', incarnation: 1, context: { pings: 0 } }])
    expect(h.shell).toEqual(['start echo/main', 'stop echo/main', 'start echo/main'])
    expect(h.types(ActorStarted).map(({ body }) => (body as ActorStarted).incarnation)).toEqual([0, 1])
  })

  it('gives an actor that starts late the last announcement of each type it recalls', () => {
    const late: ActorDefinition = { ...echo, kind: 'late', recalls: [Ping] }
    const h = start([spec({ ...echo, recalls: [Ping] }), spec(puppet, { spawns: [late] })], { codec })
    say(h, 'spawn late a')
    h.host(new Ping({ id: 1 }))
    h.host(new Ping({ id: 2 }))
    say(h, 'spawn late b')
    say(h, 'boom', 'echo/main')
    h.kernel.advanceTo(100)
    const pings = h.kernel.inspect().actors.map(({ address, context }) => [address, (context as { pings?: number }).pings])
    expect(pings).toEqual(expect.arrayContaining([['echo/main', 1], ['late/a', 2], ['late/b', 1]]))
  })

  it.each([
    ['in the order in which they were announced', [RESUMES], ['LinksChanged', 'Pong', 'Ping']],
    ['in the order of its definition where a log is of that time', [], ['Ping', 'Pong', 'LinksChanged']]
  ])('gives it what it recalls %s', (_, flags, order) => {
    const late = spec({ ...echo, recalls: [Ping, Pong, LinksChanged], machine: keepsTypes })
    const h = start([late], { codec, flags })
    for (const body of [new Ping(), new LinksChanged(), new Pong(), new Ping()]) h.host(body)
    say(h, 'boom', 'echo/main')
    h.kernel.advanceTo(100)
    expect(h.kernel.inspect().actors).toMatchObject([{ incarnation: 1, context: { heard: order, incarnation: 1 } }])
  })

  it('says what failed, with name and message of the error and the last messages, and reports the stack', () => {
    const h = start([spec(echo)], { codec, limits: { maxRecent: 2 } })
    for (let id = 0; id < 3; id++) h.host(new Ping({ id }), 'echo/main')
    say(h, 'boom', 'echo/main')
    expect(h.types(ActorFailed)[0]?.body).toMatchObject({
      address: 'echo/main', error: 'Error: told to', decision: 'restart', recent: ['6 Ping host', '8 TextMessage host']
    })
    expect(h.reports).toMatchObject([{ where: 'echo/main', error: { message: 'told to' } }])
  })

  it('waits longer before each restart, and escalates when the window has had enough of them', () => {
    const fragile = named('fragile', { onFailure: 'restart', attempts: 2, windowMs: 10_000, backoffMs: 100 })
    const h = start([spec(puppet, { spawns: [fragile] })], { codec })
    say(h, 'spawn fragile a')
    say(h, 'boom', 'fragile/a')
    h.kernel.advanceTo(100)
    say(h, 'boom', 'fragile/a')
    h.kernel.advanceTo(299)
    expect(h.kernel.inspect().actors[1]?.status).toBe('restarting')
    h.kernel.advanceTo(300)
    say(h, 'boom', 'fragile/a')
    expect(failures(h)).toEqual([
      [0, 'fragile/a', 'Error: told to', 'restart'], [100, 'fragile/a', 'Error: told to', 'restart'],
      [300, 'fragile/a', 'Error: told to', 'escalate'],
      [300, 'puppet/main', 'EscalatedError: its child fragile/a failed and was not to be restarted', 'restart']
    ])
    h.kernel.advanceTo(400)
    expect(h.kernel.inspect().actors.map(({ address, incarnation }) => [address, incarnation])).toEqual([['puppet/main', 1]])
  })

  it('forgets failures that lie before the window', () => {
    const fragile = named('fragile', { onFailure: 'restart', attempts: 1, windowMs: 1_000, backoffMs: 10 })
    const h = start([spec(fragile)], { codec })
    for (let n = 1; n <= 5; n++) {
      say(h, 'boom', 'fragile/main')
      h.kernel.advanceTo(n * 1_000)
    }
    expect(h.kernel.inspect().actors).toMatchObject([{ status: 'running', incarnation: 5 }])
  })

  it('stops the peer in order when an actor of its own cannot be helped', () => {
    const fragile = named('fragile', { onFailure: 'escalate' })
    const h = start([spec(polite), spec(fragile), spec(ticker)], { codec })
    say(h, 'boom', 'fragile/main')
    h.kernel.advanceTo(1_000)
    expect(h.kernel.stopped).toBe(true)
    expect(h.shell.slice(3)).toEqual(['stop fragile/main', 'stop ticker/main', 'stop polite/main'])
    expect(h.seen.at(-1)).toBe('system> ActorStopped {"address":"polite/main","reason":"fragile/main failed"}')
  })

  it('stops a spawned actor for good by default, and tells who watches that it failed', () => {
    const h = start([spec(puppet, { spawns: [echo] })], { codec })
    say(h, 'spawn echo a')
    h.host(new Watch({ address: 'echo/a' }), 'system')
    say(h, 'boom', 'echo/a')
    expect(h.types(Terminated)[0]?.body).toMatchObject({ address: 'echo/a', reason: 'failed', failed: true })
    expect(h.kernel.inspect().actors).toHaveLength(1)
  })

  it('stops the whole subtree of one that failed, children first; nothing of it runs on', () => {
    const h = start([spec(puppet, { spawns: [ticker, puppet] })], { codec })
    say(h, 'spawn puppet inner')
    say(h, 'spawn ticker a', 'puppet/inner')
    say(h, 'spawn ticker b')
    say(h, 'boom')
    expect(h.seen.slice(-5).map(line => line.split(' ').slice(1).join(' '))).toEqual([
      expect.stringContaining('ActorFailed {"address":"puppet/main"'),
      'ActorStopped {"address":"ticker/b","reason":"parent failed"}',
      'ActorStopped {"address":"ticker/a","reason":"parent failed"}',
      'ActorStopped {"address":"puppet/inner","reason":"parent failed"}',
      'ActorStopped {"address":"puppet/main","reason":"failed"}'
    ])
    h.kernel.advanceTo(5_000)
    expect(h.types(LinksChanged)).toEqual([])
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['puppet/main'])
  })

  it('drops the mail of one that failed, queued or sent while it waits to restart, as dead letters', () => {
    const h = start([spec(puppet), spec(echo)], { codec })
    h.kernel.bus.of(TextMessage).subscribe(({ body }) => {
      if (body.text === 'go') {
        say(h, 'boom', 'echo/main')
        h.host(new Ping({ id: 1 }), 'echo/main')
      }
    })
    say(h, 'go')
    h.host(new Ping({ id: 2 }), 'echo/main')
    h.kernel.advanceTo(3_000)
    h.host(new Ping({ id: 3 }), 'echo/main')
    expect(h.types(Pong).map(({ body }) => (body as Pong).id)).toEqual([3])
    expect(h.types(DeadLetter).map(({ body }) => body)).toMatchObject([
      { type: 'Ping', reason: 'no-actor', count: 1 }, { type: 'Ping', reason: 'no-actor', count: 1 }
    ])
  })

  it('keeps watching over a restart', () => {
    const h = start([spec(echo)], { codec })
    h.host(new Watch({ address: 'echo/main' }), 'system')
    say(h, 'boom', 'echo/main')
    h.kernel.advanceTo(1_000)
    expect(h.types(Terminated)).toEqual([])
    say(h, 'done', 'echo/main')
    expect(h.types(Terminated)).toHaveLength(1)
  })

  it('does not restart one that was told to stop meanwhile', () => {
    const h = start([spec(echo), spec(ticker)], { codec })
    h.host(new Watch({ address: 'echo/main' }), 'system')
    say(h, 'boom', 'echo/main')
    h.host(new StopActor({ address: 'echo/main', reason: 'enough' }), 'system')
    expect(h.types(Terminated)[0]?.body).toMatchObject({ address: 'echo/main', reason: 'enough' })
    h.kernel.advanceTo(1_000)
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['ticker/main'])
  })

  it('treats a driver that threw as its actor: reported by the shell, or thrown into the kernel', () => {
    const h = start([spec(puppet), spec(polite)], {
      codec,
      shell: { deliver: ({ to }) => { if (to === 'puppet/main#arm') throw new RangeError('arm') } }
    })
    h.driver(new DriverFailed({ driver: 'polite/main#link', error: 'Error: cable' }), 'polite/main#link', 'system')
    say(h, 'tell puppet/main#arm hello')
    expect(failures(h)).toEqual([
      [0, 'polite/main', 'DriverFailedError: polite/main#link: Error: cable', 'restart'],
      [0, 'puppet/main', 'DriverFailedError: puppet/main#arm: RangeError: arm', 'restart']
    ])
    expect(h.taps.filter(({ record }) => record === 'nested')).toHaveLength(1)
  })

  it('treats drivers that cannot be made as a failure of their actor', () => {
    let tries = 0
    const h = start([spec(echo)], { codec, shell: { actorStarted: () => { if (++tries === 1) throw new Error('port taken') } } })
    expect(failures(h)).toEqual([[0, 'echo/main', 'DriverFailedError: echo/main#start: Error: port taken', 'restart']])
    h.kernel.advanceTo(100)
    expect(h.kernel.inspect().actors).toMatchObject([{ status: 'running', incarnation: 1 }])
  })

  it('catches a machine that throws wherever it may: at its start, in a guard, in a timer, in its delays', () => {
    const boom = () => { throw new Error('boom') }
    const throwing = {
      context: createMachine({ context: boom }),
      entry: createMachine({ entry: boom }),
      guard: createMachine({ on: { Ping: { guard: boom, actions: () => {} } } }),
      timer: createMachine({ initial: 'a', states: { a: { after: { 5: 'b' } }, b: { entry: boom } } }),
      delay: createMachine({ initial: 'a', states: { a: { on: { Ping: 'b' } }, b: { after: { d: 'a' } } } }, { delays: { d: boom } }),
      loop: createMachine({ initial: 'a', states: { a: { on: { Ping: 'b' } }, b: { always: 'c' }, c: { always: 'b' } } })
    }
    for (const [kind, machine] of Object.entries(throwing)) {
      const h = start([spec(defineActor({ kind, machine, strategy: { onFailure: 'stop' } }))], { codec })
      if (h.kernel.inspect().actors.length > 0) h.host(new Ping(), `${kind}/main`)
      h.kernel.advanceTo(10)
      expect(failures(h)).toMatchObject([[expect.anything(), `${kind}/main`, expect.stringContaining(kind === 'loop' ? 'Infinite loop' : 'boom'), 'stop']])
      expect(leftovers(h)).toMatchObject({ actors: 0, queued: 0, receivers: 2 })
    }
  })

  it('fails a machine that publishes what is no message, or cannot be encoded', () => {
    const h = start([spec(puppet)], { codec })
    say(h, 'junk host')
    h.kernel.advanceTo(1_000)
    say(h, 'bad host')
    expect(failures(h)).toEqual([
      [0, 'puppet/main', 'TypeError: puppet/main published something that is no message: use an instance of a message class', 'restart'],
      [1_000, 'puppet/main', 'Error: unreadable', 'restart']
    ])
    expect(h.delivered).toEqual([])
  })

  it('publishes nothing of a step that failed, and what the steps before it published', () => {
    const half = defineActor({
      kind: 'half',
      machine: createMachine({
        on: {
          Ping: { actions: publish(() => ['host', new Pong({ id: 1 })]) },
          Pong: { actions: [publish(() => ['host', new Pong({ id: 2 })]), () => { throw new Error('half') }] }
        }
      })
    })
    const h = start([spec(half)], { codec })
    h.kernel.bus.of(LinksChanged).subscribe(() => {
      h.host(new Ping(), 'half/main')
      h.host(new Pong(), 'half/main')
    })
    h.host(new LinksChanged())
    expect(h.delivered.map(({ body }) => (body as Pong).id)).toEqual([1])
    expect(failures(h)).toHaveLength(1)
  })
})
