import { describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { defineActor } from '../../../actors/seam/index.ts'
import { publish } from '../../../machines/publish.ts'
import { ActorFailed, DeadLetter, LinksChanged, Ping, Pong, TextMessage, type EventOf } from '../../../proto/index.ts'
import { codecs, spec, start, type Harness } from './harness.ts'
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
