import { describe, expect, it } from '@jest/globals'
import type { LinkRow } from '../../../machines/link-keeper-context.ts'
import { rows } from '../../../machines/table.ts'
import { Instance } from '../../../proto/index.ts'
import { KeeperRun } from '../keeper-run.ts'

const life = (startedAt: number) => ({ instance: new Instance({ startedAt, nonce: Uint8Array.of(1) }) })

/** Calls in with one identity again and again, and returns how many links are held then. */
function calls(run: KeeperRun, count: number, identify: (call: number) => object): number {
  for (let call = 0; call < count; call++) {
    const address = run.inbound('eve', `in-${String(call)}`)
    run.identified(address, 'eve', { direction: 1, linkId: String(900 - call), ...identify(call) })
  }
  return [...rows<LinkRow>(run.context.links)].filter(({ phase }) => phase === 'held').length
}

describe('a peer that wants more than its one link', () => {
  it.each([
    ['a time that is no number', () => life(Number.NaN)],
    ['a time without end', () => life(Number.POSITIVE_INFINITY)],
    ['a dial that is no number', () => ({ ...life(5), dial: Number.NaN })]
  ])('has one all the same where it claims %s', (_, identify) => {
    expect(calls(new KeeperRun(), 10, identify)).toBe(1)
  })

  it('has a handful where it claims to start anew with every call and finishes none, and others find room', () => {
    const run = new KeeperRun({ maxLinks: 5 })
    expect(calls(run, 100, call => life(1_000 + call))).toBeLessThan(10)
    const other = run.inbound('bob')
    run.identified(other, 'bob', { direction: 1 })
    expect(run.codes()).toEqual([['LinkAdmitted', other]])
  })

  it('does not make its keeper remember what it says at length', () => {
    const run = new KeeperRun()
    calls(run, 1, () => ({ instance: new Instance({ startedAt: 5, nonce: new Uint8Array(60_000) }) }))
    expect(run.peer('eve')!.life.nonce).toBe('00'.repeat(8))
  })
})

describe('the dials of one address', () => {
  it('are counted place by place where a wait is cut short or a retry is allowed: one too many is too much', () => {
    const victim = (port: number) => ({ host: 'victim', port })
    const run = new KeeperRun({ dialsPerTarget: 3 }).heard('zoe', { endpoints: [victim(1)] })
    const address = run.one()
    run.ended(address, { code: 'dial-refused', level: 0, againMs: 60_000 })
    // A dial and a retry are paid; of the two places only one can be.
    run.heard('zoe', { endpoints: [victim(2)] })
    expect(run.of('EndpointsFound')).toEqual([])
    run.pass(10_000)
    run.heard('zoe')
    expect(run.of('EndpointsFound')).toMatchObject([{ body: { endpoints: [{ host: 'host-zoe', port: 1 }, victim(2), victim(1)] } }])
    run.ended(address, { code: 'dial-refused', level: 0, againMs: 60_000 })
    expect(run.codes().at(-1)).toEqual(['CloseRequested', address, 'dial-budget'])
  })
})
