import { describe, expect, it } from '@jest/globals'
import { inboundQueueMachine } from '../../machines/inbound-queue.ts'
import { defaultPolicy, toPolicyValue } from '../../machines/policy.ts'
import { PlaceInbound, PolicyChanged, TakeInbound, Terminated } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'

const queue = (inboundQueueLimit = 2) => new MachineRun(inboundQueueMachine, { address: 'inbound-queue/main', options: { inboundPlacement: 'queue', inboundQueueLimit } })
const place = (run: MachineRun, name: string) => run.hear(new PlaceInbound({ peerId: name, linkId: `link-${name}` }), `verify-queue/${name}`)

describe('the inbound queue', () => {
  it('lets each wait, tells the host program alone, and refuses who does not fit, by name', () => {
    const run = queue()
    place(run, 'ann')
    expect(run.take()).toMatchObject([
      { to: 'verify-queue/ann', type: 'InboundPlaced', body: { code: '' } }, { to: 'system', type: 'Watch', body: { address: 'verify-queue/ann' } },
      { to: 'host', type: 'InboundQueued', body: { peerId: 'ann', linkId: 'link-ann' } }
    ])
    place(run, 'bob')
    run.take()
    place(run, 'cid')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/cid', type: 'InboundPlaced', body: { code: 'queue-full' } }])
    run.hear(new TakeInbound({ linkId: 'link-ann' }), 'host')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/ann', type: 'InboundTaken', body: { refused: false } }, { to: 'host', type: 'InboundLeft', body: { linkId: 'link-ann' } }])
    place(run, 'cid')
    expect(run.take()[0]).toMatchObject({ to: 'verify-queue/cid', body: { code: '' } })
  })

  it('forgets who is gone, and takes nobody twice', () => {
    const run = queue()
    place(run, 'ann')
    run.take()
    run.hear(new Terminated({ address: 'verify-queue/ann' }), 'system')
    expect(run.take()).toMatchObject([{ to: 'host', type: 'InboundLeft' }])
    run.hear(new TakeInbound({ linkId: 'link-ann' }), 'host')
    run.hear(new Terminated({ address: 'verify-queue/ann' }), 'system')
    expect(run.take()).toEqual([])
  })

  it('holds nobody whose link came just before the policy said event', () => {
    const run = queue()
    run.hear(new PolicyChanged({ policy: toPolicyValue(defaultPolicy) }))
    place(run, 'ann')
    expect(run.take()).toMatchObject([{ to: 'verify-queue/ann', type: 'InboundPlaced', body: { code: '' } }, { to: 'verify-queue/ann', type: 'InboundTaken', body: { refused: false } }])
  })

  it('announces besides where the policy says both, and lets everybody go on when it says event', () => {
    const run = queue()
    run.hear(new PolicyChanged({ policy: toPolicyValue({ ...defaultPolicy, inboundPlacement: 'both', inboundQueueLimit: 9 }) }))
    for (const name of ['ann', 'bob', 'cid']) place(run, name)
    expect(run.of('InboundQueued').map(({ to }) => to)).toEqual(['host', '', 'host', '', 'host', ''])
    run.hear(new PolicyChanged({ policy: toPolicyValue(defaultPolicy) }))
    expect(run.of('InboundTaken').map(({ to }) => to)).toEqual(['verify-queue/ann', 'verify-queue/bob', 'verify-queue/cid'])
  })
})
