import { describe, expect, it } from '@jest/globals'
import { routinesMachine } from '../../machines/routines.ts'
import { DiscoveryStarted, SetRoutine, Stop } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'

const started = (): MachineRun => {
  const run = new MachineRun(routinesMachine, { options: { routines: [{ name: 'sweep', everyMs: 1_000 }, { name: 'idle', everyMs: 500, running: false }] } })
  run.hear(new DiscoveryStarted())
  return run
}
const dues = (run: MachineRun): unknown[] => run.take().filter(({ type }) => type === 'RoutineDue').map(({ time, body }) => [time, (body as { name: string }).name])

describe('routines', () => {
  it('are told at once, and due ever and again from the start of discovery on', () => {
    const run = new MachineRun(routinesMachine, { options: { routines: [{ name: 'sweep', everyMs: 1_000 }] } })
    run.pass(5_000)
    expect(run.take()).toMatchObject([{ to: '', type: 'RoutinesChanged', body: { routines: [{ name: 'sweep', everyMs: 1_000, running: true }] } }])
    run.hear(new DiscoveryStarted())
    run.pass(2_999)
    expect(dues(run)).toEqual([[6_000, 'sweep'], [7_000, 'sweep']])
  })

  it('can be stopped, started, re-timed and added', () => {
    const run = started()
    run.hear(new SetRoutine({ name: 'sweep', change: 'stop' }))
    run.hear(new SetRoutine({ name: 'idle', change: 'start' }))
    run.hear(new SetRoutine({ name: 'mine', everyMs: 700 }))
    expect(run.of('RoutinesChanged').at(-1)).toMatchObject({ body: { routines: [{ name: 'sweep', running: false }, { name: 'idle', running: true }, { name: 'mine', everyMs: 700, running: true }] } })
    run.take()
    run.pass(1_000)
    expect(dues(run)).toEqual([[500, 'idle'], [700, 'mine'], [1_000, 'idle']])
    run.hear(new SetRoutine({ name: 'idle', everyMs: 10_000 }))
    run.hear(new SetRoutine({ name: 'sweep', change: 'start', everyMs: 2_000 }))
    run.pass(2_000)
    expect(dues(run)).toEqual([[1_400, 'mine'], [2_100, 'mine'], [2_800, 'mine'], [3_000, 'sweep']])
  })

  it('that are unknown, nameless or too many are no routines; too short a time is the shortest', () => {
    const run = started()
    run.take()
    run.hear(new SetRoutine({ name: 'unknown', change: 'start' }))
    run.hear(new SetRoutine({ name: '', everyMs: 1 }))
    run.hear(new SetRoutine({ name: 'sweep', everyMs: NaN }))
    expect(run.take()).toEqual([])
    run.hear(new SetRoutine({ name: 'sweep', everyMs: 1 }))
    for (let i = 0; i < 300; i++) run.hear(new SetRoutine({ name: `r${String(i)}`, everyMs: 1e12 }))
    expect((run.said.at(-1)!.body as { routines: { everyMs: number }[] }).routines).toHaveLength(256)
    expect(run.context.rows[0]).toEqual({ name: 'sweep', everyMs: 100, running: true })
    expect(run.context.rows[255].everyMs).toBe(0x7fff_ffff)
    run.hear(new Stop())
    expect(run.done).toBe(true)
  })
})
