import { describe, expect, it } from '@jest/globals'
import { peerConnectionMachine } from '../../machines/peer-connection.ts'
import { ADDRESS, coverage, KEEPER, NETWORK } from './connection-run.ts'
import './peer-connection/climbing.ts'
import './peer-connection/living.ts'
import './peer-connection/dialling-again.ts'
import './peer-connection/trust.ts'
import './peer-connection/policy.ts'

const endpoint = (n: number) => ({ host: `192.0.2.${n}`, port: 4_000 })

// Runs last: the tests imported above are the evidence.
describe('the statechart', () => {
  it('has no transition without a test', () => {
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { endpoints: [], network: NETWORK }, flags: [], random: 1 })
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { endpoints: [endpoint(1)], network: NETWORK }, flags: [], random: 1 })
    coverage.start({ address: ADDRESS, parent: KEEPER, options: { direction: 'in', network: NETWORK }, flags: [], random: 1 })
    expect(coverage.missing()).toEqual([])
  })

  it('says of every state what it is for', () => {
    const states: string[] = []
    const visit = (node: { id: string; description?: string | undefined; states: object }): void => {
      if (node.description === undefined) states.push(node.id)
      for (const child of Object.values(node.states)) visit(child as never)
    }
    visit(peerConnectionMachine.root)
    expect(states).toEqual([])
  })
})
