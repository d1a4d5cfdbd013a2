import { describe, expect, it } from '@jest/globals'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import { CloseRequested, Level } from '../../proto/index.ts'
import { classOf, typeName } from '../../proto/index.ts'
import { pathsOf, type PathStep } from '../../runtime/testing/paths.ts'
import { peerConnectionPaths } from './paths/links.ts'

const typeOf = (step: PathStep): string => 'waitMs' in step ? 'time' : typeName(classOf(Array.isArray(step) ? step[0] : step))

describe('every state of a connection', () => {
  const paths = peerConnectionPaths.walks.flatMap(walk => pathsOf(peerConnectionMachine, walk).paths)

  it('is reached by some way', () => {
    const reached = new Set(paths.map(({ state }) => JSON.stringify(state)))
    for (const rung of ['identifying', 'admitting', 'verifying', 'basic', 'enhanced']) expect(reached).toContain(`{"secured":"${rung}"}`)
    for (const state of ['{"opening":"dialing"}', '{"opening":"securing"}', '"closing"', '"backoff"', '"closed"']) expect(reached).toContain(state)
  })

  it('is left for good by one request to close, within the time to linger, and leaves no timer', () => {
    for (const path of paths) {
      const run = path.run()
      if (!run.done) run.hear(new CloseRequested({ code: 'dropped' }))
      run.pass(1_000)
      expect(run.state).toBe('closed')
      expect(run.clock.size).toBe(0)
    }
  })

  it('never passes data before both sides verified each other', () => {
    let passing = 0
    for (const path of paths) {
      const { level, options } = path.run().context as { level: Level; options: { steps: string[]; enhancedBeforeTrust: boolean } }
      const types = path.steps.map(typeOf)
      // Where the policy trusts first, messages pass at once, and the level is reached all the same by the steps alone.
      if (level >= (options.enhancedBeforeTrust ? Level.LEVEL_ENHANCED : Level.LEVEL_BASIC) && options.steps.length > 0) expect(types).toContain('StepPassed')
      if (level >= Level.LEVEL_ENHANCED) expect(types).toContain('Verified')
      if (level >= Level.LEVEL_BASIC) passing++
    }
    expect(passing).toBeGreaterThan(10)
  })
})
