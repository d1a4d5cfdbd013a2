import { describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import { ActorFailed, ActorStarted, DeadLetter, LinksChanged, Ping, Pong, SpawnActor, SpawnFailed, TextMessage, Watch, type EventOf } from '../../../proto/index.ts'
import { codecs, leftovers, spec, start, type Harness } from './harness.ts'
import { echo, puppet } from './toys.ts'

const reply = publish(({ event }) => [(event as EventOf<'Ping'>).from, new Ping()])
/** Answers every Ping by a Ping: two of them never rest. */
const rally = defineActor({ kind: 'rally', strategy: { onFailure: 'stop' }, machine: createMachine({ on: { Ping: { actions: reply }, TextMessage: { actions: publish(() => ['rally/b', new Ping()]) } } }) })
const failures = (h: Harness) => h.types(ActorFailed).map(({ body }) => [(body as ActorFailed).address, (body as ActorFailed).error.split(':')[0]])
const dead = (h: Harness) => h.types(DeadLetter).map(({ body }) => [(body as DeadLetter).reason, (body as DeadLetter).type, (body as DeadLetter).count])

describe.each(codecs)('limits, codec %s', codec => {
  it('a mailbox that is full takes no more, says so, and the actor lives', () => {
    const h = start([spec(puppet), spec(echo)], { codec, limits: { maxMailbox: 10 } })
    h.host(new TextMessage({ text: 'ping echo/main 25' }), 'puppet/main')
    h.kernel.advanceTo(2_000)
    expect(h.types(Pong)).toHaveLength(10)
    expect(dead(h)).toEqual([['mailbox-full', 'Ping', 1], ['mailbox-full', 'Ping', 14]])
    expect(h.kernel.inspect()).toMatchObject({ queued: 0, deadLetters: 15, actors: [{ status: 'running' }, { queued: 0 }] })
  })

  it('a queue that is full takes no more from machines', () => {
    const h = start([spec(puppet), spec(echo)], { codec, limits: { maxQueue: 8 } })
    h.host(new TextMessage({ text: 'ping echo/main 25' }), 'puppet/main')
    // Of the answers the first two find the queue full with the other questions and the dead letters.
    expect(h.types(Ping)).toHaveLength(8)
    expect(h.types(Pong).map(({ body }) => (body as Pong).id)).toEqual([3, 4, 5, 6, 7, 8])
    expect(dead(h)).toEqual([['mailbox-full', 'Ping', 1], ['mailbox-full', 'Pong', 1]])
  })

  it('two actors that answer each other without end fail with a named error, and do not hang', () => {
    const h = start([spec(rally, { id: 'a' }), spec(rally, { id: 'b' })], { codec, limits: { maxDrain: 1_000 } })
    h.host(new TextMessage(), 'rally/a')
    expect(failures(h)).toEqual([['rally/a', 'RunawayError']])
    expect(h.kernel.inspect().actors.map(({ address }) => address)).toEqual(['rally/b'])
  })

  it('so does one that goes round with its own driver', () => {
    const h = start([spec(rally)], {
      codec, limits: { maxDrain: 1_000 },
      shell: { deliver: ({ to }) => { if (h.kernel.nextSeq < 100_000) h.driver(new Ping(), to, 'rally/main') } }
    })
    h.driver(new Ping(), 'rally/main#net', 'rally/main')
    expect(failures(h)).toEqual([['rally/main', 'RunawayError']])
  })

  it('a host program that goes round with itself is reported', () => {
    const h = start([spec(echo)], { codec, limits: { maxDrain: 1_000 } })
    h.kernel.bus.of(LinksChanged).subscribe(({ body }) => h.host(new LinksChanged({ links: body.links + 1 })))
    h.host(new LinksChanged())
    expect(h.reports).toMatchObject([{ where: 'bus', error: { name: 'RunawayError' } }])
    expect(h.kernel.inspect().actors).toHaveLength(1)
  })

  // Wherever in the round the bound is reached.
  for (const maxDrain of [1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_006]) {
    it(`an actor that starts others without end fails, and those that had ended are gone, after ${maxDrain} deliveries`, () => {
      const brief = defineActor({ kind: 'brief', machine: createMachine({ initial: 'done', states: { done: { type: 'final' } } }) })
      let id = 0
      const spawn = publish(() => ['system', new SpawnActor({ kind: 'brief', id: String(id++) })])
      const watch = publish(({ event }) => ['system', new Watch({ address: (event as EventOf<'ActorStarted'>).body.address })])
      const nanny = defineActor({
        kind: 'nanny', listens: [ActorStarted], strategy: { onFailure: 'stop' },
        machine: createMachine({ on: {
          Ping: { actions: spawn }, Terminated: { actions: spawn },
          ActorStarted: { guard: ({ event }) => (event as EventOf<'ActorStarted'>).body.kind === 'brief', actions: watch }
        } })
      })
      const h = start([spec(nanny, { spawns: [brief] }), spec(echo)], { codec, limits: { maxDrain } })
      h.host(new Watch({ address: 'nanny/main' }), 'system')
      h.host(new Ping(), 'nanny/main')
      expect(failures(h)).toEqual([['nanny/main', 'RunawayError']])
      expect(h.delivered).toMatchObject([{ type: 'Terminated', to: 'host' }])
      expect(h.kernel.inspect().actors).toMatchObject([{ address: 'echo/main', status: 'running' }])
      expect(h.shell.filter(what => what.startsWith('start'))).toHaveLength(h.shell.filter(what => what.startsWith('stop')).length + 1)
      h.kernel.stop('over')
      expect(h.kernel.stopped).toBe(true)
      expect(leftovers(h)).toMatchObject({ actors: 0, timers: 0, watches: 0 })
    })
  }

  it('a host program that starts actors without end is reported, and those that started live', () => {
    const h = start([spec(puppet, { spawns: [echo] })], { codec, limits: { maxDrain: 1_000, maxActors: 10 } })
    let asked = 0
    h.kernel.bus.of(SpawnFailed).subscribe(() => { h.host(new SpawnActor({ kind: 'echo', id: String(asked++) }), 'system') })
    h.kernel.bus.of(ActorStarted).subscribe(() => { h.host(new SpawnActor({ kind: 'echo', id: String(asked++) }), 'system') })
    h.host(new SpawnActor({ kind: 'echo', id: 'first' }), 'system')
    expect(h.reports).toMatchObject([{ where: 'bus', error: { name: 'RunawayError' } }])
    expect(h.kernel.inspect().actors).toHaveLength(10)
  })

  it('a timer that arms itself again at once fails its actor, and the clock goes on', () => {
    const storm = defineActor({
      kind: 'storm', strategy: { onFailure: 'stop' },
      machine: createMachine({ initial: 'a', states: { a: { after: { 0: { target: 'a', reenter: true } } } } })
    })
    const h = start([spec(storm), spec(echo)], { codec, limits: { maxTimersPerInstant: 500 } })
    h.kernel.advanceTo(1_000)
    expect(failures(h)).toEqual([['storm/main', 'TimerStormError']])
    expect(h.kernel.clock.now()).toBe(1_000)
    expect(h.kernel.inspect()).toMatchObject({ timers: 0, actors: [{ address: 'echo/main' }] })
  })

  it('a timer too many fails the actor that arms it', () => {
    const delays = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i + 1, 'b']))
    const many = defineActor({ kind: 'many', strategy: { onFailure: 'stop' }, machine: createMachine({ initial: 'a', states: { a: { after: delays }, b: {} } }) })
    const h = start([spec(many)], { codec, limits: { maxTimers: 10 } })
    expect(failures(h)).toEqual([['many/main', 'TimerLimitError']])
    expect(h.kernel.inspect().timers).toBe(0)
  })
})
