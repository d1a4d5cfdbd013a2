import { describe, expect, it } from '@jest/globals'
import { linkKeeperMachine } from '../../machines/link-keeper.ts'
import { LIBRARY_FLAGS } from '../../runtime/kernel/flags.ts'
import { coverage, KEEPER, KeeperRun } from './keeper-run.ts'
import './link-keeper/who-dials.ts'
import './link-keeper/pairs.ts'
import './link-keeper/limits.ts'
import './link-keeper/leaving.ts'
import './link-keeper/hostile.ts'
import './link-keeper/trimming.ts'
import './link-keeper/crowds.ts'
import './link-keeper/trust.ts'
import './link-keeper/policy.ts'

const static_ = { via: 'static', instance: null }

// Runs last: the tests imported above are the evidence.
describe('the statechart', () => {
  it('has no transition without a test', () => {
    coverage.start({ address: KEEPER, parent: 'system', options: {}, flags: LIBRARY_FLAGS, random: 1 })
    expect(coverage.missing()).toEqual([])
  })

  it('holds its context as plain data', () => {
    const run = new KeeperRun().heard('zoe').heard('ada', static_)
    run.linked(run.inbound('bob'), 'bob')
    expect(JSON.parse(JSON.stringify(run.context))).toEqual(run.context)
    expect(linkKeeperMachine.root.states.open!.description).toBeDefined()
  })
})
