import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createActor, createMachine } from 'xstate'
import {
  ClockBackwardsError, ClockBusyError, HeapClock, TimerLimitError, TimerStormError, type Timer
} from '../../../runtime/kernel/index.ts'

describe('HeapClock', () => {
  it('fires in order of due time, then of arming, each at its own due time', () => {
    const clock = new HeapClock()
    const fired: [string, number][] = []
    const arm = (name: string, delay: number) => clock.setTimeout(() => fired.push([name, clock.now()]), delay)
    arm('c', 30)
    arm('a', 10)
    arm('d', 30)
    arm('b', 20)
    arm('late', 31)
    clock.advanceTo(30)
    expect(fired).toEqual([['a', 10], ['b', 20], ['c', 30], ['d', 30]])
    expect(clock.now()).toBe(30)
    expect(clock.nextDue()).toBe(31)
  })

  it('fires a timer that arms itself again as often as it comes due', () => {
    const clock = new HeapClock()
    const at: number[] = []
    const tick = () => {
      at.push(clock.now())
      clock.setTimeout(tick, 100)
    }
    clock.setTimeout(tick, 100)
    clock.advanceTo(1_000)
    expect(at).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000])
  })

  it('leaves nothing of a cleared timer behind', () => {
    const clock = new HeapClock()
    for (let i = 0; i < 50_000; i++) clock.clearTimeout(clock.setTimeout(() => {}, 1 + (i * 7_919) % 1_000))
    expect(clock.size).toBe(0)
    expect(clock.nextDue()).toBeUndefined()
  })

  it('leaves a timer alone that has fired or was cleared before', () => {
    const clock = new HeapClock()
    const fired: string[] = []
    const first = clock.setTimeout(() => fired.push('first'), 1)
    clock.advanceTo(1)
    clock.setTimeout(() => fired.push('second'), 1)
    clock.clearTimeout(first)
    clock.clearTimeout(first)
    clock.clearTimeout(undefined)
    clock.advanceTo(2)
    expect(fired).toEqual(['first', 'second'])
  })

  it('rounds delays up to whole milliseconds, and takes what is no time as none', () => {
    const clock = new HeapClock()
    clock.advanceTo(5)
    for (const delay of [0.1, 1, -7, Number.NaN, -0, Infinity]) clock.setTimeout(() => {}, delay)
    expect(clock.pending().map(({ due }) => due)).toEqual([5, 5, 5, 6, 6, Number.MAX_SAFE_INTEGER])
  })

  it('names the owner of every pending timer, in the order in which they will fire', () => {
    const clock = new HeapClock()
    const a = clock.ownedBy('ticker/a')
    a.setTimeout(() => {}, 20)
    clock.setTimeout(() => {}, 10)
    a.setTimeout(() => {}, 10)
    expect(clock.pending()).toEqual([
      { due: 10, seq: 2, owner: 'system' }, { due: 10, seq: 3, owner: 'ticker/a' }, { due: 20, seq: 1, owner: 'ticker/a' }
    ])
  })

  it('clears all timers of an owner at once, who can arm no more', () => {
    const clock = new HeapClock()
    const owned = clock.ownedBy('ticker/a')
    for (let i = 0; i < 100; i++) owned.setTimeout(() => {}, i)
    clock.setTimeout(() => {}, 7)
    owned.dispose()
    owned.setTimeout(() => {}, 1)
    expect(clock.pending().map(({ owner }) => owner)).toEqual(['system'])
  })

  it('refuses to go back, to go to a fraction, and to be advanced from inside a timer', () => {
    const clock = new HeapClock()
    clock.advanceTo(10)
    expect(() => clock.advanceTo(9)).toThrow(ClockBackwardsError)
    expect(() => clock.advanceTo(10.5)).toThrow(RangeError)
    clock.setTimeout(() => clock.advanceTo(20), 1)
    expect(() => clock.advanceTo(11)).toThrow(ClockBusyError)
    clock.advanceTo(12)
    expect(clock.now()).toBe(12)
  })

  it('ends a timer that arms itself at once with a named error, and goes on when its owner is cleared', () => {
    const clock = new HeapClock({ maxTimers: 1_000, maxTimersPerInstant: 100 })
    const owned = clock.ownedBy('storm/a')
    let fired = 0
    const storm = () => {
      fired++
      owned.setTimeout(storm, 0)
    }
    owned.setTimeout(storm, 5)
    expect(() => clock.advanceTo(10)).toThrow(TimerStormError)
    expect(fired).toBe(100)
    expect(clock.now()).toBe(5)
    owned.dispose()
    clock.advanceTo(10)
    expect(clock.now()).toBe(10)
  })

  it('bounds the number of pending timers', () => {
    const clock = new HeapClock({ maxTimers: 3, maxTimersPerInstant: 3 })
    for (let i = 0; i < 3; i++) clock.setTimeout(() => {}, 1)
    expect(() => clock.setTimeout(() => {}, 1)).toThrow(TimerLimitError)
  })

  it('is a clock for XState', () => {
    const clock = new HeapClock()
    const machine = createMachine({ initial: 'a', states: { a: { after: { 100: 'b' } }, b: { after: { 100: 'c' } }, c: {} } })
    const actor = createActor(machine, { clock: clock.ownedBy('m/a') }).start()
    clock.advanceTo(150)
    expect(actor.getSnapshot().value).toBe('b')
    clock.advanceTo(200)
    expect(actor.getSnapshot().value).toBe('c')
    expect(clock.size).toBe(0)
  })

  it('does what a sorted list would do, whatever is armed, cleared and advanced', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('arm' as const), delay: fc.nat(20) }),
      fc.record({ do: fc.constant('clear' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('advance' as const), by: fc.nat(15) })
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const clock = new HeapClock()
      const fired: string[] = []
      const timers: Timer[] = []
      let model: { id: number; due: number }[] = []
      const expected: string[] = []
      let now = 0
      for (const each of steps) {
        if (each.do === 'arm') {
          const id = timers.length
          timers.push(clock.setTimeout(() => fired.push(`${id}@${clock.now()}`), each.delay))
          model.push({ id, due: now + each.delay })
        } else if (each.do === 'clear') {
          clock.clearTimeout(timers[each.which])
          model = model.filter(({ id }) => id !== each.which)
        } else {
          now += each.by
          clock.advanceTo(now)
          const due = model.filter(timer => timer.due <= now).sort((a, b) => a.due - b.due || a.id - b.id)
          model = model.filter(timer => timer.due > now)
          expected.push(...due.map(({ id, due: at }) => `${id}@${at}`))
        }
        expect(clock.size).toBe(model.length)
      }
      expect(fired).toEqual(expected)
    }))
  })
})
