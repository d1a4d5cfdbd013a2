import { describe, expect, it } from '@jest/globals'
import { peerConnectionContext, type PeerConnectionContext } from '../../../machines/peer-connection-context.ts'
import { Initiator, RoutineDue } from '../../../proto/index.ts'
import { earlier } from '../../../runtime/doctor/beginning.ts'
import type { Inspection } from '../../../runtime/kernel/index.ts'
import { KeeperRun } from '../../machines/keeper-run.ts'
import { Said, ZERO } from './bus.ts'

const remote = { host: 'host-xx', port: 1 }

/** Histories that begin where the keeper knows one link, of a connection that is like this. */
function begun(run: KeeperRun, address: string, state: unknown, change: Partial<PeerConnectionContext>): Said {
  const context = { ...peerConnectionContext({ address, parent: 'link-keeper/main', options: { peerId: 'xx', endpoints: [remote] }, random: 1, flags: [], incarnation: 0 }), peerId: 'xx', ...change }
  const actor = { kind: 'link-keeper', address: 'link-keeper/main', context: run.context as unknown, state: 'open' as unknown }
  const said = new Said()
  said.time = run.clock.now()
  for (const { body, ...at } of earlier({ actors: [actor, { kind: 'peer-connection', address, context, state }] } as unknown as Inspection)) said.histories.tell(body, at)
  return said
}

function dialled(): { run: KeeperRun; address: string } {
  const run = new KeeperRun()
  run.pass(1_000)
  run.heard('xx')
  return { run, address: run.one() }
}

describe('a history that begins at a checkpoint', () => {
  it.each([
    [{ opening: 'dialing' }, 'opening', 'dialing'], [{ opening: 'securing' }, 'opening', 'securing'], [{ secured: 'identifying' }, 'opening', 'identifying'],
    [{ secured: 'admitting' }, 'opening', 'admitting'], [{ secured: 'verifying' }, 'opening', 'verifying'], [{ secured: 'pending' }, 'opening', 'pending'],
    [{ secured: 'withdrawn' }, 'linked', 'withdrawn'], [{ secured: 'basic' }, 'linked', 'basic'], [{ secured: 'enhanced' }, 'linked', 'enhanced']
  ])('knows a link in the state %j', (state, standing, rung) => {
    const { run, address } = dialled()
    expect(begun(run, address, state, { step: 'verify-ask/1' }).why('xx')).toMatchObject({ peerId: 'xx', standing, rung, cause: undefined, since: ZERO + 1_000 })
  })

  it('knows that a person is asked, and at which side', () => {
    const { run, address } = dialled()
    expect(begun(run, address, { secured: 'pending' }, { step: 'verify-ask/1' }).why('xx').summary).toMatch(/the step ask waits for a decision here/)
    expect(begun(run, address, { secured: 'pending' }, { step: 'verify-ask/1', heldMs: 5 }).why('xx').summary).toMatch(/the step ask waits for a decision at its side/)
  })

  it.each([
    ['dial-refused', 1, 'dialing'], ['tls-timeout', 1, 'securing'], ['alpn', 1, 'securing'], ['keepalive-timeout', 1, 'enhanced'], ['identify-timeout', 2, 'identifying']
  ])('knows why a link waits to be dialled again: %s, after %d failures', (code, failures, endedIn) => {
    const { run, address } = dialled()
    run.linked(address, 'xx').ended(address, { peerId: 'xx', code, againMs: 5_000 })
    const ending = { code, reason: 'so', initiator: Initiator.INITIATOR_NETWORK, step: '', forMs: 0, again: true }
    expect(begun(run, address, 'backoff', { ending, failures, waitMs: 5_000 }).why('xx')).toMatchObject({ standing: 'waiting', cause: { code, reason: 'so', rung: endedIn }, againAt: ZERO + 6_000 })
  })

  it('is empty where there is no link keeper, or none of ours', () => {
    expect(earlier({ actors: [] } as unknown as Inspection)).toEqual([])
    expect(earlier({ actors: [{ kind: 'link-keeper', context: { own: new RoutineDue() } }] } as unknown as Inspection)).toEqual([])
  })
})
