import { describe, expect, it } from '@jest/globals'
import { LATE_MS_MAX, LiveClock, type WallClock } from '../../../runtime/peer/live-clock.ts'

/** A wall clock that a test moves; the OS timer fires only when the test says so. */
class Wall implements WallClock {
  time = 5_000.25
  timer: { at: number; callback: () => void } | undefined

  now(): number {
    return this.time
  }

  setTimer(callback: () => void, ms: number): unknown {
    return this.timer = { at: this.time + ms, callback }
  }

  clearTimer(timer: unknown): void {
    if (this.timer === timer) this.timer = undefined
  }

  /** Sleeps until the OS timer and lets it fire, `late` milliseconds late. */
  fire(late = 0): void {
    const { at, callback } = this.timer!
    this.timer = undefined
    this.time = at + late
    callback()
  }
}

class Core {
  now = 0
  due: number[] = []
  readonly fired: { due: number; wall: number }[] = []
  readonly wall: Wall

  constructor(wall: Wall) {
    this.wall = wall
  }

  nextDue(): number | undefined {
    return this.due.length === 0 ? undefined : Math.min(...this.due)
  }

  advanceTo(time: number): void {
    expect(Number.isInteger(time)).toBe(true)
    expect(time).toBeGreaterThanOrEqual(this.now)
    for (let due = this.nextDue(); due !== undefined && due <= time; due = this.nextDue()) {
      this.due.splice(this.due.indexOf(due), 1)
      this.fired.push({ due, wall: this.wall.time })
    }
    this.now = time
  }
}

function clock(...due: number[]) {
  const wall = new Wall()
  const core = new Core(wall)
  core.due = due
  const live = new LiveClock(core, wall)
  live.start(() => {})
  return { wall, core, live }
}

describe('the live clock', () => {
  it('starts at zero and counts whole milliseconds', () => {
    const { wall, core, live } = clock()
    live.enter(() => expect(core.now).toBe(0))
    wall.time += 7.9
    live.enter(() => expect(core.now).toBe(7))
  })

  it('wakes the core at its next timer, no earlier', () => {
    const { wall, core } = clock(100, 40)
    wall.fire()
    expect(core.fired.map(({ due }) => due)).toEqual([40])
    wall.fire()
    expect(core.fired.map(({ due }) => due)).toEqual([40, 100])
    expect(core.now).toBe(100)
  })

  it('keeps the process alive where no timer is due, until it stops', () => {
    const { wall, live } = clock()
    expect(wall.timer).toBeDefined()
    live.stop()
    expect(wall.timer).toBeUndefined()
  })

  it('advances the clock before an input, so that it meets every timer that was due', () => {
    const { wall, core, live } = clock(10, 20, 30)
    wall.time += 25
    live.enter(() => expect(core.fired.map(({ due }) => due)).toEqual([10, 20]))
  })

  it('runs work from within the core at the core\'s own time', () => {
    const { wall, core, live } = clock()
    live.enter(() => {
      wall.time += 50
      live.enter(() => expect(core.now).toBe(0))
    })
    live.enter(() => expect(core.now).toBe(50))
  })

  it('moves the OS timer when an earlier one is set', () => {
    const { wall, core, live } = clock(500)
    live.enter(() => { core.due.push(5) })
    expect(wall.timer!.at - wall.time).toBe(5)
  })

  it('lets an hour of suspend pass without a keep-alive running out unheard', () => {
    const { wall, core, live } = clock(100, 5_000)
    wall.fire(3_600_000)
    expect(core.fired).toEqual([])
    expect(core.now).toBe(99)
    // What had arrived meanwhile is read now, before the timer.
    live.enter(() => expect(core.now).toBe(99))
    wall.fire()
    expect(core.fired.map(({ due }) => due)).toEqual([100])
    wall.fire()
    expect(core.fired.map(({ due }) => due)).toEqual([100, 5_000])
    expect(core.now).toBe(5_000)
  })

  it('takes the delays of a busy process as time that passed', () => {
    const { wall, core } = clock(100, 600, 5_000)
    wall.fire(LATE_MS_MAX)
    expect(core.fired.map(({ due }) => due)).toEqual([100, 600])
    expect(core.now).toBe(100 + LATE_MS_MAX)
  })

  it('goes on after work that threw', () => {
    const { wall, core, live } = clock(100)
    expect(() => live.enter(() => { throw new Error('host bug') })).toThrow('host bug')
    wall.fire()
    expect(core.fired).toHaveLength(1)
  })
})
