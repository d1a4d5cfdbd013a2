import { afterAll, describe, expect, it } from '@jest/globals'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { StateMachine, type AnyStateMachine } from 'xstate'
import { asyncStep, definitions as own } from '../../actors/index.ts'
import { classOf, Stop } from '../../proto/index.ts'
import { coverageTable, transitionCoverage, type TransitionCoverage } from '../../runtime/testing/coverage.ts'
import type { MachineRun } from '../../runtime/testing/machine-run.ts'
import { pathsOf } from '../../runtime/testing/paths.ts'
import { walksOf } from './paths/index.ts'

// A step that is a function of the host program has a machine of ours too.
const definitions = [...own, asyncStep('host-step', () => {})]

/** An actor's time to stop, in milliseconds. */
const STOP_MS = 2_000

const folder = join(import.meta.dirname, '../../machines')
const modules = await Promise.all(readdirSync(folder).map(file => import(join(folder, file)) as Promise<Record<string, unknown>>))
const machines = new Set(modules.flatMap(module => Object.values(module)).filter(value => value instanceof StateMachine))

const coverages: TransitionCoverage[] = []
afterAll(() => { process.stdout.write(`\n${coverageTable(coverages)}\n`) })

/** Path of the first value that a checkpoint could not hold. */
function notPlain(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isNaN(value) ? path : undefined
  if (value instanceof Uint8Array) return undefined
  if (typeof value !== 'object' || ![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value) as null)) return path
  for (const [key, inner] of Object.entries(value)) {
    const bad = notPlain(inner, `${path}.${key}`)
    if (bad !== undefined) return bad
  }
  return undefined
}

function checkSaid(run: MachineRun, again: MachineRun): void {
  expect(run.said.map(({ time, to, type, body }) => [time, to, type, classOf(body).encode(body).finish()]))
    .toEqual(again.said.map(({ time, to, type, body }) => [time, to, type, classOf(body).encode(body).finish()]))
  for (const { body } of run.said) {
    const type = classOf(body)
    expect(type.toObject(type.decode(type.encode(body).finish()), { defaults: true })).toEqual(type.toObject(type.fromObject(body), { defaults: true }))
  }
}

function checkEnd(run: MachineRun, machine: AnyStateMachine): void {
  const stop = new Stop({ reason: 'the test is over' })
  if (machine.events.includes('Stop')) {
    // One that closes already needs not be told.
    if (run.takes(stop)) run.hear(stop)
    run.pass(STOP_MS)
    expect(run.done).toBe(true)
  }
  run.actor.stop()
  expect(run.clock.size).toBe(0)
}

describe('every machine', () => {
  it('belongs to an actor whose paths are walked below', () => {
    expect(machines.size).toBeGreaterThanOrEqual(10)
    const acting = new Map(definitions.map(({ kind, machine }) => [machine as unknown, kind]))
    expect([...machines].filter(machine => !acting.has(machine)).map(machine => (machine as AnyStateMachine).id)).toEqual([])
    // A new machine: say in test/machines/paths/ what it may be told, and it is walked.
    expect(definitions.map(({ kind }) => kind).filter(kind => walksOf[kind] === undefined)).toEqual([])
  })

  for (const { kind, machine } of definitions) {
    const { walks, gaps = {} } = walksOf[kind] ?? { walks: [] }
    describe(kind, () => {
      const coverage = transitionCoverage(machine)
      coverages.push(coverage)
      const paths = walks.flatMap(walk => pathsOf(machine, { ...walk, coverage }).paths)

      it('has a way to every state and through every transition', () => {
        expect(coverage.unreached()).toEqual([])
        expect(coverage.missing()).toEqual(Object.keys(gaps))
      })

      it('does the same on each of them when it is gone again, and says only what can be read', () => {
        for (const path of paths) {
          const [run, again] = [path.run(), path.run()]
          expect(run.state).toEqual(path.state)
          expect(again.context).toEqual(run.context)
          checkSaid(run, again)
        }
      })

      it('keeps only what a checkpoint can hold', () => {
        for (const path of paths) expect([path.title, notPlain(path.run().context, 'context')]).toEqual([path.title, undefined])
      })

      it('stops in time wherever it is, and leaves no timer', () => {
        for (const path of paths) checkEnd(path.run(), machine)
      })
    })
  }
})
