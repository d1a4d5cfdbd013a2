import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { readLog, walk, type WalkStep } from '../../../runtime/testing/index.ts'
import { orders, puppet, record, seed, type Order } from './puppet.ts'
import { pack, scratch, unpack } from './samples.ts'

const dir = scratch()
const definitions = [puppet]

async function walked(name: string, given: readonly Order[], stop = true): Promise<{ steps: WalkStep[]; path: string }> {
  const { path } = await record(dir.path(name), { seed, orders: given, stop })
  return { steps: [...walk(path, { definitions })], path }
}

describe('a walk through a log', () => {
  it('comes by every message that the recorded bus delivered, in order, those between machines too', async () => {
    const { path } = await record(dir.path('all'), { seed, orders })
    const logged = [...readLog(path)].flatMap(entry => (entry.kind === 'stopped' ? [] : [entry.envelope]))
    const steps = [...walk(path, { definitions })].filter(({ kind }) => kind === 'message')
    // Every number is given once, so none is passed over.
    const seqs = [...new Set(steps.map(({ seq }) => seq))]
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1))
    expect(logged.filter(({ seq }) => seq > seqs.length)).toEqual([])
    expect(seqs.length).toBeGreaterThan(logged.length)
    for (const { seq, type, from, to, cause, time } of logged) expect(steps.find(step => step.seq === seq)).toMatchObject({ type, from, to, cause, time })
    const inside = new Set(steps.filter(({ boundary }) => boundary === 'inside').map(({ seq }) => seq))
    expect([...inside].sort((a, b) => a - b)).toEqual(seqs.filter(seq => !logged.some(each => each.seq === seq)))
  })

  it('tells the state of the actor before and after, and whether it was a message, a start or a timer', async () => {
    const { steps } = await walked('states', [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 50, to: 'puppet/a', text: 'a' }])
    const own = steps.filter(({ actor }) => actor === 'puppet/a').map(step => [step.kind, step.type, step.before, step.after, step.time])
    expect(own).toEqual([
      ['start', '', undefined, 'ready', 0],
      ['message', 'TextMessage', 'ready', 'waiting', 0],
      ['timer', '', 'waiting', 'ready', 30],
      ['message', 'TextMessage', 'ready', 'ready', 50],
      ['message', 'LinksChanged', 'ready', 'ready', 50],
      ['message', 'Stop', 'ready', 'ready', 51]
    ])
    const [, told] = steps.filter(({ actor }) => actor === 'puppet/a')
    expect(told!.contextBefore).toMatchObject({ count: 0 })
    expect(told!.contextAfter).toMatchObject({ count: 1 })
  })

  it('is a step for each actor that hears an announcement, and one for mail that no machine takes', async () => {
    const { steps } = await walked('heard', [{ after: 0, to: 'puppet/a', text: 'ap' }])
    const announced = steps.filter(({ type }) => type === 'LinksChanged')
    expect(announced.map(({ actor, boundary }) => [actor, boundary])).toEqual([['puppet/a', 'output'], ['puppet/b', 'output']])
    const out = steps.filter(({ to }) => to === 'peer/bob')
    expect(out.map(({ actor, boundary, before }) => [actor, boundary, before])).toEqual([[undefined, 'output', undefined]])
    const inside = steps.filter(({ to, from }) => to === 'puppet/a' && from === 'system')
    expect(inside.map(({ type, boundary }) => [type, boundary])).toEqual([['Stop', 'inside']])
  })

  it('leads from a timer back to the message at which it was set', async () => {
    const { steps } = await walked('timers', [{ after: 0, to: 'puppet/a', text: 'w' }, { after: 31, to: 'puppet/b', text: 'a' }])
    const order = steps.find(({ type, to }) => type === 'TextMessage' && to === 'puppet/a')!
    const fired = steps.find(({ kind }) => kind === 'timer')!
    const tick = steps.find(({ type, from }) => type === 'TextMessage' && from === 'puppet/a')!
    expect([fired.origin, tick.origin, tick.cause]).toEqual([order.seq, order.seq, 0])
  })

  it('starts an actor after the message that asked for it', async () => {
    const { steps } = await walked('spawned', [{ after: 0, to: 'puppet/a', text: 's' }])
    const start = steps.findIndex(({ kind, actor }) => kind === 'start' && actor === 'puppet/a-c')
    expect(steps[start - 1]).toMatchObject({ seq: steps[start]!.origin, type: 'SpawnActor', to: 'system' })
  })

  it('shows the step of a machine that throws', async () => {
    const { steps } = await walked('thrown', [{ after: 0, to: 'puppet/a', text: 'x' }])
    expect(steps.filter(({ failed }) => failed).map(({ actor, after }) => [actor, after])).toEqual([['puppet/a', 'ready']])
  })

  it('ends with the step in which the replay left the log', async () => {
    const { path } = await record(dir.path('left'), { seed, orders })
    const [head, ...rest] = unpack(readFileSync(path)).flat()
    const index = rest.findIndex(({ output }) => output?.to === 'puppet/a#hand')
    const cause = rest[index]!.output!.cause
    rest[index]!.output!.to = 'puppet/b#hand'
    const run = walk(pack([[head!], rest]), { definitions })
    const steps = [...run]
    expect(run.divergence).toMatchObject({ kind: 'different', actor: 'puppet/a' })
    expect(steps.at(-1)!.seq).toBe(cause)
    expect(run.result().differences).toBe(1)
  })

  it('can be left in its midst', async () => {
    const { path } = await record(dir.path('midst'), { seed, orders })
    const run = walk(path, { definitions })
    for (const step of run) if (step.after === 'waiting') break
    expect([...run]).toEqual([])
  })
})
